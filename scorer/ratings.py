"""Ratings as the network reads them: tokens, scores on one scale, and whose they are.

    source = Source(encoder, "miniature", fields=fields_of(rows), scales=scales_of(rows))
    ratings = make_ratings(rows, source)

The one rule that is not obvious: data sets with scales of their own are standardised each by its
own training ratings; what is learned from them together is then told on the scale of the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from scorer.data.table import Row
from scorer.encoders import Encoder
from scorer.errors import InputError
from scorer.minilm import EMBEDDED, embed
from scorer.tokens import Embed, TokenTable, build_tokens, person_fields


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of a data set's training ratings."""

    mean: float
    std: float


@dataclass(frozen=True)
class Source:
    """What turns rows into what the network reads; all frozen, so give a cached encoder."""

    encoder: Encoder
    spec: str = "miniature"
    """Of the encoder."""
    fields: tuple[str, ...] = ()
    """The fields that are read, by prefixed name."""
    scales: Mapping[str, Scale] = field(default_factory=dict)
    """By data set; the first is what the network speaks on."""
    sentences: str = EMBEDDED
    """Spec of the encoder of the fields."""
    embed: Embed = embed


@dataclass(frozen=True)
class Ratings:
    """Ratings as the network reads them."""

    tokens: TokenTable
    score: Float[Tensor, " row"]
    """On the scale of its data set."""
    standard: Float[Tensor, " row"]
    """In standard deviations from the mean of its data set."""
    user: Int[Tensor, " row"]
    """Index of the person, from 0."""
    people: tuple[str, ...]
    """Their names, with that of the data set in front."""
    source: Source
    pictures: tuple[Path, ...] = ()
    """The files that are rated, each once."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that are read."""
        return self.source.fields

    def __len__(self) -> int:
        return len(self.score)


def scales_of(rows: Sequence[Row]) -> dict[str, Scale]:
    """The scale of every data set, in the order of their first rating.

    Raises:
        InputError: a data set's ratings are all alike.
    """
    scores: dict[str, list[float]] = {}
    for row in rows:
        scores.setdefault(row.dataset, []).append(row.score)
    for name, given in scores.items():
        if np.ptp(given) == 0:
            raise InputError(
                f"all training ratings of the data set {name!r} are {given[0]:g}: there is nothing "
                f"to learn from them, add ratings that differ"
            )
    return {name: Scale(float(np.mean(g)), float(np.std(g))) for name, g in scores.items()}


def make_ratings(rows: Sequence[Row], source: Source) -> Ratings:
    """Ratings from rows; people of different data sets are different people.

    A data set without a scale keeps the one of the first.
    """
    names = [f"{row.dataset}/{row.user}" for row in rows]
    people = {name: number for number, name in enumerate(dict.fromkeys(names))}
    main = next(iter(source.scales.values()), Scale(0.0, 1.0))
    scales = [source.scales.get(row.dataset, main) for row in rows]
    score = torch.tensor([row.score for row in rows], dtype=torch.float32)
    mean, std = (torch.tensor(v) for v in zip(*((s.mean, s.std) for s in scales), strict=True))
    return Ratings(
        tokens=build_tokens(rows, source.encoder, fields=source.fields, embed_texts=source.embed),
        score=score,
        standard=(score - mean) / std,
        user=torch.tensor([people[name] for name in names], dtype=torch.long),
        people=tuple(people),
        source=source,
        pictures=tuple(dict.fromkeys(row.image for row in rows)),
    )


def without_person(ratings: Ratings) -> Ratings:
    """The same ratings with nothing known of the people."""
    return replace(ratings, tokens=ratings.tokens.without(person_fields(ratings.fields)))
