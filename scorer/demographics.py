"""What a person's demographics say of their weights before any rating, in closed form.

    prior = replace(prior, demographics=estimate_demographics(groups, people, prior))
    mean = prior_mean(prior, person)            # (dim,), where the adaptation starts

The weights of the training people are jointly Gaussian: two people's weights have the covariance
of the prior times what they share, `(1 - share)·[same person] + share·k`, where k is the mean
over the fields (age, gender, …) of the inner product of their centred sentence embeddings (the
multi-task Gaussian process of Bonilla et al. 2007, with a linear kernel). `share` is the one of
the grid that makes the ratings most likely. The one rule that is not obvious: a field that is
missing says nothing, so a person of whom nothing is known starts at 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from scorer.adapt import Group, Prior

SHARES = (0.0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4)
JITTER = 1e-9
DIRECTIONS = 24
"""In which people are known: the leading ones of their sentence embeddings."""
FAINT = 1e-6
"""Directions that are weaker than this, beside the strongest, are left out."""

People = Float[np.ndarray, "person field sentence"]


@dataclass(frozen=True)
class Demographics:
    """A linear map from sentence embeddings of a person's fields to the mean of their weights."""

    centre: Float[np.ndarray, "field sentence"]
    scale: Float[np.ndarray, " field"]
    weights: Float[np.ndarray, "field sentence dim"]


def estimate_demographics(
    groups: Sequence["Group"], people: People, prior: "Prior"
) -> Demographics:
    """The map that the training people's ratings make most likely.

    Args:
        groups: Training people with what the zero-shot network leaves over of their ratings.
        people: Sentence embeddings of their fields, in the same order; nan where one is missing.
        prior: Of the weights, estimated from the same groups.
    """
    from scorer.adapt import design

    centre = np.nanmean(people, axis=0)
    scale = np.sqrt(np.maximum(np.nanvar(people, axis=0).sum(axis=-1), JITTER))
    known = _standardised(people, centre, scale).reshape(len(people), -1)
    phi = [design(group.features, prior) for group in groups]
    gram = np.stack([p.T @ p for p in phi]) / prior.noise
    moment = np.stack([p.T @ g.residual for p, g in zip(phi, groups, strict=True)]) / prior.noise
    fits = [fit_share(known, gram, moment, prior.covariance, share) for share in SHARES]
    _, weights = max(fits, key=lambda fit: fit[0])
    return Demographics(centre, scale, weights.reshape(*people.shape[1:], -1))


def prior_mean(prior: "Prior", person: Float[np.ndarray, "field sentence"]) -> np.ndarray:
    """Where the weights of a person start, (dim,); 0 if the prior knows no demographics."""
    told = prior.demographics
    if told is None:
        return np.zeros(len(prior.covariance))
    known = _standardised(person[None], told.centre, told.scale)[0]
    return np.einsum("fs,fsd->d", known, told.weights)


def _standardised(
    people: People, centre: Float[np.ndarray, "field sentence"], scale: Float[np.ndarray, " field"]
) -> People:
    """Every field centred, with unit total variance and its share of the mean; 0 if missing."""
    return np.nan_to_num((people - centre) / scale[:, None]) / np.sqrt(max(1, people.shape[1]))


def fit_share(
    known: Float[np.ndarray, "person feature"],
    gram: Float[np.ndarray, "person dim dim"],
    moment: Float[np.ndarray, "person dim"],
    covariance: Float[np.ndarray, "dim dim"],
    share: float,
) -> tuple[float, Float[np.ndarray, "feature dim"]]:
    """Log evidence of the ratings (up to a constant), and the map, for one `share`.

    A person's weights are `known @ map` and a draw of their own. The own part is integrated out
    person by person; the map, a draw with covariance `share·covariance` for each of the directions
    that people are known in, is then one regression on all ratings.
    """
    dim = moment.shape[1]
    covariance = covariance + JITTER * np.eye(dim)
    own = (1 - share) * covariance
    system = np.eye(dim) + gram @ own
    inner = np.linalg.inv(system)
    told, seen = inner @ gram, (inner @ moment[..., None])[..., 0]
    evidence = np.einsum("pi,ij,pj->", moment, own, seen) - np.linalg.slogdet(system)[1].sum()
    if share == 0:
        return float(evidence / 2), np.zeros((known.shape[1], dim))
    left, scales, right = np.linalg.svd(known, full_matrices=False)
    kept = np.flatnonzero(scales > FAINT * scales[0])[:DIRECTIONS]
    coordinates, back = left[:, kept] * scales[kept], right[kept].T
    width = len(kept)
    among = np.einsum("pf,pg,pij->figj", coordinates, coordinates, told, optimize=True)
    precision = among.reshape(width * dim, width * dim)
    precision += np.kron(np.eye(width), np.linalg.inv(share * covariance))
    factor = np.linalg.cholesky(precision)
    half = np.linalg.solve(factor, np.einsum("pf,pi->fi", coordinates, seen).ravel())
    evidence += half @ half - 2 * np.log(np.diag(factor)).sum()
    evidence -= width * np.linalg.slogdet(share * covariance)[1]
    return float(evidence / 2), back @ np.linalg.solve(factor.T, half).reshape(width, dim)
