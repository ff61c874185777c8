from collections import Counter

import pytest

from agent.stray import LEAST
from benchmarks.stray import KINDS, NEED, cases, chosen, is_let_through


def test_every_prompt_has_two_edits_of_every_kind():
    every = list(cases())

    assert len({case.prompt for case in every}) == 48
    assert set(Counter((case.number, case.kind) for case in every).values()) == {2}
    assert {case.kind for case in every} == set(KINDS)
    assert every == list(cases())


def test_edits_of_the_catalogue_begin_with_the_prompt():
    kept = [case for case in cases() if case.kind == "catalogue"]

    assert all(case.text.startswith(f"{case.prompt}, ") for case in kept)


def test_a_limit_lets_its_share_through():
    figures = [n / 100 for n in range(1, 101)]

    assert chosen(figures, 0.9) == pytest.approx(0.1, abs=0.011)
    assert sum(figure >= chosen(figures, 0.9) for figure in figures) >= 90


def test_bars_are_about_levels_and_kinds_that_there_are():
    assert {level for level, _ in NEED} <= set(LEAST)
    assert {name.split(": ")[1] for _, name in NEED} <= set(KINDS)


def test_high_lets_everything_through():
    figures = {"verbatim": 0.0, "words": 0.0, "subject": 0.0}

    assert [level for level in LEAST if is_let_through(figures, level)] == ["high"]
