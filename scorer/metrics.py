"""How well predicted scores follow what people said, and how sure that is.

    figures = per_user(users, truth, predicted, srocc)     # one value a person
    interval = bootstrap(list(figures.values()), seed=0)   # mean with a 95 % interval

The one rule that is not obvious: people, not ratings, are the sampling unit. Per-user figures are
averaged over people; `pooled` figures take all ratings together; both are always reported.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from jaxtyping import Float

Metric = Callable[[Float[np.ndarray, " rating"], Float[np.ndarray, " rating"]], float]


@dataclass(frozen=True)
class Interval:
    """A mean with its percentile-bootstrap interval."""

    mean: float
    low: float
    high: float
    count: int
    """How many people stand behind it."""


def srocc(truth: Float[np.ndarray, " rating"], predicted: Float[np.ndarray, " rating"]) -> float:
    """Spearman's rank correlation with mid-ranks for ties; nan where either side is constant."""
    from scipy.stats import spearmanr

    if not _varies(truth, predicted):
        return np.nan
    return float(cast(Any, spearmanr(truth, predicted)).statistic)


def plcc(truth: Float[np.ndarray, " rating"], predicted: Float[np.ndarray, " rating"]) -> float:
    """Pearson's linear correlation; nan where either side is constant."""
    from scipy.stats import pearsonr

    if not _varies(truth, predicted):
        return np.nan
    return float(cast(Any, pearsonr(truth, predicted)).statistic)


def pairwise_accuracy(
    truth: Float[np.ndarray, " rating"], predicted: Float[np.ndarray, " rating"]
) -> float:
    """Share of pairs that are put in the right order; chance is 0.5.

    Pairs that were rated alike have no order and are left out; a pair that is predicted alike
    counts half. nan where no pair is left.
    """
    first, second = np.triu_indices(len(truth), k=1)
    wanted = np.sign(np.asarray(truth)[first] - np.asarray(truth)[second])
    given = np.sign(np.asarray(predicted)[first] - np.asarray(predicted)[second])
    ordered = wanted != 0
    if not ordered.any():
        return np.nan
    return float(np.mean((wanted[ordered] * given[ordered] + 1) / 2))


def per_user(
    users: Sequence[Hashable],
    truth: Float[np.ndarray, " rating"],
    predicted: Float[np.ndarray, " rating"],
    metric: Metric,
) -> dict[Any, float]:
    """The metric within each person; those for whom it is undefined are left out."""
    figures = {
        user: metric(np.asarray(truth)[rows], np.asarray(predicted)[rows])
        for user, rows in _by_user(users).items()
    }
    return {user: figure for user, figure in figures.items() if np.isfinite(figure)}


def within_user_pairs(
    users: Sequence[Hashable],
    truth: Float[np.ndarray, " rating"],
    predicted: Float[np.ndarray, " rating"],
) -> float:
    """Pairwise accuracy pooled over all pairs that one person rated (ties as above)."""
    right, total = 0.0, 0
    for rows in _by_user(users).values():
        wanted = np.asarray(truth)[rows]
        pairs = int((wanted[:, None] != wanted[None, :]).sum()) // 2
        if pairs:
            right += pairs * pairwise_accuracy(wanted, np.asarray(predicted)[rows])
            total += pairs
    return right / total if total else np.nan


def bootstrap(
    values: Sequence[float] | Float[np.ndarray, " user"],
    *,
    seed: int,
    draws: int = 10_000,
    level: float = 0.95,
) -> Interval:
    """Percentile bootstrap of a mean over people (Efron and Tibshirani 1993, chapter 13)."""
    sample = np.asarray(values, float)
    if sample.size == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    generator = np.random.default_rng(seed)
    picks = generator.integers(0, sample.size, (draws, sample.size))
    tail = (1 - level) / 2
    low, high = np.quantile(sample[picks].mean(axis=1), [tail, 1 - tail])
    return Interval(float(sample.mean()), float(low), float(high), int(sample.size))


def paired_bootstrap(
    ours: Mapping[Any, float],
    theirs: Mapping[Any, float],
    *,
    seed: int,
    draws: int = 10_000,
    level: float = 0.95,
) -> Interval:
    """The mean difference ours - theirs over the people for whom both are known."""
    shared = sorted(ours.keys() & theirs.keys(), key=repr)
    differences = [ours[user] - theirs[user] for user in shared]
    return bootstrap(differences, seed=seed, draws=draws, level=level)


def _varies(*sides: Float[np.ndarray, " rating"]) -> bool:
    return all(len(side) > 1 and np.ptp(side) > 0 for side in sides)


def _by_user(users: Sequence[Hashable]) -> dict[Hashable, list[int]]:
    groups: dict[Hashable, list[int]] = {}
    for row, user in enumerate(users):
        groups.setdefault(user, []).append(row)
    return groups
