"""Trains the PAMELA network on cached features: minutes on one CPU core for 30,000 ratings.

    source = Source(encoder, "miniature", fields=fields_of(rows), scales=scales_of(rows))
    train = make_ratings(rows, source)
    trained = train_network(train, {"seen": ..., "unseen": ...}, Recipe(), seed=0)
    trained.network                                 # the best epoch on the validation splits

Data sets with scales of their own are learned from together: each one's scores are standardised
by its training ratings, and the network speaks on the scale of the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from scorer.adapt import Prior, estimate_prior, posterior, predict_residual
from scorer.epochs import Training, Workers
from scorer.metrics import per_user, srocc
from scorer.people import Judged, people_of
from scorer.predictor import PamelaNetwork, predict
from scorer.ratings import Ratings, without_person
from scorer.recipe import Recipe

FEW = 20
"""Ratings that an unseen person gives before the network is judged."""


@dataclass(frozen=True)
class Trained:
    """The best network and how it got there."""

    network: PamelaNetwork
    epoch: int
    history: tuple[Mapping[str, float], ...] = field(default=())


def train_network(
    train: Ratings,
    validation: Mapping[str, Ratings],
    recipe: Recipe,
    *,
    seed: int,
    device: str = "auto",
    checkpoint: Path | None = None,
) -> Trained:
    """Trains until the validation figure stops rising, and returns the best epoch.

    Several processes that `accelerate launch` started share the work: each draws batches of its
    own, and gradients are averaged. Progress goes to standard error, if that is a terminal.

    Args:
        train: What is learned from.
        validation: Named splits; the figure is the mean over `judged`.
        recipe: How it is trained.
        seed: Of weights, batches and dropout.
        device: Where it runs.
        checkpoint: Where it goes on from, if it is there, and is saved to after every epoch.

    Returns:
        The network in evaluation mode on the CPU.

    Raises:
        InputError: the checkpoint belongs to another recipe, seed or number of ratings.
    """
    torch.manual_seed(seed)
    workers = Workers()
    place = workers.device(device)
    train = _placed(train, recipe, place)
    validation = {name: _placed(ratings, recipe, place) for name, ratings in validation.items()}
    network = new_network(train, recipe).to(place)
    training = Training(network, train, recipe, workers, seed=seed, checkpoint=checkpoint)
    shown = None if workers.first else True  # None is: where somebody watches
    with tqdm(total=recipe.epochs, initial=training.epoch, desc="predictor", disable=shown) as bar:
        while not training.finished:
            training.advance()
            figures = judged(network, train, validation, adapted=recipe.adaptation > 0)
            training.judge(figures)
            bar.update()
            bar.set_postfix({name: f"{value:.3f}" for name, value in figures.items()})
    network.load_state_dict(training.best)
    return Trained(network.cpu().eval(), training.best_epoch, tuple(training.history))


def new_network(train: Ratings, recipe: Recipe) -> PamelaNetwork:
    """An untrained network that fits the ratings."""
    source = train.source
    main = next(iter(source.scales.values()))
    return PamelaNetwork(
        visual_dim=train.tokens.visual.shape[1] // source.encoder.visual_tokens,
        semantic_dim=train.tokens.semantic.shape[1],
        fields=train.fields,
        encoder=source.spec,
        encoder_id=source.encoder.id,
        visual_tokens=source.encoder.visual_tokens,
        sentence_encoder=source.sentences,
        sentence_dim=train.tokens.sentences.shape[1],
        width=recipe.width,
        layers=recipe.layers,
        apart=recipe.apart,
        heads=recipe.heads,
        dropout=recipe.dropout,
        score_mean=main.mean,
        score_std=main.std,
    )


def judged(
    network: PamelaNetwork, train: Ratings, validation: Mapping[str, Ratings], *, adapted: bool
) -> dict[str, float]:
    """What a network is chosen by: user SROCC on every split, zero-shot and adapted.

    Adapting takes a person's training ratings; of one who has none, the first `FEW`, and the rest
    is predicted.
    """
    figures = {name: user_srocc(network, ratings) for name, ratings in validation.items()}
    if adapted:
        groups = people_of(network, train)
        prior = estimate_prior([person.group for person in groups.values()])
        for name, ratings in validation.items():
            people = people_of(network, ratings)
            found = [adapted_srocc(people[p], groups.get(p), prior) for p in people]
            known = [figure for figure in found if np.isfinite(figure)]
            if known:
                figures[f"{name} adapted"] = float(np.mean(known))
    return figures


def adapted_srocc(asked: Judged, known: Judged | None, prior: Prior) -> float:
    """Rank correlation of one person's ratings with the adapted score; nan if there are few."""
    if known is None:
        known, asked = asked.taken(slice(FEW)), asked.taken(slice(FEW, None))
    if not len(asked.residual):
        return float("nan")
    taste = posterior(known.features, known.residual, prior)
    score = asked.score + predict_residual(asked.features, taste, prior).mean
    return srocc(asked.score + asked.residual, score)


def user_srocc(network: PamelaNetwork, ratings: Ratings) -> float:
    """Mean over people of the rank correlation of their ratings with the zero-shot score."""
    score, _ = predict(network, ratings.tokens)
    people = ratings.user.tolist()
    figures = per_user(people, ratings.score.cpu().numpy(), score, srocc)
    return float(np.mean(list(figures.values()))) if figures else float("nan")


def _placed(ratings: Ratings, recipe: Recipe, device: torch.device) -> Ratings:
    known = ratings if recipe.person else without_person(ratings)
    return replace(
        known,
        tokens=known.tokens.to(device),
        score=known.score.to(device),
        standard=known.standard.to(device),
        user=known.user.to(device),
    )
