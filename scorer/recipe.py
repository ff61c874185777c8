"""How the predictor is trained: its recipe, the people of a batch, and the loss of one.

    rows = draw_people(members, recipe, rng)        # (person, rating)
    batch_loss(network, train, rows, recipe).backward()

A batch is a few ratings of each of a few people, so that pairs within a person exist. Every
person is a task: from some of their ratings in the batch a ridge regression on the [CLS] features
corrects the score of the others, and the loss is taken before and after that correction (deep
features for Bayesian regression: Harrison et al. 2018, ALPaCA; Bertinetto et al. 2019). So the
features become those in which people differ. The one rule that is not obvious: fields are dropped
at random while training, so that a profile may lack any of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from scorer.losses import ranking_loss, regression_loss
from scorer.ratings import Ratings
from scorer.tokens import PERSON, TokenBatch


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
    apart: int = 0
    """Of the layers, in so many picture and person see only themselves."""
    heads: int = 4
    dropout: float = 0.1
    person_dropout: float = 0.2
    """How often all fields of a person are missing."""
    field_dropout: float = 0.2
    """How often one field is missing."""
    picture_dropout: float = 0.3
    """How often all fields of a picture are missing, as they are in a run."""
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
    network: nn.Module, train: Ratings, rows: Int[Tensor, "user rating"], recipe: Recipe
) -> Float[Tensor, ""]:
    """The loss of one batch, before and after each person's adaptation."""
    flat = rows.flatten()
    batch = drop_tokens(train.tokens.batch(flat), train.fields, rows.shape, recipe)
    score, cls = network(batch)
    main = next(iter(train.source.scales.values()))
    predicted, truth = (score - main.mean) / main.std, train.standard[flat]
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
    of_person = _of_person(fields, device)
    nobody = torch.rand(people, 1, device=device) < recipe.person_dropout
    nothing = torch.rand(people, 1, device=device) < recipe.picture_dropout
    kept[:, 1:] &= ~(nobody & of_person) & ~(nothing & ~of_person)
    kept = kept.repeat_interleave(ratings, dim=0)
    kept[:, 0] = torch.rand(people * ratings, device=device) >= recipe.prompt_dropout
    return replace(batch, present=batch.present & kept)


def _of_person(fields: Sequence[str], device: torch.device) -> Bool[Tensor, " field"]:
    return torch.tensor(
        [name.startswith(PERSON) for name in fields], dtype=torch.bool, device=device
    )
