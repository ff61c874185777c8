"""One person's few ratings -> their parameters, in closed form.

    prior = estimate_prior(groups, ...)                       # once, from the training people
    taste = posterior(features, ratings - zero_shot, prior)   # a person's ratings
    liking = predict_residual(new_features, taste)            # to add to the zero-shot score

Bayesian linear regression (Bishop 2006, Pattern Recognition and Machine Learning, section 3.3) of
what the zero-shot score leaves unexplained on [CLS] and the picture's own features. The prior over
weights and the noise are estimated from the people of the training split, each of whom is one draw;
where the prior knows demographics (`scorer.demographics`), they say where a person starts. The one
rule that is not obvious: without ratings and demographics the correction is exactly 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from scorer.demographics import Demographics
from scorer.errors import PrerequisiteError
from scorer.relevance import relevances

FILE = "adaptation.safetensors"
JITTER = 1e-8

Matrix = Float[np.ndarray, "dim dim"]


@dataclass(frozen=True)
class Prior:
    """How people differ, on the scale of the ratings.

    Features are used as `(feature - centre) @ basis`, with a constant beside them; their weights
    are drawn from N(0, covariance), and ratings scatter around them with variance `noise`.
    """

    centre: Float[np.ndarray, " feature"]
    basis: Float[np.ndarray, "feature direction"]
    covariance: Float[np.ndarray, "dim dim"]
    """dim = direction + 1; the last one is the person's own level."""
    noise: float
    demographics: Demographics | None = None
    """Where a person's weights start; None is at 0."""


@dataclass(frozen=True)
class Posterior:
    """What is known of one person's weights."""

    mean: Float[np.ndarray, " dim"]
    covariance: Float[np.ndarray, "dim dim"]
    count: int
    """Ratings behind it."""


@dataclass(frozen=True)
class Residual:
    """A person's correction of the zero-shot score, picture by picture."""

    mean: Float[np.ndarray, " image"]
    std: Float[np.ndarray, " image"]
    """Of the liking itself, without the scatter of a single rating."""


@dataclass(frozen=True)
class Group:
    """One training person: their features and what the zero-shot score left over."""

    features: Float[np.ndarray, "rating feature"]
    residual: Float[np.ndarray, " rating"]


def design(
    features: Float[np.ndarray, "rating feature"], prior: Prior
) -> Float[np.ndarray, "rating dim"]:
    """The regressors: centred features in the prior's basis, and a constant."""
    projected = (np.asarray(features, np.float64) - prior.centre) @ prior.basis
    return np.concatenate([projected, np.ones((len(projected), 1))], axis=1)


def designs(
    own: Float[np.ndarray, "user image own"],
    shared: Float[np.ndarray, "image shared"],
    prior: Prior,
) -> Float[np.ndarray, "user image dim"]:
    """`design` for many people, whose features end with those that are the same for all of them."""
    width = own.shape[-1]
    seen = (np.asarray(shared, np.float64) - prior.centre[width:]) @ prior.basis[width:]
    projected = (np.asarray(own, np.float64) - prior.centre[:width]) @ prior.basis[:width] + seen
    return np.concatenate([projected, np.ones((*projected.shape[:2], 1))], axis=2)


def posterior(
    features: Float[np.ndarray, "rating feature"],
    residual: Float[np.ndarray, " rating"],
    prior: Prior,
    start: Float[np.ndarray, " dim"] | None = None,
) -> Posterior:
    """The posterior over weights (Bishop 2006, eq. 3.50 and 3.51).

    `start` is the prior mean, 0 if None (`scorer.demographics.prior_mean`). Written as an update of
    the covariance (the Kalman form of the same equations), which needs no inverse of the prior: it
    may be singular, and without ratings it comes back unchanged.
    """
    start = np.zeros(len(prior.covariance)) if start is None else start
    if len(residual) == 0:
        return Posterior(start, prior.covariance, 0)
    phi = design(features, prior)
    cross = phi @ prior.covariance
    evidence = cross @ phi.T + prior.noise * np.eye(len(phi))
    gain = np.linalg.solve(evidence, cross).T
    covariance = prior.covariance - gain @ cross
    mean = start + gain @ (np.asarray(residual, np.float64) - phi @ start)
    return Posterior(mean, (covariance + covariance.T) / 2, len(residual))


def left_out_errors(
    features: Float[np.ndarray, "rating feature"],
    residual: Float[np.ndarray, " rating"],
    prior: Prior,
    start: Float[np.ndarray, " dim"] | None = None,
) -> Float[np.ndarray, " rating"]:
    """What each rating is more than the others would have made one expect.

    Leave-one-out of Gaussian regression in closed form (Rasmussen and Williams 2006, Gaussian
    Processes for Machine Learning, eq. 5.12): nothing is fitted again.
    """
    start = np.zeros(len(prior.covariance)) if start is None else start
    phi = design(features, prior)
    evidence = phi @ prior.covariance @ phi.T + prior.noise * np.eye(len(phi))
    inverse = np.linalg.inv(evidence)
    return inverse @ (np.asarray(residual, np.float64) - phi @ start) / np.diag(inverse)


def predict_residual(
    features: Float[np.ndarray, "image feature"], person: Posterior, prior: Prior
) -> Residual:
    """Mean and standard deviation of the correction (Bishop 2006, eq. 3.58 and 3.59)."""
    return residual_at(design(features, prior), person)


