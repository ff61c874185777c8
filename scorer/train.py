"""Trains the PAMELA network on cached features: minutes on one CPU core for 30,000 ratings.

    train = make_ratings(rows, encoder, fields=fields_of(rows))
    trained = train_network(train, {"seen": ..., "unseen": ...}, Recipe(), seed=0)
    trained.network                                 # the best epoch on the validation splits

A batch is a few ratings of each of a few people, so that pairs within a person exist. Every
person is a task: from some of their ratings in the batch a ridge regression on the [CLS] features
corrects the score of the others, and the loss is taken before and after that correction (deep
features for Bayesian regression: Harrison et al. 2018, ALPaCA; Bertinetto et al. 2019). So the
features become those in which people differ. The one rule that is not obvious: fields are dropped
at random while training, so that a profile may lack any of them.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from tqdm import tqdm

from scorer.data.table import Row
from scorer.device import resolve_device
from scorer.encoders import Encoder
from scorer.losses import ranking_loss, regression_loss
from scorer.metrics import per_user, srocc
from scorer.predictor import PamelaNetwork, predict
from scorer.tokens import PERSON, TokenBatch, TokenTable, build_tokens, person_fields


@dataclass(frozen=True)
class Ratings:
    """Ratings as the network reads them."""

    tokens: TokenTable
    score: Float[Tensor, " row"]
    user: Int[Tensor, " row"]
    """Index of the person, from 0."""
    fields: tuple[str, ...]
    encoder: str = "miniature"
    """Spec of the encoder whose features these are."""
    encoder_id: str = ""

    def __len__(self) -> int:
        return len(self.score)


@dataclass(frozen=True)
class Recipe:
    """How the network is trained."""

    epochs: int = 30
    people: int = 16
    """In a batch."""
    ratings: int = 32
    """Of each person in a batch."""
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    width: int = 128
    layers: int = 2
    heads: int = 4
    dropout: float = 0.1
    person_dropout: float = 0.2
    """How often all fields of a person are missing."""
    field_dropout: float = 0.2
    """How often one field is missing."""
    prompt_dropout: float = 0.5
    """How often the prompt is missing; a network that always has it reads it for the picture."""
    ranking: float = 1.0
    """Weight of the pairwise loss beside the regression."""
    adaptation: float = 1.0
    """Weight of the loss after adaptation."""
    ridge: float = 1.0
    """Precision of the prior of that adaptation, on features of variance 1/width."""
    patience: int = 8
    """Epochs without a better validation figure before it stops."""
    person: bool = True
    """Off for the network that leaves the person out."""


@dataclass(frozen=True)
class Trained:
    """The best network and how it got there."""

    network: PamelaNetwork
    epoch: int
    history: tuple[Mapping[str, float], ...] = field(default=())


def make_ratings(
    rows: Sequence[Row],
    encoder: Encoder,
    *,
    fields: tuple[str, ...],
    spec: str = "miniature",
) -> Ratings:
    """Ratings from rows; features come from the encoder, so give a cached one; `spec` names it."""
    people = {user: index for index, user in enumerate(dict.fromkeys(row.user for row in rows))}
    return Ratings(
        tokens=build_tokens(rows, encoder, fields=fields),
        score=torch.tensor([row.score for row in rows], dtype=torch.float32),
        user=torch.tensor([people[row.user] for row in rows], dtype=torch.long),
        fields=fields,
        encoder=spec,
        encoder_id=encoder.id,
    )


def train_network(
    train: Ratings,
    validation: Mapping[str, Ratings],
    recipe: Recipe,
    *,
    seed: int,
    device: str = "auto",
    quiet: bool = False,
) -> Trained:
    """Trains until the validation figure stops rising, and returns the best epoch.

    Args:
        train: What is learned from.
        validation: Named splits; the figure is the mean over them of the per-user SROCC.
        recipe: How it is trained.
        seed: Of weights, batches and dropout.
        device: Where it runs.
        quiet: Whether to leave out the progress bar (which goes to standard error).

    Returns:
        The network in evaluation mode on the CPU.
    """
    torch.manual_seed(seed)
    place = resolve_device(device)
    train, validation = (
        _placed(train, recipe, place),
        {name: _placed(ratings, recipe, place) for name, ratings in validation.items()},
    )
    return _best_epoch(
        new_network(train, recipe).to(place), train, validation, recipe, seed=seed, quiet=quiet
    )


def _best_epoch(
    network: PamelaNetwork,
    train: Ratings,
    validation: Mapping[str, Ratings],
    recipe: Recipe,
    *,
    seed: int,
    quiet: bool,
) -> Trained:
    """The epochs, until `patience` of them brought nothing better."""
    optimiser = torch.optim.AdamW(_groups(network, recipe.weight_decay), lr=recipe.learning_rate)
    steps = max(1, len(train) // (recipe.people * recipe.ratings))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=recipe.epochs * steps, pct_start=0.1
    )
    sampler = np.random.default_rng(seed)
    members = [torch.nonzero(train.user == u).flatten() for u in range(int(train.user.max()) + 1)]
    best, best_epoch, history = copy.deepcopy(network), -1, []
    bar = tqdm(range(recipe.epochs), desc="predictor", unit="epoch", disable=quiet)
    for epoch in bar:
        network.train()
        for _ in range(steps):
            loss = batch_loss(network, train, draw_people(members, recipe, sampler), recipe)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
        figures = {name: user_srocc(network, ratings) for name, ratings in validation.items()}
        history.append(figures | {"mean": float(np.mean(list(figures.values())))})
        bar.set_postfix({name: f"{value:.3f}" for name, value in figures.items()})
        if best_epoch < 0 or history[-1]["mean"] > history[best_epoch]["mean"]:
            best, best_epoch = copy.deepcopy(network), epoch
        elif epoch - best_epoch >= recipe.patience:
            break
    return Trained(best.cpu().eval(), best_epoch, tuple(history))


def new_network(train: Ratings, recipe: Recipe) -> PamelaNetwork:
    """An untrained network that fits the ratings."""
    return PamelaNetwork(
        visual_dim=train.tokens.visual.shape[1],
        semantic_dim=train.tokens.semantic.shape[1],
        fields=train.fields,
        encoder=train.encoder,
        encoder_id=train.encoder_id,
        sentence_dim=train.tokens.sentences.shape[1],
        width=recipe.width,
        layers=recipe.layers,
        heads=recipe.heads,
        dropout=recipe.dropout,
        score_mean=float(train.score.mean()),
        score_std=float(train.score.std()),
    )


def draw_people(
    members: Sequence[Int[Tensor, " _"]], recipe: Recipe, sampler: np.random.Generator
) -> Int[Tensor, "user rating"]:
    """Rows of a batch: some people, as many ratings of each (again where there are too few)."""
    chosen = sampler.choice(len(members), min(recipe.people, len(members)), replace=False)
    rows: list[Tensor] = []
    for user in chosen:
        own = members[user]
        few = len(own) < recipe.ratings
        picks = sampler.choice(len(own), recipe.ratings, replace=few)
        rows.append(own[torch.from_numpy(picks).to(own.device)])
    return torch.stack(rows)


def batch_loss(
    network: PamelaNetwork, train: Ratings, rows: Int[Tensor, "user rating"], recipe: Recipe
) -> Float[Tensor, ""]:
    """The loss of one batch, before and after each person's adaptation."""
    flat = rows.flatten()
    batch = drop_tokens(train.tokens.batch(flat), train.fields, rows.shape, recipe)
    score, cls = network(batch)
    predicted = (score - network.score_mean) / network.score_std
    truth = (train.score[flat] - network.score_mean) / network.score_std
    user = train.user[flat]
    loss = regression_loss(predicted, truth) + recipe.ranking * ranking_loss(predicted, truth, user)
    if recipe.adaptation > 0:
        context = rows.shape[1] // 2
        adapted = adapt_in_batch(
            predicted.view(rows.shape),
            truth.view(rows.shape),
            cls.view(*rows.shape, -1) / cls.shape[1] ** 0.5,
            context=context,
            ridge=recipe.ridge,
        )
        query = truth.view(rows.shape)[:, context:].flatten()
        people = user.view(rows.shape)[:, context:].flatten()
        loss = loss + recipe.adaptation * (
            regression_loss(adapted.flatten(), query)
            + recipe.ranking * ranking_loss(adapted.flatten(), query, people)
        )
    return loss


