import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scorer.adapt import Group, estimate_prior, posterior, predict_residual
from scorer.errors import InputError
from scorer.metrics import srocc
from scorer.people import people_of
from scorer.predictor import PamelaNetwork, predict
from scorer.ratings import Ratings, without_person
from scorer.recipe import Recipe, adapt_in_batch, draw_people, drop_tokens
from scorer.tokens import TokenTable
from scorer.train import Trained, judged, new_network, train_network, user_srocc
from tests.scorer.synthetic import FIELDS, synthetic_ratings

ROOT = Path(__file__).resolve().parents[2]
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
    return train_network(train, {"unseen": unseen}, RECIPE, seed=0, device="cpu")


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


def test_what_the_network_leaves_out_is_learned_from_ratings() -> None:
    """[CLS] of a network that reads nothing of a picture; taste is linear in the picture."""
    known, unseen = synthetic_ratings(40, 40), synthetic_ratings(10, 40, seed=1)
    blind = new_network(known, RECIPE).eval()
    with torch.no_grad():
        for weights in blind.visual.parameters():
            weights.zero_()
    prior = estimate_prior([person.group for person in people_of(blind, known).values()])
    figures = []
    for person in people_of(blind, unseen).values():
        seen, asked = person.taken(slice(20)), person.taken(slice(20, None))
        taste = posterior(seen.features, seen.residual, prior)
        liking = asked.score + predict_residual(asked.features, taste, prior).mean
        figures.append(srocc(asked.score + asked.residual, liking))
    assert np.mean(figures) > 0.8


def test_the_same_seed_gives_the_same_network(unseen: Ratings) -> None:
    train, recipe = synthetic_ratings(8, 20), replace(RECIPE, epochs=1)
    first, second = (
        train_network(train, {"unseen": unseen}, recipe, seed=3, device="cpu").network
        for _ in range(2)
    )
    assert all(map(torch.equal, first.parameters(), second.parameters()))


def test_it_stops_when_the_validation_figure_stops_rising(unseen: Ratings) -> None:
    recipe = replace(RECIPE, epochs=50, patience=1, learning_rate=1e-9)
    out = train_network(synthetic_ratings(8, 20), {"unseen": unseen}, recipe, seed=0, device="cpu")
    assert len(out.history) < 50


def test_without_the_person_demographics_make_no_difference(unseen: Ratings) -> None:
    recipe = replace(RECIPE, epochs=1, person=False)
    out = train_network(unseen, {"v": unseen}, recipe, seed=0, device="cpu")
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


def test_ratings_without_any_field_are_trained_on_too() -> None:
    batch = synthetic_ratings(6, 8).tokens.without([]).batch(torch.arange(48))
    bare = replace(batch, fields=batch.fields[:, :0], present=batch.present[:, :1])
    recipe = replace(RECIPE, prompt_dropout=1.0)
    assert not drop_tokens(bare, (), (6, 8), recipe).present.any()
    assert torch.equal(drop_tokens(bare, (), (6, 8), RECIPE).present, bare.present)


def joined(first: Ratings, second: Ratings) -> Ratings:
    """Two data sets; the second one's ratings are on a scale of 0 to 100."""
    tokens = TokenTable(
        visual=torch.cat([first.tokens.visual, second.tokens.visual]),
        semantic=first.tokens.semantic,
        sentences=torch.cat([first.tokens.sentences, second.tokens.sentences]),
        picture_index=torch.arange(len(first) + len(second)),
        prompt_index=torch.cat([first.tokens.prompt_index, second.tokens.prompt_index]),
        field_index=torch.cat(
            [
                first.tokens.field_index,
                torch.where(
                    second.tokens.field_index < 0,
                    second.tokens.field_index,
                    second.tokens.field_index + len(first.tokens.sentences),
                ),
            ]
        ),
    )
    return Ratings(
        tokens,
        torch.cat([first.score, 25 * (second.score - 1)]),
        torch.cat([first.standard, second.standard]),
        torch.cat([first.user, second.user + len(first.people)]),
        first.people + second.people,
        first.source,
    )