def residual_at(phi: Float[np.ndarray, "image dim"], person: Posterior) -> Residual:
    """The same from regressors."""
    variance = ((phi @ person.covariance) * phi).sum(axis=1)
    return Residual(phi @ person.mean, np.sqrt(np.maximum(variance, 0.0)))


def estimate_prior(groups: Sequence[Group], *, directions: int = 96, iterations: int = 15) -> Prior:
    """Prior and noise that make the training people most likely (empirical Bayes).

    Each feature counts by how much it tells of what people like differently (`scorer.relevance`);
    so weighted, the features are reduced to the `directions` principal ones, and these are scaled
    to unit variance. Then expectation maximisation for a linear mixed model (Laird and Ware 1982)
    runs on sufficient statistics: each person's weights are a draw from N(0, covariance). It starts
    from, and is shrunk towards, what the relevances say: as many pseudo-draws as there are
    dimensions keep directions that few people show from being fitted to them.

    Args:
        groups: Training people with their ratings.
        directions: Principal directions kept.
        iterations: Of expectation maximisation.
    """
    pooled = np.concatenate([group.features for group in groups]).astype(np.float64)
    relevance = relevances(groups)
    centre, basis, variances = _principal(pooled, relevance.scale, directions)
    shape = np.append(variances, relevance.level)
    covariance, noise = np.diag(shape), relevance.noise
    start = Prior(centre, basis, covariance, noise)
    phi = [design(group.features, start) for group in groups]
    known = Statistics(
        gram=np.stack([p.T @ p for p in phi]),
        moment=np.stack([p.T @ g.residual for p, g in zip(phi, groups, strict=True)]),
        power=float(sum(g.residual @ g.residual for g in groups)),
        count=sum(len(group.residual) for group in groups),
    )
    for _ in range(iterations):
        covariance, noise = _em_step(covariance, noise, known, shape)
    return Prior(centre, basis, covariance, noise)


@dataclass(frozen=True)
class Statistics:
    """What of the training people's ratings the estimation needs."""

    gram: Float[np.ndarray, "user dim dim"]
    moment: Float[np.ndarray, "user dim"]
    power: float
    count: int


def _em_step(
    covariance: Matrix, noise: float, known: Statistics, shape: Float[np.ndarray, " dim"]
) -> tuple[Matrix, float]:
    """One step of Laird and Ware (1982), with shrinkage of the covariance towards `shape`."""
    users, dim = known.moment.shape
    # (gram / noise + covariance^-1)^-1 = covariance (gram covariance / noise + 1)^-1
    spread = covariance @ np.linalg.inv(known.gram @ covariance / noise + np.eye(dim))
    mean = (spread @ known.moment[..., None]).squeeze(-1) / noise
    second = spread.sum(axis=0) + mean.T @ mean
    scale = np.trace(second) / users / shape.sum()
    updated = (second + dim * scale * np.diag(shape)) / (users + dim)
    explained = 2 * (mean * known.moment).sum() - _quadratic(known.gram, mean)
    scatter = known.power - explained + np.einsum("uij,uji->", known.gram, spread)
    return (updated + updated.T) / 2, float(scatter / known.count)


def _quadratic(
    gram: Float[np.ndarray, "user dim dim"], mean: Float[np.ndarray, "user dim"]
) -> float:
    return float(((gram @ mean[..., None]).squeeze(-1) * mean).sum())


def _principal(
    features: Float[np.ndarray, "row feature"],
    scale: Float[np.ndarray, " feature"],
    directions: int,
) -> tuple[
    Float[np.ndarray, " feature"],
    Float[np.ndarray, "feature direction"],
    Float[np.ndarray, " direction"],
]:
    """Centre, the leading principal directions scaled to unit variance, and their variances.

    They are those of the features that `scale` weighs (`scorer.relevance`).
    """
    centre = features.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((features - centre) * scale, rowvar=False, bias=True))
    least = JITTER * max(values[-1], JITTER)
    kept = np.argsort(values)[::-1][: min(directions, int((values > least).sum()))]
    return centre, vectors[:, kept] / np.sqrt(values[kept]) * scale[:, None], values[kept]


def save_prior(prior: Prior, folder: Path) -> None:
    """Writes `adaptation.safetensors` beside the weights."""
    from safetensors.numpy import save_file

    tensors = {
        "centre": np.asarray(prior.centre, np.float32),
        "basis": np.ascontiguousarray(prior.basis, np.float32),
        "covariance": np.ascontiguousarray(prior.covariance, np.float32),
        "noise": np.asarray([prior.noise], np.float32),
    }
    if prior.demographics is not None:
        told = prior.demographics
        tensors["demographics.centre"] = np.asarray(told.centre, np.float32)
        tensors["demographics.scale"] = np.asarray(told.scale, np.float32)
        tensors["demographics.weights"] = np.ascontiguousarray(told.weights, np.float32)
    save_file(tensors, folder / FILE)


def load_prior(folder: Path) -> Prior:
    """Reads what `save_prior` wrote.

    Raises:
        PrerequisiteError: the file is missing or broken.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        stored = {name: t.astype(np.float64) for name, t in load_file(folder / FILE).items()}
        names = ("centre", "scale", "weights")
        told = [stored[f"demographics.{n}"] for n in names if f"demographics.{n}" in stored]
        return Prior(
            stored["centre"],
            stored["basis"],
            stored["covariance"],
            float(stored["noise"][0]),
            Demographics(*told) if told else None,
        )
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise PrerequisiteError(
            f"{str(folder / FILE)!r} is missing or broken: make it with "
            f"`python -m miniature.predictor`"
        ) from error