def adapt_in_batch(
    predicted: Float[Tensor, "user rating"],
    truth: Float[Tensor, "user rating"],
    features: Float[Tensor, "user rating width"],
    *,
    context: int,
    ridge: float,
) -> Float[Tensor, "user query"]:
    """Scores of the later ratings, corrected by a ridge regression on the first `context`.

    The posterior mean of Bishop (2006), eq. 3.53, in its dual form, which inverts a matrix of the
    size of the context and not of the features.
    """
    seen, asked = features[:, :context], features[:, context:]
    residual = (truth - predicted)[:, :context]
    gram = seen @ seen.mT + ridge * torch.eye(context, device=features.device)
    weights = torch.linalg.solve(gram, residual[..., None])
    return predicted[:, context:] + (asked @ (seen.mT @ weights)).squeeze(-1)


def drop_tokens(
    batch: TokenBatch, fields: Sequence[str], shape: Sequence[int], recipe: Recipe
) -> TokenBatch:
    """The batch with some tokens missing, alike for all ratings of a person."""
    people, ratings = shape
    device = batch.present.device
    kept = torch.rand(people, 1 + len(fields), device=device) >= recipe.field_dropout
    nobody = torch.rand(people, 1, device=device) < recipe.person_dropout
    kept[:, 1:] &= ~(nobody & _of_person(fields, device))
    kept = kept.repeat_interleave(ratings, dim=0)
    kept[:, 0] = torch.rand(people * ratings, device=device) >= recipe.prompt_dropout
    return replace(batch, present=batch.present & kept)


def user_srocc(network: PamelaNetwork, ratings: Ratings) -> float:
    """Mean over people of the rank correlation of their ratings with the zero-shot score."""
    score, _ = predict(network, ratings.tokens)
    people = ratings.user.tolist()
    figures = per_user(people, ratings.score.cpu().numpy(), score, srocc)
    return float(np.mean(list(figures.values()))) if figures else float("nan")


def without_person(ratings: Ratings) -> Ratings:
    """The same ratings with nothing known of the people."""
    return replace(ratings, tokens=ratings.tokens.without(person_fields(ratings.fields)))


def _placed(ratings: Ratings, recipe: Recipe, device: torch.device) -> Ratings:
    known = ratings if recipe.person else without_person(ratings)
    return replace(
        known,
        tokens=known.tokens.to(device),
        score=known.score.to(device),
        user=known.user.to(device),
    )


def _of_person(fields: Sequence[str], device: torch.device) -> Bool[Tensor, " field"]:
    return torch.tensor([name.startswith(PERSON) for name in fields], device=device)


def _groups(network: PamelaNetwork, weight_decay: float) -> list[dict[str, object]]:
    """Matrices decay; biases, norms and kind embeddings do not."""
    plain = [p for name, p in network.named_parameters() if p.ndim < 2 or name == "kind"]
    chosen = {id(p) for p in plain}
    matrices = [p for p in network.parameters() if id(p) not in chosen]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
