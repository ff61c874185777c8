from pathlib import Path

import numpy as np
import pytest

from scorer.data.table import Row
from scorer.evaluate import adapted_rows, baselines, by_person, figures_of, pooled, user_figures

USERS = [f"p{n}" for n in range(12) for _ in range(10)]
TRUTH = np.random.default_rng(0).integers(1, 6, len(USERS)).astype(float)


def row(user: str, image: str, score: float, *, group: str = "a", role: str = "train") -> Row:
    return Row(user, Path(image), float(score), "d", f"d_{role}", {}, {"group": group})


def values(figures: dict[str, dict[str, object]]) -> list[object]:
    return [figures[metric]["value"] for metric in ("srocc", "plcc", "pairwise")]


def test_a_constant_ranks_at_chance():
    constant = np.ones(len(TRUTH))
    assert values(user_figures(USERS, TRUTH, constant)) == [0, 0, 0.5]
    assert values(pooled(USERS, TRUTH, constant)) == [0, 0, 0.5]


def test_the_truth_itself_is_perfect():
    assert values(user_figures(USERS, TRUTH, TRUTH)) == [1, 1, 1]
    assert values(pooled(USERS, TRUTH, TRUTH)) == [1, 1, 1]


def test_a_habit_of_rating_high_counts_pooled_only():
    shifted = TRUTH + np.repeat(np.arange(12), 10)
    assert values(user_figures(USERS, TRUTH, shifted)) == [1, 1, 1]
    found = pooled(USERS, TRUTH, shifted)
    assert found["srocc"]["value"] < 0.9
    assert found["pairwise"]["value"] == 1  # pairs are of one person


def test_people_whose_ratings_are_all_alike_are_left_out():
    truth = np.array([3.0, 3, 1, 2])
    assert set(by_person(["a", "a", "b", "b"], truth, truth, "srocc")) == {"b"}


def test_intervals_hold_the_figure_and_shrink_with_people():
    noise = TRUTH + 2 * np.random.default_rng(1).standard_normal(len(TRUTH))
    few = user_figures(USERS[:40], TRUTH[:40], noise[:40])["srocc"]
    many = user_figures(USERS, TRUTH, noise)["srocc"]
    for figure in (few, many):
        assert figure["ci95"][0] < figure["value"] < figure["ci95"][1]
    assert np.ptp(many["ci95"]) < np.ptp(few["ci95"])


def test_baselines_are_of_the_training_ratings_and_of_the_others():
    train = [row("a", "1", 2), row("b", "2", 4, group="b"), row("b", "3", 5, group="b")]
    asked = [row("a", "9", 1), row("b", "9", 3), row("c", "9", 5, group="b"), row("a", "8", 2)]
    found = baselines(asked, train)
    assert found["constant"].tolist() == pytest.approx([11 / 3] * 4)
    assert found["group mean"].tolist() == [2, 2, 4.5, 2]
    assert found["image mean"].tolist() == pytest.approx([4, 3, 2, 11 / 3])


def test_figures_of_rows_tell_people_of_data_sets_apart():
    rows = [row("a", "1", 1), row("a", "2", 2)]
    other = [Row("a", Path("3"), 90.0, "e", "e_train"), Row("a", Path("4"), 10.0, "e", "e_train")]
    found = figures_of([*rows, *other], np.array([1.0, 2, 9, 1]))
    assert found["user"]["srocc"]["value"] == 1


def test_ratings_to_adapt_to_are_training_ones_of_those_who_are_asked():
    train = [row("a", str(n), 3) for n in range(9)] + [row("b", "1", 3)]
    known = adapted_rows([row("a", "x", 1), row("c", "x", 1)], train, 4)
    assert {name: len(rows) for name, rows in known.items()} == {"d/a": 4}
    assert len(adapted_rows([row("a", "x", 1)], train, None)["d/a"]) == 9