def test_a_second_data_set_on_another_scale_helps_and_scores_are_on_the_first(
    unseen: Ratings,
) -> None:
    few, many = synthetic_ratings(6, 40), synthetic_ratings(40, 40, seed=2)
    recipe = replace(RECIPE, epochs=12)
    alone = train_network(few, {"v": unseen}, recipe, seed=0, device="cpu").network
    both = train_network(joined(few, many), {"v": unseen}, recipe, seed=0, device="cpu").network
    assert user_srocc(both, unseen) > user_srocc(alone, unseen) + 0.05
    score, _ = predict(both, unseen.tokens)
    assert 1 < score.mean() < 5


def test_a_training_that_was_stopped_ends_where_an_undisturbed_one_does(
    unseen: Ratings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, recipe = synthetic_ratings(8, 20), replace(RECIPE, epochs=4, dropout=0.1)
    place = tmp_path / "state.pt"

    def run(checkpoint: Path | None) -> Trained:
        return train_network(
            train, {"v": unseen}, recipe, seed=0, device="cpu", checkpoint=checkpoint
        )

    whole = run(None)
    epochs = iter(range(2))

    def stopping(*args: Any, **named: Any) -> dict[str, float]:
        if next(epochs, None) is None:
            raise KeyboardInterrupt
        return judged(*args, **named)

    monkeypatch.setattr("scorer.train.judged", stopping)
    with pytest.raises(KeyboardInterrupt):
        run(place)
    monkeypatch.undo()
    again = run(place)
    assert again.history == whole.history
    for before, after in zip(whole.network.parameters(), again.network.parameters(), strict=True):
        torch.testing.assert_close(before, after)


def test_a_checkpoint_of_another_training_is_refused(unseen: Ratings, tmp_path: Path) -> None:
    train, recipe = synthetic_ratings(8, 20), replace(RECIPE, epochs=1)
    place = tmp_path / "state.pt"
    train_network(train, {"v": unseen}, recipe, seed=0, device="cpu", checkpoint=place)
    with pytest.raises(InputError, match=r"state\.pt' is of another training"):
        train_network(train, {"v": unseen}, recipe, seed=1, device="cpu", checkpoint=place)


def test_patches_are_tokens_of_their_own() -> None:
    network = PamelaNetwork(
        visual_dim=4, semantic_dim=4, visual_tokens=3, sentence_dim=6, width=8, heads=2
    )
    batch = synthetic_ratings(2, 4).tokens.batch(torch.arange(8))
    rows = replace(batch, visual=torch.randn(8, 12), present=batch.present[:, :1])
    rows = replace(rows, fields=batch.fields[:, :0])
    tokens, present = network.eval().tokens(rows)
    assert tokens.shape == (8, 1 + 3 + 1, 8)
    assert present[:, :4].all()
    moved = replace(rows, visual=rows.visual + torch.eye(12)[11])
    assert not torch.allclose(network(rows)[0], network(moved)[0])


TOGETHER = """
import sys
from pathlib import Path
import torch
from tests.scorer.synthetic import synthetic_ratings
from tests.scorer.test_train import RECIPE, replace
from scorer.train import train_network
recipe = replace(RECIPE, epochs=2)
made = train_network(
    synthetic_ratings(8, 20), {"v": synthetic_ratings(6, 20, seed=1)}, recipe, seed=0, device="cpu"
)
import os
place = Path(sys.argv[1]) / f"{os.environ.get('RANK', '0')}.pt"
torch.save(made.network.state_dict(), place)
"""


@pytest.mark.slow
def test_processes_that_train_together_end_with_the_same_weights(tmp_path: Path) -> None:
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(script), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    alone = train_network(
        synthetic_ratings(8, 20),
        {"v": synthetic_ratings(6, 20, seed=1)},
        replace(RECIPE, epochs=2),
        seed=0,
        device="cpu",
    )
    for name, value in alone.network.state_dict().items():
        torch.testing.assert_close(first[name], second[name])
        assert value.shape == first[name].shape
    assert any(
        not torch.equal(value, first[name]) for name, value in alone.network.state_dict().items()
    )
