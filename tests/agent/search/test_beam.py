from random import Random

from hypothesis import given
from hypothesis import strategies as st

from agent.search.base import Expansion
from agent.search.beam import TIE, BeamSearch, ranked, shares
from agent.trajectory import Candidate, Step

scores = st.one_of(st.floats(1, 5), st.sampled_from([2.0, 2.0 + TIE / 2, 2.0 + TIE, 2.0 + 2 * TIE]))
outcomes = st.one_of(scores, st.sampled_from(["rejected", "failed", "pruned"]))
rounds = st.lists(st.lists(outcomes, max_size=8), max_size=5)


def candidate(number: int, outcome: float | str) -> Candidate:
    common = {"id": f"c{number:04d}", "iteration": 0, "prompt": f"prompt {number}"}
    if isinstance(outcome, str):
        return Candidate.model_validate({**common, "status": outcome})
    return Candidate.model_validate({**common, "status": "scored", "score": outcome})


def numbered(first: float, later: list[list[float | str]]) -> list[list[Candidate]]:
    number = iter(range(10_000))
    return [[candidate(next(number), o) for o in outcomes] for outcomes in [[first], *later]]


def search(width: int = 3, iterations: int = 4) -> BeamSearch:
    return BeamSearch(beam_width=width, branching=4, iterations=iterations)


@given(scores, rounds, st.integers(1, 4))
def test_best_so_far_is_never_lost(first: float, later: list[list[float | str]], width: int):
    searcher, told, best_before = search(width), [], float("-inf")
    for outcome in numbered(first, later):
        searcher.tell(outcome)
        told += [c.score for c in outcome if c.score is not None]
        best = searcher.step().best_score
        assert best is not None
        assert best >= max(told) - TIE
        assert best >= best_before
        best_before = best


@given(scores, rounds)
def test_beam_holds_scored_candidates_only(first: float, later: list[list[float | str]]):
    searcher, scored = search(), set[str]()
    for outcome in numbered(first, later):
        searcher.tell(outcome)
        scored |= {c.id for c in outcome if c.status == "scored"}
        assert set(searcher.step().beam) <= scored
        assert 1 <= len(searcher.step().beam) <= 3


@given(scores, rounds)
def test_replaying_what_was_told_gives_the_same_state(first: float, later: list[list[float | str]]):
    told = numbered(first, later)
    one, other = search(), search()
    steps = [(one.tell(t), one.step(), one.ask()) for t in told]

    assert [(other.tell(t), other.step(), other.ask()) for t in told] == steps


@given(st.lists(scores, min_size=1, max_size=9), st.randoms())
def test_ranking_does_not_depend_on_the_order_of_arrival(values: list[float], random: Random):
    candidates = [candidate(n, value) for n, value in enumerate(values)]
    shuffled = random.sample(candidates, len(candidates))

    assert ranked(shuffled) == ranked(candidates)


def test_tie_is_won_by_the_lower_id():
    older, newer = candidate(1, 3.0), candidate(2, 3.0 + TIE / 2)

    assert ranked([newer, older]) == [older, newer]


def test_clear_difference_is_won_by_the_score():
    older, newer = candidate(1, 3.0), candidate(2, 3.0 + 2 * TIE)

    assert ranked([older, newer]) == [newer, older]


def test_ids_past_four_digits_are_newer():
    assert ranked([candidate(10_000, 3.0), candidate(9_999, 3.0)])[0].id == "c9999"


def test_first_iteration_gets_the_whole_budget():
    searcher = search()
    searcher.tell([candidate(0, 3.0)])

    assert searcher.ask() == [Expansion("c0000", 12)]


@given(st.integers(1, 5))
def test_every_iteration_has_the_same_budget(members: int):
    searcher = search(width=3)
    searcher.tell([candidate(n, 1.0 + n / 10) for n in range(members)])

    assert sum(expansion.count for expansion in searcher.ask()) == 12


def test_full_beam_gets_branching_edits_each():
    searcher = search()
    searcher.tell([candidate(n, 1.0 + n / 10) for n in range(3)])

    assert searcher.ask() == [Expansion(i, 4) for i in ("c0002", "c0001", "c0000")]


def test_users_own_prompt_stays_in_the_beam_while_it_is_among_the_best():
    searcher = search(width=2)
    searcher.tell([candidate(0, 3.0)])
    searcher.tell([candidate(1, 2.0), candidate(2, 2.5)])

    assert searcher.step() == Step(iteration=1, beam=("c0000", "c0002"), best_score=3.0)


def test_search_is_done_after_its_iterations():
    searcher = search(iterations=1)
    searcher.tell([candidate(0, 3.0)])
    assert not searcher.done
    searcher.tell([])

    assert searcher.done
    assert searcher.ask() == []


def test_search_without_any_score_is_done():
    searcher = search()
    searcher.tell([candidate(0, "failed")])

    assert searcher.done
    assert searcher.step() == Step(iteration=0, beam=(), best_score=None)


@given(st.integers(0, 100), st.integers(1, 20))
def test_shares_are_even_and_complete(total: int, among: int):
    parts = shares(total, among)

    assert sum(parts) == total
    assert len(parts) == among
    assert max(parts) - min(parts) <= 1
