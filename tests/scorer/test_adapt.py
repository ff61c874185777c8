from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.adapt import (
    Group,
    Prior,
    estimate_prior,
    load_prior,
    posterior,
    predict_residual,
    save_prior,
)
from scorer.errors import PrerequisiteError

SEEDS = st.integers(0, 2**32 - 1)


def plain_prior(dim: int, *, alpha: float = 2.0, beta: float = 4.0) -> Prior:
    """Features as they are, precision alpha, noise precision beta, no level of the person's own."""
    covariance = np.eye(dim + 1) / alpha
    covariance[-1, -1] = 0
    return Prior(np.zeros(dim), np.eye(dim), covariance, 1 / beta)


def random_prior(generator: np.random.Generator, features: int = 6, directions: int = 3) -> Prior:
    root = generator.normal(size=(directions + 1, directions + 1))
    basis = generator.normal(size=(features, directions))
    return Prior(generator.normal(size=features), basis, root @ root.T, 0.5)


def test_the_posterior_is_that_of_the_textbook() -> None:
    generator = np.random.default_rng(0)
    phi, target = generator.normal(size=(9, 4)), generator.normal(size=9)
    person = posterior(phi, target, plain_prior(4, alpha=2.0, beta=4.0))
    covariance = np.linalg.inv(2.0 * np.eye(4) + 4.0 * phi.T @ phi)  # eq. 3.54
    np.testing.assert_allclose(person.mean[:4], 4.0 * covariance @ phi.T @ target)  # eq. 3.53
    np.testing.assert_allclose(person.covariance[:4, :4], covariance)


def test_the_posterior_mean_is_that_of_ridge_regression_in_scikit_learn() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    generator = np.random.default_rng(1)
    phi, target = generator.normal(size=(12, 5)), generator.normal(size=12)
    ridge = linear_model.Ridge(alpha=2.0 / 4.0, fit_intercept=False).fit(phi, target)
    person = posterior(phi, target, plain_prior(5, alpha=2.0, beta=4.0))
    np.testing.assert_allclose(person.mean[:5], ridge.coef_)


@given(SEEDS)
def test_without_ratings_the_correction_is_exactly_zero(seed: int) -> None:
    generator = np.random.default_rng(seed)
    prior = random_prior(generator)
    person = posterior(np.zeros((0, 6)), np.zeros(0), prior)
    assert (predict_residual(generator.normal(size=(5, 6)), person, prior).mean == 0).all()


@given(SEEDS, st.integers(1, 12))
def test_the_order_of_ratings_makes_no_difference(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    prior = random_prior(generator)
    phi, residual = generator.normal(size=(count, 6)), generator.normal(size=count)
    order = generator.permutation(count)
    there = posterior(phi, residual, prior)
    back = posterior(phi[order], residual[order], prior)
    np.testing.assert_allclose(there.mean, back.mean, atol=1e-8)
    np.testing.assert_allclose(there.covariance, back.covariance, atol=1e-8)


@given(SEEDS, st.integers(1, 12))
def test_more_ratings_never_raise_the_predictive_deviation(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    prior = random_prior(generator)
    phi, residual = generator.normal(size=(count, 6)), generator.normal(size=count)
    new = generator.normal(size=(4, 6))
    fewer = predict_residual(new, posterior(phi[:-1], residual[:-1], prior), prior)
    more = predict_residual(new, posterior(phi, residual, prior), prior)
    assert (more.std <= fewer.std + 1e-7).all()


def simulated(
    covariance: np.ndarray, noise: float, *, people: int, ratings: int, seed: int = 0
) -> list[Group]:
    generator = np.random.default_rng(seed)
    dim = len(covariance)
    groups = []
    for _ in range(people):
        weights = generator.multivariate_normal(np.zeros(dim), covariance)
        phi = generator.normal(size=(ratings, dim))
        groups.append(Group(phi, phi @ weights + noise**0.5 * generator.normal(size=ratings)))
    return groups


def test_the_estimate_recovers_how_people_differ() -> None:
    truth = np.diag([1.0, 0.5, 0.0])
    prior = estimate_prior(simulated(truth, 0.4, people=300, ratings=40))
    covariance = prior.basis @ prior.covariance[:3, :3] @ prior.basis.T
    assert prior.noise == pytest.approx(0.4, rel=0.05)
    np.testing.assert_allclose(covariance, truth, atol=0.12)


def test_an_estimated_prior_beats_a_flat_one_on_new_people() -> None:
    truth = np.diag([1.0] * 2 + [0.0] * 10)
    prior = estimate_prior(simulated(truth, 1.0, people=100, ratings=40))
    flat = Prior(prior.centre, prior.basis, np.eye(13), 1.0)

    def error(chosen: Prior) -> float:
        total = 0.0
        for group in simulated(truth, 1.0, people=60, ratings=40, seed=1):
            person = posterior(group.features[:10], group.residual[:10], chosen)
            guess = predict_residual(group.features[10:], person, chosen).mean
            total += float(np.mean((guess - group.residual[10:]) ** 2))
        return total

    assert error(prior) < 0.9 * error(flat)


def test_features_that_do_not_vary_are_no_obstacle() -> None:
    groups = [
        Group(np.c_[g.features, np.ones(20)], g.residual)
        for g in simulated(np.eye(2), 0.5, people=30, ratings=20)
    ]
    assert estimate_prior(groups).basis.shape == (3, 2)


def test_the_directions_are_those_in_which_people_differ_not_those_in_which_pictures_do() -> None:
    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(3, 10))  # ten features that are three, and nobody cares for
    groups = []
    for _ in range(60):
        own = generator.normal(size=(50, 2))
        idle = generator.normal(size=(50, 3)) @ mixing * 10
        residual = own @ generator.normal(size=2) + 0.5 * generator.normal(size=50)
        groups.append(Group(np.hstack([own, idle]), residual))
    prior = estimate_prior(groups, directions=2)
    scaled = prior.basis * np.concatenate([g.features for g in groups]).std(axis=0)[:, None]
    assert np.abs(scaled[:2]).sum() > 20 * np.abs(scaled[2:]).sum()


def test_the_predictive_deviation_is_calibrated() -> None:
    generator = np.random.default_rng(0)
    prior = plain_prior(3, alpha=1.0, beta=1.0)
    weights = generator.normal(size=(200, 3))
    phi = generator.normal(size=(200, 5, 3))
    covered = 0
    for w, p in zip(weights, phi, strict=True):
        person = posterior(p[:4], p[:4] @ w + generator.normal(size=4), prior)
        guess = predict_residual(p[4:], person, prior)
        covered += int(abs(guess.mean[0] - p[4] @ w) < 1.96 * guess.std[0])
    assert covered >= 175  # of 200, expected 190, standard deviation 3


def test_a_prior_is_kept_beside_the_weights(tmp_path: Path) -> None:
    prior = random_prior(np.random.default_rng(0))
    save_prior(prior, tmp_path)
    again = load_prior(tmp_path)
    np.testing.assert_allclose(again.covariance, prior.covariance, rtol=1e-6)
    assert again.noise == pytest.approx(prior.noise)


def test_a_missing_prior_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match=r"miniature\.predictor"):
        load_prior(tmp_path)
