"""What a person seems to like: from their own words, and from what this run has found out; pure.

    prior = affinities(values, catalogue, likes=("moonlight",), dislikes=(), notes="")
    belief = learn(prior, kinship(values), carried, scores)
    guess = belief.draw(np.random.default_rng(0))

The model is additive: a prompt's score is a constant plus the worth of each value that it carries.
The worths have a Gaussian prior, whose mean comes from the person's words and whose covariance lets
similar values learn from each other, so their posterior is a Gaussian process in closed form
(Rasmussen and Williams 2006, eq. 2.23 to 2.26 for a linear kernel). Drawing from the posterior and
acting on the draw is Thompson sampling (Thompson 1933): what is not known yet is tried because it
may be good, what is known to be bad is not. The one rule that is not obvious: scores are divided
by their standard deviation, so nothing here depends on the scale of a scorer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agent.lm.wording import mentioned
from prompts.catalogue import Catalogue, CatalogueValue
from scorer.minilm import embed

Array = NDArray[np.float64]

NOISE = 0.4
"""Standard deviation of what the additive model can't explain, in those of the scores."""
KINSHIP = 0.4
"""Share of a worth's variance that follows the meaning of its words."""
CERTAIN = 0.6
"""A likeness that is as good as saying the value's name."""
LEAST_TOLD = 0.15
"""Least standard deviation of a worth that was measured on other prompts: here it may differ."""
NOTES = 0.7
"""What a sentence of the notes counts beside a like."""

_SENTENCE = re.compile(r"[.;!?\n]+|,?\s+but\s+")
_NEGATIVE = re.compile(
    r"\b(no|not|never|hates?|dislikes?|avoids?|without|less|don't|can't stand)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Belief:
    """A Gaussian over the worth of each value, in standard deviations of the scores."""

    mean: Array
    covariance: Array

    @cached_property
    def _root(self) -> Array:
        variance, axes = np.linalg.eigh(self.covariance)
        return axes * np.sqrt(np.clip(variance, 0.0, None))

    def draw(self, rng: np.random.Generator) -> Array:
        """One guess of all worths, (value,)."""
        return self.mean + self._root @ rng.standard_normal(len(self.mean))


def vectors(values: Sequence[CatalogueValue]) -> Array:
    """Sentence embeddings of the values' words, (value, 384), unit length."""
    words = [", ".join(dict.fromkeys((value.name, *value.phrases))) for value in values]
    return embed(words).astype(np.float64)


def affinities(
    values: Sequence[CatalogueValue],
    catalogue: Catalogue,
    *,
    likes: Sequence[str],
    dislikes: Sequence[str],
    notes: str = "",
) -> Array:
    """How well each value fits the person's own words, from -1 (dislikes it) to 1, (value,)."""
    sentences = [part.strip() for part in _SENTENCE.split(notes) if part.strip()]
    against = [part for part in sentences if _NEGATIVE.search(part)]
    wishes = [part for part in sentences if part not in against]
    good = np.maximum(
        _likeness(values, likes, catalogue), NOTES * _likeness(values, wishes, catalogue)
    )
    bad = np.maximum(
        _likeness(values, dislikes, catalogue), NOTES * _likeness(values, against, catalogue)
    )
    return good - bad


def _likeness(
    values: Sequence[CatalogueValue], statements: Sequence[str], catalogue: Catalogue
) -> Array:
    """The best match of each value with one of the statements, 0 to 1, (value,)."""
    likeness = np.zeros((1 + len(statements), len(values)))
    if not statements:
        return likeness[0]
    cosine = embed(list(statements)).astype(np.float64) @ vectors(values).T
    centred = np.clip(cosine - cosine.mean(axis=1, keepdims=True), 0.0, CERTAIN) / CERTAIN
    for row, statement in enumerate(statements, start=1):
        likeness[row] = centred[row - 1] ** 2
        named = mentioned(statement, catalogue)
        axes = {catalogue.value(name).axis for name in named}
        for column, value in enumerate(values):
            if value.axis in axes:  # "low-key" is close to "high-key" in meaning space, but no wish
                likeness[row, column] = float(value.name in named)
    return likeness.max(axis=0)


def kinship(values: Sequence[CatalogueValue]) -> Array:
    """Prior correlation between the worths of values, (value, value)."""
    directions = vectors(values)
    directions = directions - directions.mean(axis=0)
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-9)
    return KINSHIP * directions @ directions.T + (1 - KINSHIP) * np.eye(len(values))


def informed(prior: Array, covariance: Array, told: Mapping[int, tuple[float, float]]) -> Belief:
    """What is believed once worths were measured elsewhere.

    Args:
        prior: Mean worth of each value, (value,).
        covariance: Of the worths, (value, value).
        told: By column, a measured worth and its standard deviation.
    """
    if not told:
        return Belief(prior, covariance)
    columns = list(told)
    measured = np.array([told[column][0] for column in columns])
    noise = np.diag([max(told[column][1], LEAST_TOLD) ** 2 for column in columns])
    cross = covariance[:, columns]
    gain = np.linalg.solve(cross[columns] + noise, cross.T).T
    return Belief(prior + gain @ (measured - prior[columns]), covariance - gain @ cross.T)


def learn(prior: Array, covariance: Array, carried: Array, scores: Array) -> Belief:
    """The posterior after prompts with known scores.

    Args:
        prior: Mean worth of each value, (value,).
        covariance: Of the worths, (value, value).
        carried: 1 where a prompt carries a value, else 0, (prompt, value).
        scores: Of the prompts, on any scale, (prompt,).
    """
    scale = scores.std() if len(scores) > 1 else 0.0
    if scale < 1e-9:
        return Belief(prior, covariance)
    known = (scores - scores.mean()) / scale
    cross = covariance @ carried.T  # (value, prompt)
    # An unknown constant is a prior of great variance on something that all prompts carry.
    gram = carried @ cross + NOISE**2 * np.eye(len(known)) + 100.0
    gain = np.linalg.solve(gram, cross.T).T  # (value, prompt)
    return Belief(
        mean=prior + gain @ (known - carried @ prior),
        covariance=covariance - gain @ cross.T,
    )
