"""How much each feature tells of what people like differently: automatic relevance determination.

    found = relevances(groups)                      # by feature, and of a person's level

What the zero-shot score leaves over of a person's ratings is a Gaussian process whose covariance is
a weighted inner product of the features (Rasmussen and Williams 2006, Gaussian Processes for
Machine Learning, section 5.1; MacKay 1994). The weights, one a feature, are those that make the
training people's ratings most likely. The one rule that is not obvious: there are few steps of the
optimizer, and from equal weights, so that a weight that the ratings don't speak of stays as it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from torch import Tensor

    from scorer.adapt import Group

STEPS = 60
RATE = 0.1
PEOPLE, RATINGS = 16, 160
"""Of a step: so many people with so many of their ratings."""
SIGNAL, LEVEL, NOISE = 0.3, 0.15, 0.45
"""Shares of the variance at the begin: of all features together, of a person's level, of noise."""
SMALLEST = 1e-8


@dataclass(frozen=True)
class Relevance:
    """Variances on the scale of the ratings, squared."""

    weights: Float[np.ndarray, " feature"]
    """Of what each feature, standardised, is worth to a person; 0 for one that never varies."""
    level: float
    """Of how much higher or lower a person rates everything."""
    noise: float


def relevances(groups: Sequence["Group"], *, seed: int = 0) -> Relevance:
    """What makes the training people's ratings most likely, from equal weights of all features.

    Args:
        groups: Training people with their ratings.
        seed: Of which people and ratings are in a step.
    """
    import torch

    pooled = np.concatenate([group.features for group in groups])
    centre, spread = pooled.mean(axis=0), pooled.std(axis=0)
    varies = spread > SMALLEST
    seen = [
        torch.tensor((g.features - centre)[:, varies] / spread[varies], dtype=torch.float32)
        for g in groups
    ]
    left = [torch.tensor(group.residual, dtype=torch.float32) for group in groups]
    total = max(float(np.var(np.concatenate([group.residual for group in groups]))), SMALLEST)
    count = max(1, int(varies.sum()))
    shares = torch.tensor([*[SIGNAL / count] * int(varies.sum()), LEVEL, NOISE])
    logs = (shares * total).log().requires_grad_(True)
    optimizer = torch.optim.Adam([logs], lr=RATE)
    rng = np.random.default_rng(seed)
    with torch.enable_grad():
        for _ in range(STEPS):
            optimizer.zero_grad()
            chosen = rng.choice(len(groups), min(PEOPLE, len(groups)), replace=False)
            for person in chosen:
                own = len(left[person])
                rows = torch.from_numpy(rng.choice(own, min(RATINGS, own), replace=False))
                _surprise(logs.exp(), seen[person][rows], left[person][rows]).backward()
            optimizer.step()
    found = logs.detach().exp().numpy().astype(np.float64)
    weights = np.zeros(len(centre))
    weights[varies] = found[:-2]
    return Relevance(weights, float(found[-2]), float(found[-1]))


def _surprise(
    variances: "Float[Tensor, ' feature_level_noise']",
    seen: "Float[Tensor, 'rating feature']",
    left: "Float[Tensor, ' rating']",
) -> "Float[Tensor, '']":
    """Negative log marginal likelihood a rating, up to a constant (ibid., eq. 2.30)."""
    import torch

    among = (seen * variances[:-2]) @ seen.T + variances[-2]
    factor = torch.linalg.cholesky(among + variances[-1] * torch.eye(len(left)))
    explained = torch.cholesky_solve(left[:, None], factor)[:, 0]
    return (left @ explained / 2 + factor.diagonal().log().sum()) / len(left)
