"""Beliefs about what a person likes: the arithmetic, and how words become numbers."""

import numpy as np
import pytest

from agent.lm.taste import NOISE, affinities, kinship, learn
from prompts.catalogue import load_catalogue
from tests.agent.lm.requests import MINIATURE

CATALOGUE = load_catalogue()
VALUES = [CATALOGUE.value(name) for name in MINIATURE]


def liking(**words: object) -> dict[str, float]:
    told = {"likes": (), "dislikes": (), "notes": "", **words}
    numbers = affinities(VALUES, CATALOGUE, **told)  # pyright: ignore[reportArgumentType]
    return dict(zip(MINIATURE, numbers, strict=True))


def test_posterior_is_that_of_bayesian_linear_regression():
    """Against weight space (Rasmussen and Williams 2006, eq. 2.8) with a constant of its own."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(5, 5))
    covariance = root @ root.T
    prior = rng.normal(size=5)
    carried = (rng.random((9, 5)) < 0.5).astype(float)
    scores = rng.normal(size=9)

    belief = learn(prior, covariance, carried, scores)

    known = (scores - scores.mean()) / scores.std()
    design = np.hstack([carried, np.ones((9, 1))])
    precision = np.zeros((6, 6))
    precision[:5, :5] = np.linalg.inv(covariance)
    precision[5, 5] = 1 / 100
    mean = np.append(prior, 0.0)
    posterior = np.linalg.inv(precision + design.T @ design / NOISE**2)
    expected = posterior @ (precision @ mean + design.T @ known / NOISE**2)
    np.testing.assert_allclose(belief.mean, expected[:5], atol=1e-8)
    np.testing.assert_allclose(belief.covariance, posterior[:5, :5], atol=1e-8)


def test_the_scale_of_a_scorer_does_not_matter():
    carried, scores = np.eye(3), np.array([1.0, 2.0, 4.0])

    one = learn(np.zeros(3), np.eye(3), carried, scores)
    other = learn(np.zeros(3), np.eye(3), carried, 100 * scores - 7)

    np.testing.assert_allclose(one.mean, other.mean)


@pytest.mark.parametrize("scores", [[], [3.0], [3.0, 3.0, 3.0]])
def test_scores_that_tell_nothing_change_nothing(scores: list[float]):
    carried = np.eye(3)[: len(scores)]
    belief = learn(np.arange(3.0), np.eye(3), carried, np.array(scores))

    np.testing.assert_array_equal(belief.mean, np.arange(3.0))


def test_guesses_spread_as_the_belief_does():
    belief = learn(np.array([0.0, 2.0]), np.diag([1.0, 0.0]), np.zeros((0, 2)), np.zeros(0))
    rng = np.random.default_rng(0)
    guesses = np.stack([belief.draw(rng) for _ in range(2000)])

    np.testing.assert_allclose(guesses.mean(axis=0), [0.0, 2.0], atol=0.06)
    np.testing.assert_allclose(guesses.std(axis=0), [1.0, 0.0], atol=0.05)


def test_kinship_is_a_correlation_in_which_related_words_are_close():
    matrix = kinship(VALUES)
    row = dict(zip(MINIATURE, matrix[MINIATURE.index("moonlight")], strict=True))

    np.testing.assert_allclose(np.diag(matrix), 1.0)
    assert np.linalg.eigvalsh(matrix).min() > 0
    assert row["candle-light"] > row["close-up"]


def test_no_words_no_preference():
    assert set(liking().values()) == {0.0}


def test_a_named_value_is_liked_as_much_as_can_be():
    assert liking(likes=("seen from above",))["high angle"] == 1.0
    assert liking(dislikes=("seen from above",))["high angle"] == -1.0


def test_a_named_value_says_nothing_of_its_opposite():
    named = liking(likes=("muted colours",))

    assert named["muted colours"] == 1.0
    assert named["vivid colours"] == 0.0


def test_meaning_counts_where_no_value_is_named():
    told = liking(likes=("icy winters",))

    assert max(told, key=lambda name: told[name]) == "snow"


def test_notes_are_read_sentence_by_sentence():
    told = liking(notes="I love snow; I never liked deserts")

    assert told["snow"] > 0.5
    assert told["desert"] < -0.5
