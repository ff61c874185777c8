from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scorer.adapt import (
    Group,
    Prior,
    estimate_prior,
    load_prior,
    posterior,
    predict_residual,
    save_prior,
)
from scorer.demographics import estimate_demographics, fit_share, prior_mean
from scorer.tokens import person_embedding
from tests.scorer.synthetic import FIELDS, sentences

WEIGHT = 1.0
"""What one side of the field adds to the first weight, and the other takes away."""


def world(people: int, *, told: float, seed: int = 0) -> tuple[list[Group], np.ndarray]:
    """People of two sides, whose first weight depends on the side by `told`."""
    rng = np.random.default_rng(seed)
    sides = rng.choice([-1.0, 1.0], people)
    groups = []
    for side in sides:
        features = rng.normal(size=(30, 3))
        own = rng.normal(size=3) * 0.5
        own[0] += told * side
        groups.append(Group(features, features @ own + 0.3 * rng.normal(size=30)))
    fields = np.zeros((people, 1, 4))
    fields[:, 0, 0] = sides
    return groups, fields


@pytest.fixture(scope="module")
def prior() -> Prior:
    groups, people = world(60, told=WEIGHT)
    plain = estimate_prior(groups, directions=3)
    return replace(plain, demographics=estimate_demographics(groups, people, plain))


def person(side: float) -> np.ndarray:
    return np.array([[side, 0, 0, 0]])


def liking(prior: Prior, side: float, features: np.ndarray) -> np.ndarray:
    start = prior_mean(prior, person(side))
    nobody = posterior(np.zeros((0, 3)), np.zeros(0), prior, start)
    return predict_residual(features, nobody, prior).mean


def test_what_people_of_a_kind_share_is_found(prior: Prior) -> None:
    rise = np.diff(liking(prior, 1.0, np.array([[0.0, 0, 0], [1.0, 0, 0]])))
    fall = np.diff(liking(prior, -1.0, np.array([[0.0, 0, 0], [1.0, 0, 0]])))
    assert rise.item() == pytest.approx(WEIGHT, abs=0.3)
    assert fall.item() == pytest.approx(-WEIGHT, abs=0.3)


def test_demographics_that_say_nothing_are_taken_to_say_little() -> None:
    groups, people = world(60, told=0.0)
    plain = estimate_prior(groups, directions=3)
    told = replace(plain, demographics=estimate_demographics(groups, people, plain))
    assert np.abs(prior_mean(told, person(1.0))).max() < 0.2


def test_a_person_of_whom_nothing_is_known_starts_at_zero(prior: Prior) -> None:
    np.testing.assert_array_equal(prior_mean(prior, np.full((1, 4), np.nan)), 0)
    np.testing.assert_array_equal(prior_mean(replace(prior, demographics=None), person(1.0)), 0)


def test_many_ratings_outweigh_the_start(prior: Prior) -> None:
    features = np.random.default_rng(5).normal(size=(400, 3))
    start = prior_mean(prior, person(1.0))
    against = posterior(features, -2 * features[:, 0], prior, start)
    asked = np.array([[0.0, 0, 0], [1.0, 0, 0]])
    assert np.diff(predict_residual(asked, against, prior).mean).item() == pytest.approx(
        -2, abs=0.2
    )


def test_the_start_moves_the_posterior_as_the_textbook_says() -> None:
    # Bishop (2006), eq. 3.50: S_N (S_0^-1 m_0 + beta phi^T t), with S_0 = I / 2, beta = 4.
    rng = np.random.default_rng(1)
    phi, target, start = rng.normal(size=(9, 3)), rng.normal(size=9), rng.normal(size=4)
    covariance = np.eye(4) / 2
    covariance[-1, -1] = 0
    start[-1] = 0
    plain = Prior(np.zeros(3), np.eye(3), covariance, 0.25)
    after = np.linalg.inv(2 * np.eye(3) + 4 * phi.T @ phi)
    expected = after @ (2 * start[:3] + 4 * phi.T @ target)
    np.testing.assert_allclose(posterior(phi, target, plain, start).mean[:3], expected)


def test_the_evidence_is_the_density_of_the_ratings() -> None:
    rng = np.random.default_rng(2)
    phi, target = rng.normal(size=(3, 5, 2)), rng.normal(size=(3, 5))
    known, covariance, noise = rng.normal(size=(3, 2)), np.diag([0.5, 1.5]), 0.7

    def evidence(share: float) -> float:
        gram = np.stack([p.T @ p for p in phi]) / noise
        moment = np.stack([p.T @ t for p, t in zip(phi, target, strict=True)]) / noise
        return fit_share(known, gram, moment, covariance, share)[0]

    def density(share: float) -> float:
        between = (1 - share) * np.eye(3) + share * known @ known.T
        tall = np.zeros((15, 6))
        for place in range(3):
            tall[place * 5 : place * 5 + 5, place * 2 : place * 2 + 2] = phi[place]
        spread = tall @ np.kron(between, covariance) @ tall.T + noise * np.eye(15)
        flat = target.ravel()
        return -0.5 * (flat @ np.linalg.solve(spread, flat) + np.linalg.slogdet(spread)[1])

    assert evidence(0.4) - evidence(0.1) == pytest.approx(density(0.4) - density(0.1), abs=1e-5)


def test_a_prior_with_demographics_comes_back_from_disk(prior: Prior, tmp_path: Path) -> None:
    save_prior(prior, tmp_path)
    found = prior_mean(load_prior(tmp_path), person(1.0))
    np.testing.assert_allclose(found, prior_mean(prior, person(1.0)), atol=1e-5)


def test_fields_of_a_person_are_embedded_and_the_missing_ones_are_nan() -> None:
    told = {"gender": "female", "shoe size": 41}
    rows = person_embedding(told, (*FIELDS, "picture.style"), sentences)
    assert rows.shape == (2, 6)
    assert np.isnan(rows[0]).all()
    np.testing.assert_allclose(rows[1], sentences(["gender: female"])[0])
