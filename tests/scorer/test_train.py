from dataclasses import replace

import numpy as np
import pytest
import torch

from scorer.adapt import Group, estimate_prior, posterior, predict_residual
from scorer.metrics import srocc
from scorer.predictor import predict
from scorer.train import (
    Ratings,
    Recipe,
    Trained,
    adapt_in_batch,
    draw_people,
    drop_tokens,
    train_network,
    user_srocc,
    without_person,
)
from tests.scorer.synthetic import FIELDS, synthetic_ratings

RECIPE = Recipe(
    epochs=8,
    people=8,
    ratings=16,
    learning_rate=5e-3,
    weight_decay=0.01,
    width=16,
    layers=1,
    heads=2,
    dropout=0.0,
    person_dropout=0.1,
    field_dropout=0.1,
    prompt_dropout=0.0,
)


@pytest.fixture(scope="module")
def unseen() -> Ratings:
    return synthetic_ratings(12, 40, seed=1)


@pytest.fixture(scope="module")
def trained(unseen: Ratings) -> Trained:
    train = synthetic_ratings(40, 40)
    return train_network(train, {"unseen": unseen}, RECIPE, seed=0, device="cpu", quiet=True)


def test_demographics_help_with_people_never_trained_on(trained: Trained, unseen: Ratings) -> None:
    with_person = user_srocc(trained.network, unseen)
    assert with_person > 0.6
    assert with_person > user_srocc(trained.network, without_person(unseen)) + 0.2


def test_ratings_help_beyond_demographics(trained: Trained, unseen: Ratings) -> None:
    def groups(ratings: Ratings) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        score, cls = predict(trained.network, ratings.tokens)
        truth, user = ratings.score.numpy(), ratings.user.numpy()
        return [(cls[user == u], score[user == u], truth[user == u]) for u in range(user.max() + 1)]

    prior = estimate_prior([Group(c, t - s) for c, s, t in groups(synthetic_ratings(40, 40))])
    gains: list[float] = []
    for cls, score, truth in groups(unseen):
        person = posterior(cls[:20], (truth - score)[:20], prior)
        adapted = score[20:] + predict_residual(cls[20:], person, prior).mean
        gains.append(srocc(truth[20:], adapted) - srocc(truth[20:], score[20:]))
    assert np.mean(gains) > 0.03


def test_the_same_seed_gives_the_same_network(unseen: Ratings) -> None:
    train, recipe = synthetic_ratings(8, 20), replace(RECIPE, epochs=1)
    first, second = (
        train_network(train, {"unseen": unseen}, recipe, seed=3, device="cpu", quiet=True).network
        for _ in range(2)
    )
    assert all(map(torch.equal, first.parameters(), second.parameters()))


def test_it_stops_when_the_validation_figure_stops_rising(unseen: Ratings) -> None:
    recipe = replace(RECIPE, epochs=50, patience=1, learning_rate=1e-9)
    out = train_network(
        synthetic_ratings(8, 20), {"unseen": unseen}, recipe, seed=0, device="cpu", quiet=True
    )
    assert len(out.history) < 50


def test_without_the_person_demographics_make_no_difference(unseen: Ratings) -> None:
    recipe = replace(RECIPE, epochs=1, person=False)
    out = train_network(unseen, {"v": unseen}, recipe, seed=0, device="cpu", quiet=True)
    assert out.history[0]["v"] == pytest.approx(user_srocc(out.network, without_person(unseen)))


def test_adaptation_in_a_batch_is_ridge_regression() -> None:
    features, truth = torch.randn(2, 9, 4), torch.randn(2, 9)
    guess = adapt_in_batch(torch.zeros(2, 9), truth, features, context=6, ridge=0.7)
    seen = features[1, :6]
    weights = torch.linalg.solve(seen.T @ seen + 0.7 * torch.eye(4), seen.T @ truth[1, :6])
    assert torch.allclose(guess[1], features[1, 6:] @ weights, atol=1e-5)


def test_a_batch_holds_ratings_of_different_people_in_blocks() -> None:
    members = [torch.arange(5), torch.arange(5, 45), torch.arange(45, 90)]
    rows = draw_people(members, replace(RECIPE, people=2, ratings=8), np.random.default_rng(0))
    owner = torch.bucketize(rows, torch.tensor([5, 45]), right=True)
    assert rows.shape == (2, 8)
    assert (owner == owner[:, :1]).all()
    assert owner[0, 0] != owner[1, 0]


def test_fields_are_dropped_alike_for_all_ratings_of_a_person() -> None:
    batch = synthetic_ratings(6, 8).tokens.batch(torch.arange(48))
    recipe = replace(RECIPE, person_dropout=0.5, field_dropout=0.3)
    present = drop_tokens(batch, FIELDS, (6, 8), recipe).present.view(6, 8, -1)[..., 1:]
    assert (present == present[:, :1]).all()
    assert 0 < present[:, 0, 1].sum() < 6
