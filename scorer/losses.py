"""What the predictor is trained on: pure functions of scores."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def regression_loss(
    predicted: Float[Tensor, " rating"], truth: Float[Tensor, " rating"]
) -> Float[Tensor, ""]:
    """Mean squared error of (standardised) scores."""
    return F.mse_loss(predicted, truth)


def ranking_loss(
    predicted: Float[Tensor, " rating"],
    truth: Float[Tensor, " rating"],
    user: Int[Tensor, " rating"],
) -> Float[Tensor, ""]:
    """Logistic loss over pairs that one person rated differently.

    `-log sigmoid(s_i - s_j)` for every pair with `truth_i > truth_j` of the same user, averaged
    (RankNet, Burges et al. 2005, eq. 3; Bradley and Terry 1952). 0 where there is no such pair.
    """
    same = user[:, None] == user[None, :]
    better = same & (truth[:, None] > truth[None, :])
    margin = predicted[:, None] - predicted[None, :]
    losses = F.softplus(-margin)
    pairs = better.sum()
    return torch.where(better, losses, 0.0).sum() / pairs.clamp(min=1)
