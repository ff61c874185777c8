from dataclasses import replace

import numpy as np
import pytest
import torch

from scorer.line import add_line, fit_line
from scorer.predictor import PamelaNetwork
from tests.scorer.synthetic import synthetic_ratings


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


def test_pictures_that_most_people_rated_are_no_other_pictures():
    features = np.random.default_rng(0).normal(size=(400, 3))
    count = np.where(features[:, 0] > 0.5, 200, 2)
    weights, level = fit_line(features, features[:, 0], count)
    np.testing.assert_allclose([*weights, level], [1, 0, 0, 0], atol=0.02)


def test_ratings_that_say_nothing_make_a_line_that_says_little():
    rng = np.random.default_rng(0)
    features, ratings = rng.normal(size=(60, 200)), rng.normal(size=60)
    weights, level = fit_line(features, ratings, np.ones(60, int))
    new = rng.normal(size=(500, 200)) @ weights + level
    assert new.std() < 0.25


def test_the_line_becomes_half_of_the_score_and_reads_whole_pictures_only():
    torch.manual_seed(0)
    network = PamelaNetwork(
        visual_dim=5, semantic_dim=4, visual_tokens=2, sentence_dim=6, width=8, heads=2
    ).eval()
    given = synthetic_ratings(6, 20)
    visual, index = torch.randn(200, 10), torch.arange(120) // 2  # of 200 pictures 60 are rated
    tokens = replace(
        given.tokens,
        visual=visual,
        picture_index=index,
        field_index=given.tokens.field_index[:, :0],
    )
    liking = visual[index, 0] - visual[index, 3] + 0.5
    rows = tokens.batch(torch.arange(120))
    before = network(rows)[0].detach()
    add_line(network, replace(given, tokens=tokens, standard=liking))
    after = network(rows)[0].detach()
    share = ((after - network.score_mean) - (before - network.score_mean) / 2) * 2
    torch.testing.assert_close(share / network.score_std, liking, atol=0.15, rtol=0)


@pytest.mark.parametrize("count", [1, 2])
def test_few_pictures_are_no_error(count: int):
    features, liking = pictures(count)
    weights, level = fit_line(features, liking, np.ones(count, int))
    assert np.isfinite([*weights, level]).all()
