from dataclasses import replace

import numpy as np
import pytest

from benchmarks.predictor import (
    View,
    add_increases,
    errors,
    group_means,
    image_means,
    oracle,
    oracles,
    people_srocc,
)
from benchmarks.report import Report, bootstrap_ratio
from miniature.participants import SEED, Participant, make_participants
from miniature.taste import VALUES, expected_taste, own_covariance, rate, true_liking
from scorer.adapt import Prior

Rated = tuple[View, dict[str, Participant]]


def balanced_percept(count: int, seed: int) -> dict[str, np.ndarray]:
    """Crisp percepts of pictures with balanced attributes."""
    rng = np.random.default_rng(seed)
    return {
        name: np.eye(len(values))[rng.integers(len(values), size=count)]
        if len(values) > 1
        else rng.standard_normal((count, 1))
        for name, values in VALUES.items()
    }


@pytest.fixture(scope="module")
def rated() -> Rated:
    """Twenty simulated participants who rate the same 120 pictures."""
    people = make_participants()[:20]
    percept = balanced_percept(120, seed=0)
    count = len(people) * 120
    truth = [rate(true_liking(p.taste, percept), np.random.default_rng(p.number)) for p in people]
    shown = {name: np.tile(v, (len(people), 1)) for name, v in percept.items()}
    view = View(
        users=np.repeat([p.id for p in people], 120),
        images=np.tile([f"{n}.png" for n in range(120)], len(people)),
        groups=np.tile(np.where(np.arange(120) % 2, "odd", "even"), len(people)),
        truth=np.concatenate(truth).astype(float),
        average=np.zeros(count),
        zero_shot=np.zeros(count),
        features=np.zeros((count, 2)),
        percept=shown,
        judged=shown | {"lighting": np.roll(shown["lighting"], 1, axis=0)},
    )
    return view, {p.id: p for p in people}


def oracle_srocc(rated: Rated, count: int) -> float:
    """Mean SROCC of the oracle on 70 pictures, after `count` ratings of others."""
    view, people = rated
    order = np.random.default_rng(0).permutation(120)
    asked = view[np.concatenate([np.flatnonzero(view.users == u)[order[50:]] for u in people])]
    guesses = []
    for user, person in people.items():
        own = view.of(user)
        guesses.append(oracle(own[order[50:]], own[order[:count]], person))
    return float(people_srocc(asked, np.concatenate(guesses)).mean())


def test_who_sees_another_light_than_the_person_guesses_worse(rated: Rated):
    view, people = rated
    user, person = next(iter(people.items()))
    own = view.of(user)
    found = oracles(own[np.arange(50, 120)], own[np.arange(50)], person, "50 ratings")
    mean = {name: ((v - own.truth[50:]) ** 2).mean() for name, v in found.items()}
    assert mean["oracle with the judge's eyes 50 ratings"] > 1.2 * mean["oracle 50 ratings"]


def test_the_oracle_gains_from_every_further_rating(rated: Rated):
    figures = [oracle_srocc(rated, count) for count in (0, 5, 20, 50)]
    assert figures == sorted(figures)
    assert figures[-1] > figures[0] + 0.1


def test_the_covariance_is_that_of_the_tastes_that_are_drawn():
    percept = balanced_percept(12, seed=1)
    told = own_covariance(percept, percept)
    beyond = np.stack(
        [
            true_liking(p.taste, percept)
            - true_liking(expected_taste(p.demographics, seed=SEED), percept)
            for p in make_participants()
        ]
    )
    assert np.abs(np.cov(beyond.T, bias=True) - told).max() < 0.35
    assert np.corrcoef(np.cov(beyond.T).ravel(), told.ravel())[0, 1] > 0.9


def test_an_image_mean_is_what_seen_people_truly_like_on_average(rated: Rated):
    view, people = rated
    means = image_means(view, people)
    likings = [true_liking(p.taste, view.of(p.id).percept) for p in people.values()]
    np.testing.assert_allclose(means[:120], np.mean(likings, axis=0))
    assert people_srocc(view, means).mean() > 0.2


def test_a_group_mean_is_of_the_training_ratings(rated: Rated):
    view, _ = rated
    train = view[np.arange(60)]
    odd = train.truth[train.groups == "odd"].mean()
    assert group_means(view, train)[view.groups == "odd"] == pytest.approx(odd)


def test_ratings_make_the_error_smaller_where_the_features_hold_what_is_liked(rated: Rated):
    view, people = rated
    liking = np.concatenate([true_liking(p.taste, view.of(p.id).percept) for p in people.values()])
    noise = np.random.default_rng(1).standard_normal(len(liking))
    known = replace(view, features=np.stack([liking, noise], axis=1), zero_shot=liking * 0 + 3)
    prior = Prior(np.zeros(2), np.eye(2), np.eye(3), 0.5)
    error = errors(known, view[np.arange(0)], prior)

    assert error.shape == (len(people), 5)
    assert error[:, 0] == pytest.approx(
        [((known.of(u).truth - 3)[order_of(u)] ** 2).mean() for u in people]
    )
    assert (np.diff(error.mean(0)) < 0).all()


def order_of(user: str) -> np.ndarray:
    """Which of a person's 120 ratings are predicted."""
    return np.random.default_rng(int(user[-3:])).permutation(120)[50:]


def test_a_larger_error_with_more_ratings_fails():
    errors_of_five = np.tile([1.0, 0.9, 0.8, 0.7, 0.75], (20, 1))
    report = Report("x")
    add_increases(report, errors_of_five)
    assert [bar.ok for bar in report.bars.values()] == [True, True, True, False]


def test_a_ratio_is_one_of_means():
    value, (low, high) = bootstrap_ratio(np.array([1.0, 3.0]), np.array([2.0, 6.0]))
    assert value == pytest.approx(0.5)
    assert (low, high) == (0.5, 0.5)
