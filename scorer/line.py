"""What a straight line says of everybody's liking: half of every score, beside the network.

    add_line(network, train)                        # once, after the network's training

A network of this size learns the pictures that it was trained on a little by heart, a ridge
regression on the same features does not, and what the two get wrong is not the same, so their mean
is better than either (a wide part beside a deep one: Cheng et al. 2016, arXiv 1606.07792). It is in
closed form, with as much room for a feature as its relevance (`scorer.relevance`). The one rule
that is not obvious: it knows no person, so it is fitted to the mean rating of every picture.
"""

import numpy as np
import torch
from jaxtyping import Float, Int

from scorer.adapt import Group
from scorer.predictor import PamelaNetwork
from scorer.ratings import Ratings
from scorer.relevance import relevances

SHARE = 1 / 2
"""Of a score."""


def add_line(network: PamelaNetwork, train: Ratings) -> None:
    """Fits the line to training ratings, and makes it a share of the network's score, in place."""
    pictures = train.tokens.picture_index.cpu().numpy()
    seen = train.tokens.visual.cpu().numpy()[:, : network.visual_dim].astype(np.float64)
    count = np.bincount(pictures, minlength=len(seen))
    total = np.bincount(pictures, train.standard.cpu().numpy(), minlength=len(seen))
    rated = count > 0
    weights, level = fit_line(seen[rated], total[rated] / count[rated], count[rated])
    with torch.no_grad():
        network.head.weight.mul_(1 - SHARE)
        network.head.bias.mul_(1 - SHARE).add_(SHARE * level)
        network.line.copy_(torch.from_numpy(SHARE * weights))


def fit_line(
    features: Float[np.ndarray, "picture feature"],
    rating: Float[np.ndarray, " picture"],
    count: Int[np.ndarray, " picture"],
) -> tuple[Float[np.ndarray, " feature"], float]:
    """Weights and level of a ridge regression, the room of each weight being its relevance.

    The posterior mean of Bayesian linear regression (Bishop 2006, eq. 3.53).

    Args:
        features: Of every picture.
        rating: The mean over those who rated it.
        count: How many these are; a mean of more is surer.
    """
    centre = np.average(features, axis=0, weights=count)
    level = float(np.average(rating, weights=count))
    found = relevances([Group(features, rating - level)])
    scaled = (features - centre) * found.scale
    sure = count / count.mean()
    gram = (scaled * sure[:, None]).T @ scaled + found.noise * np.eye(len(centre))
    weights = found.scale * np.linalg.solve(gram, scaled.T @ (sure * (rating - level)))
    return weights, level - float(centre @ weights)
