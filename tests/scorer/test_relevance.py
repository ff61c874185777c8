import numpy as np
import pytest

from scorer.adapt import Group
from scorer.relevance import relevances

TELLING, IDLE = slice(0, 2), slice(2, 8)


def likings(noise: float, level: float, *, people: int = 60, ratings: int = 60) -> list[Group]:
    """People who differ in what two of eight features are worth to them, each of variance 1."""
    rng = np.random.default_rng(0)
    groups = []
    for _ in range(people):
        features = rng.normal(size=(ratings, 8)) * [1, 5, 1, 1, 1, 1, 1, 1] + 3
        liking = (features[:, 0] - 3) * rng.normal() + (features[:, 1] - 3) / 5 * rng.normal()
        liking += rng.normal() * level**0.5 + rng.normal(size=ratings) * noise**0.5
        groups.append(Group(features, liking))
    return groups


def test_features_in_which_people_differ_are_told_from_the_others_whatever_their_units():
    found = relevances(likings(0.5, 0.2))
    assert found.weights[TELLING].min() > 20 * found.weights[IDLE].max()
    np.testing.assert_allclose(found.weights[TELLING], 1, rtol=0.5)
    assert found.noise == pytest.approx(0.5, rel=0.15)


def test_how_differently_people_use_the_scale_is_told_from_noise():
    apart, alike = (relevances(likings(0.5, level)) for level in (2.0, 0.0))
    assert apart.level > 4 * alike.level
    assert apart.noise == pytest.approx(alike.noise, rel=0.15)


def test_a_feature_that_never_varies_tells_nothing():
    groups = [Group(g.features.astype(np.float32), g.residual) for g in likings(0.5, 0.2)]
    constant = np.full((60, 1), 0.1, np.float32)
    still = [Group(np.hstack([g.features, constant]), g.residual) for g in groups]
    found = relevances(still)
    assert found.weights[-1] == 0
    np.testing.assert_allclose(found.weights[:-1], relevances(groups).weights)


def test_ratings_that_leave_nothing_over_are_no_error():
    groups = [Group(g.features, np.zeros(60)) for g in likings(0.5, 0.2)]
    found = relevances(groups)
    assert np.isfinite(found.weights).all()
    assert found.noise < 1e-6
