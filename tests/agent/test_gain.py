import pytest

from agent.gain import honest_gain, paired_interval, search_gain
from agent.trajectory import Candidate, Gain, Heldout

SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
"""Student's own example (1908): extra hours of sleep, second drug less first."""


def scored(name: str, score: float | None) -> Candidate:
    status = "failed" if score is None else "scored"
    return Candidate(id=name, iteration=0, prompt=name, status=status, score=score)


def pairs(differences: list[float | None]) -> list[Heldout]:
    return [
        Heldout(candidate=name, seed=seed, score=score)
        for seed, difference in enumerate(differences)
        for name, score in (("a", 2.0), ("b", None if difference is None else 2.0 + difference))
    ]


def test_interval_is_that_of_students_sleep_data():
    assert paired_interval(SLEEP) == pytest.approx((0.7001142, 2.4598858), abs=1e-6)


@pytest.mark.parametrize("differences", [[], [0.3]])
def test_fewer_than_two_pairs_have_no_interval(differences: list[float]):
    assert paired_interval(differences) is None


def test_heldout_gain_is_the_mean_of_the_pairs():
    gain = honest_gain(scored("a", 2.0), scored("b", 2.5), pairs(list(SLEEP)))

    assert gain.search == 0.5
    assert gain.heldout == pytest.approx(1.58)


def test_pair_with_a_missing_score_is_left_out():
    gain = honest_gain(scored("a", 2.0), scored("b", 2.5), pairs([0.5, None, 1.5]))

    assert gain.heldout == pytest.approx(1.0)


def test_nothing_heldout_leaves_the_gain_unknown():
    gain = honest_gain(scored("a", 2.0), scored("b", 2.5), [])

    assert (gain.heldout, gain.heldout_ci95) == (None, None)


def test_own_prompt_as_the_best_gains_exactly_nothing():
    initial = scored("a", 2.0)

    assert honest_gain(initial, initial, []) == Gain(
        search=0.0, heldout=0.0, heldout_ci95=(0.0, 0.0)
    )


def test_gain_of_something_unscored_is_unknown():
    assert search_gain(scored("a", 2.0), scored("b", None)) is None
    assert search_gain(None, scored("b", 1.0)) is None
