"""How much each feature tells of what people like differently: automatic relevance determination.

    found = relevances(groups)                      # by feature, and of a person's level

What the zero-shot score leaves over of a person's ratings is a Gaussian process whose covariance is
a weighted inner product of the features (Rasmussen and Williams 2006, Gaussian Processes for
Machine Learning, section 5.1; MacKay 1994). The weights, one a feature, are those that make the
training people's ratings most likely, everybody counting alike. The one rule that is not obvious:
there are few steps of the optimizer, and from equal weights, so that no weight can leave the others
further behind than a few hundred people's ratings can say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from torch import Tensor

    from scorer.adapt import Group

STEPS = 60
RATE = 0.1
PEOPLE, RATINGS = 16, 160
"""Of a step: so many people with so many of their ratings."""
MOST = 400
"""Of a person's ratings, when it is asked how likely they are."""
SIGNAL, LEVEL, NOISE = 0.3, 0.15, 0.45
"""Shares of the variance at the begin: of all features together, of a person's level, of noise."""
SMALLEST = 1e-8


@dataclass(frozen=True)
class Relevance:
    """Variances on the scale of the ratings, squared."""

    weights: Float[np.ndarray, " feature"]
    """Of what each feature, standardised, is worth to a person; 0 for one that never varies."""
    scale: Float[np.ndarray, " feature"]
    """By which features as they are get these variances: the root of the weight over the spread."""
    level: float
    """Of how much higher or lower a person rates everything."""
    noise: float


def relevances(groups: Sequence["Group"], *, seed: int = 0) -> Relevance:
    """What makes the training people's ratings most likely, from equal weights of all features.

    Where weights that differ, learned from half of the people, make the ratings of the others less
    likely than equal ones do, there are too few ratings for them, and they stay equal.

    Args:
        groups: Training people with their ratings.
        seed: Of which people and ratings are in a step.
    """
    import torch

    pooled = np.concatenate([group.features for group in groups]).astype(np.float64)
    centre, spread = pooled.mean(axis=0), pooled.std(axis=0)
    varies = spread > SMALLEST
    people = [
        Person(
            torch.tensor((g.features - centre)[:, varies] / spread[varies], dtype=torch.float32),
            torch.tensor(g.residual, dtype=torch.float32),
        )
        for g in groups
    ]
    total = max(float(np.var(np.concatenate([group.residual for group in groups]))), SMALLEST)
    count = int(varies.sum())
    shares = torch.tensor([*[SIGNAL / max(1, count)] * count, LEVEL, NOISE])
    start = (shares * total).log()
    with torch.inference_mode(False), torch.enable_grad():
        apart = _pays(people, start, seed)
        found = _likeliest(people, start, seed, apart=apart).exp().numpy().astype(np.float64)
    weights = np.zeros(len(centre))
    weights[varies] = found[:-2]
    scale = np.sqrt(weights) / np.where(varies, spread, np.inf)
    return Relevance(weights, scale, float(found[-2]), float(found[-1]))


class Person(NamedTuple):
    """One person's ratings."""

    seen: "Float[Tensor, 'rating feature']"
    """Standardised."""
    left: "Float[Tensor, ' rating']"

    def part(self, rows: "slice | Tensor") -> "Person":
        """Some of the ratings."""
        return Person(self.seen[rows], self.left[rows])


def _pays(people: list[Person], start: "Tensor", seed: int) -> bool:
    """Whether weights that differ say more of others than equal ones do."""
    if len(people) > 1:
        told, asked = people[::2], people[1::2]
    elif len(people[0].left) > 1:
        told, asked = ([people[0].part(slice(first, None, 2))] for first in (0, 1))
    else:
        return False
    differing, equal = (
        sum(surprise(logs.exp(), person.part(slice(MOST))).item() for person in asked)
        for logs in (_likeliest(told, start, seed, apart=apart) for apart in (True, False))
    )
    return differing < equal


def _likeliest(people: list[Person], start: "Tensor", seed: int, *, apart: bool) -> "Tensor":
    """Logarithms of the variances after `STEPS` steps; not `apart`, the weights stay equal."""
    import torch

    logs = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([logs], lr=RATE)
    rng = np.random.default_rng(seed)
    for _ in range(STEPS):
        optimizer.zero_grad()
        for number in rng.choice(len(people), min(PEOPLE, len(people)), replace=False):
            own = len(people[number].left)
            rows = torch.from_numpy(rng.choice(own, min(RATINGS, own), replace=False))
            surprise(logs.exp(), people[number].part(rows)).backward()
        if logs.grad is not None and not apart and len(logs) > 2:
            logs.grad[:-2] = logs.grad[:-2].mean()
        optimizer.step()
    return logs.detach()


def surprise(variances: "Float[Tensor, ' feature_level_noise']", of: Person) -> "Tensor":
    """Negative log marginal likelihood a rating, up to a constant (ibid., eq. 2.30)."""
    import torch

    among = (of.seen * variances[:-2]) @ of.seen.T + variances[-2]
    factor = torch.linalg.cholesky(among + variances[-1] * torch.eye(len(of.left)))
    explained = torch.cholesky_solve(of.left[:, None], factor)[:, 0]
    return (of.left @ explained / 2 + factor.diagonal().log().sum()) / len(of.left)
