import numpy as np
import pytest

from scorer.line import fit_line


def pictures(count: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features in unlike units, one of them without use and one that never varies; their liking."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 5)) * [1, 10, 0.1, 1, 0] + [0, 3, 0, 0, 2]
    return features, 0.5 * features[:, 0] - 0.03 * features[:, 1] + 4 * features[:, 2] + 1


def test_the_line_is_found_in_noise_whatever_the_units():
    features, liking = pictures(400)
    noise = np.random.default_rng(1).normal(size=400) * 0.3
    weights, level = fit_line(features, liking + noise, np.full(400, 14))
    new, truth = pictures(200, seed=2)
    assert np.abs(new @ weights + level - truth).max() < 0.25
    assert weights[4] == 0


def test_pictures_that_more_people_rated_count_more():
    features, liking = pictures(300)
    wrong = liking.copy()
    wrong[:150] = -liking[:150]
    many = np.where(np.arange(300) < 150, 1, 100)

    def error(count: np.ndarray) -> float:
        weights, level = fit_line(features, wrong, count)
        return float(np.abs(features @ weights + level - liking).mean())

    assert error(many) < 0.6 * error(np.ones(300, int))


def test_ratings_that_say_nothing_make_a_line_that_says_nothing():
    features, _ = pictures(300)
    weights, level = fit_line(
        features, np.random.default_rng(1).normal(size=300), np.ones(300, int)
    )
    assert (features @ weights + level).std() < 0.35


@pytest.mark.parametrize("count", [1, 2])
def test_few_pictures_are_no_error(count: int):
    features, liking = pictures(count)
    weights, level = fit_line(features, liking, np.ones(count, int))
    assert np.isfinite([*weights, level]).all()
