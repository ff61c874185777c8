from collections import Counter

import numpy as np
import pytest

from miniature.participants import age_bin, draw_demographics, make_participants
from miniature.taste import (
    NATIONALITIES,
    VALUES,
    draw_taste,
    rate,
    region_of,
    true_liking,
)
from scorer.metrics import srocc


def balanced_percept(count: int, seed: int, sure: float = 0.73) -> dict[str, np.ndarray]:
    """Percepts of pictures with balanced attributes and standard normal statistics.

    The true value has the probability `sure` more than the others: over such percepts a taste has
    the square of it of the variance that it has over crisp ones.
    """
    rng = np.random.default_rng(seed)
    return {
        name: sure * np.eye(len(values))[rng.integers(len(values), size=count)]
        + (1 - sure) / len(values)
        if len(values) > 1
        else sure * rng.standard_normal((count, 1))
        for name, values in VALUES.items()
    }


@pytest.fixture(scope="module")
def likings() -> np.ndarray:
    """True liking of 400 pictures by 240 simulated participants, (person, picture)."""
    percept = balanced_percept(400, seed=1)
    return np.stack([true_liking(p.taste, percept) for p in make_participants()[:240]])


def test_demographics_explain_about_15_percent_of_taste_beyond_what_everybody_shares():
    # Two people of the same kind agree, beyond what everybody shares, by what their kind explains.
    percept = balanced_percept(400, seed=1)
    everybody = np.mean([true_liking(p.taste, percept) for p in make_participants()[:240]], axis=0)
    agreement = []
    for number in range(240):
        kind = draw_demographics(np.random.default_rng(number))
        pair = [draw_taste(kind, seed=7, number=1000 + 2 * number + k) for k in range(2)]
        beyond = [true_liking(taste, percept) - everybody for taste in pair]
        agreement.append([np.cov(*beyond)[0, 1], np.mean([np.var(b) for b in beyond])])
    covariance, variance = np.mean(agreement, axis=0)
    assert covariance / variance == pytest.approx(0.15, abs=0.04)


def test_test_and_retest_agree_as_the_decision_record_says(likings: np.ndarray):
    def rated(number: int, time: int) -> np.ndarray:
        return rate(likings[number], np.random.default_rng((number, time))).astype(float)

    figures = [srocc(rated(number, 1), rated(number, 2)) for number in range(60)]
    assert 0.60 <= np.mean(figures) <= 0.75


def test_people_share_part_of_their_taste(likings: np.ndarray):
    agreement = np.corrcoef(likings)[np.triu_indices(len(likings), 1)]
    assert 0.15 < agreement.mean() < 0.45


def test_ratings_are_integers_from_1_to_5(likings: np.ndarray):
    scores = rate(likings[0], np.random.default_rng(0))
    assert scores.dtype == int
    assert set(np.unique(scores)) <= {1, 2, 3, 4, 5}


def test_a_taste_is_rebuilt_from_its_seed_and_number():
    demographics = {"age": 34, "gender": "female", "nationality": "German"}
    first, again = (draw_taste(demographics, seed=7, number=3) for _ in range(2))
    other = draw_taste(demographics, seed=7, number=4)
    assert all(np.array_equal(first.weights[n], again.weights[n]) for n in VALUES)
    assert not np.array_equal(first.weights["lighting"], other.weights["lighting"])


def test_there_are_23_nationalities_each_in_one_region():
    assert len(set(NATIONALITIES)) == 23
    assert all(region_of(name) for name in NATIONALITIES)


def test_there_are_as_many_seen_and_unseen_people_as_in_the_real_data_set():
    groups = Counter(person.group for person in make_participants())
    assert groups["seen"] == 156
    assert groups["val_unseen"] + groups["test_unseen"] == 43


def test_demographics_lie_in_the_ranges_of_the_data_set():
    drawn = [draw_demographics(np.random.default_rng(seed)) for seed in range(200)]
    assert all(19 <= int(d["age"]) <= 60 for d in drawn)
    assert age_bin(19) == "19-29"
    assert age_bin(60) == "50-60"
