"""How well scores follow what people said: figures a person, pooled, and beside plain baselines.

    found = {"mine": row_scores(...), **baselines(asked, train)}
    figures = {name: figures_of(asked, scores) for name, scores in found.items()}
    figures["mine"]["user"]["srocc"]                # {"value": 0.45, "ci95": [0.41, 0.49]}

User figures are means over people, with bootstrap intervals over people; pooled ones take all
ratings together (for pairs: all pairs of one person), with intervals from resampled people. Of the
paper's user figures it is not known which of the two they are, so both are always given. A pair
that a person rated alike has no order and is left out; one that is predicted alike counts half. The
one rule that is not obvious: scores that do not vary for a person rank at chance, 0 or one half.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from scorer.data.table import Row
from scorer.metrics import bootstrap, pairwise_accuracy, plcc, srocc, within_user_pairs

Scores = Float[np.ndarray, " rating"]
Figure = dict[str, Any]
"""`value`, and `ci95` as low and high."""

METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "srocc": srocc,
    "plcc": plcc,
    "pairwise": pairwise_accuracy,
}
CHANCE = {"srocc": 0.0, "plcc": 0.0, "pairwise": 0.5}
DRAWS = 200
"""Bootstrap samples of people for pooled figures."""


def baselines(asked: Sequence[Row], train: Sequence[Row]) -> dict[str, Scores]:
    """What needs no model: `constant`, `group mean` of the training ratings, and `image mean`.

    The image mean is what the others of these rows said of the same picture: an oracle of the
    population, as good as there are ratings of a picture.
    """
    overall = float(np.mean([row.score for row in train]))
    groups: dict[str, list[float]] = {}
    for row in train:
        groups.setdefault(_group(row), []).append(row.score)
    images: dict[str, list[float]] = {}
    for row in asked:
        images.setdefault(str(row.image), []).append(row.score)
    return {
        "constant": np.full(len(asked), overall),
        "group mean": np.array([float(np.mean(groups.get(_group(r), [overall]))) for r in asked]),
        "image mean": np.array([_others(images[str(r.image)], r.score, overall) for r in asked]),
    }


def _group(row: Row) -> str:
    return f"{row.dataset}/{row.metadata.get('group', '')}"


def _others(given: Sequence[float], own: float, overall: float) -> float:
    return (sum(given) - own) / (len(given) - 1) if len(given) > 1 else overall


def figures_of(asked: Sequence[Row], scores: Scores) -> dict[str, dict[str, Figure]]:
    """User and pooled figures of one model's scores of some rows."""
    users = [f"{row.dataset}/{row.user}" for row in asked]
    truth = np.array([row.score for row in asked], float)
    return {"user": user_figures(users, truth, scores), "pooled": pooled(users, truth, scores)}


def user_figures(users: Sequence[str], truth: Scores, scores: Scores) -> dict[str, Figure]:
    """Means over people, with bootstrap intervals over people."""
    found = {}
    for metric in METRICS:
        values = by_person(users, truth, scores, metric)
        interval = bootstrap(list(values.values()), seed=0)
        found[metric] = _figure(interval.mean, interval.low, interval.high)
    return found


def by_person(users: Sequence[str], truth: Scores, scores: Scores, metric: str) -> dict[str, float]:
    """The metric of everybody; a score that does not vary ranks at chance.

    People whose ratings are all alike have no order to find, and are left out.
    """
    found: dict[str, float] = {}
    for user, rows in _rows_of(users).items():
        if np.ptp(truth[rows]) > 0:
            value = METRICS[metric](truth[rows], scores[rows])
            found[user] = value if np.isfinite(value) else CHANCE[metric]
    return found


def pooled(users: Sequence[str], truth: Scores, scores: Scores) -> dict[str, Figure]:
    """Figures over all ratings, with intervals from resampled people."""
    rows = _rows_of(users)
    rng = np.random.default_rng(0)
    samples = [rng.choice(list(rows), len(rows)) for _ in range(DRAWS)]
    found: dict[str, Figure] = {}
    for name in ("srocc", "plcc"):
        metric = METRICS[name]
        taken = [np.concatenate([rows[user] for user in sample]) for sample in samples]
        drawn = [metric(truth[each], scores[each]) for each in taken]
        low, high = np.quantile(np.nan_to_num(drawn), [0.025, 0.975])
        found[name] = _figure(np.nan_to_num(metric(truth, scores)), low, high)
    pairs = {user: _ordered_pairs(truth[own], scores[own]) for user, own in rows.items()}
    drawn = []
    for sample in samples:
        right, total = np.sum([pairs[user] for user in sample], axis=0)
        drawn.append(right / total if total else CHANCE["pairwise"])
    low, high = np.quantile(drawn, [0.025, 0.975])
    found["pairwise"] = _figure(within_user_pairs(users, truth, scores), low, high)
    return found


def _rows_of(users: Sequence[str]) -> dict[str, np.ndarray]:
    names, places = np.unique(np.asarray(users), return_inverse=True)
    return {str(name): np.flatnonzero(places == n) for n, name in enumerate(names)}


def _ordered_pairs(truth: Scores, scores: Scores) -> tuple[float, float]:
    """How many of a person's pairs are put in the right order, and how many have one."""
    total = float((truth[:, None] != truth[None]).sum() // 2)
    return total * float(np.nan_to_num(pairwise_accuracy(truth, scores))), total


def _figure(value: float, low: float, high: float) -> Figure:
    return {"value": round(float(value), 4), "ci95": [round(float(low), 4), round(float(high), 4)]}


def adapted_rows(
    asked: Sequence[Row], train: Sequence[Row], most: int | None
) -> Mapping[str, list[Row]]:
    """By person of `asked`, the ratings that a predictor may adapt to: training ones, in order."""
    wanted = {f"{row.dataset}/{row.user}" for row in asked}
    known: dict[str, list[Row]] = {}
    for row in train:
        name = f"{row.dataset}/{row.user}"
        if name in wanted and (most is None or len(known.get(name, ())) < most):
            known.setdefault(name, []).append(row)
    return known
