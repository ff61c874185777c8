"""Representation alignment while training (REPA, Yu et al. 2025, arXiv 2410.06940).

    with watched(model.transformer_blocks[3]) as states:
        loss = ...
    loss += 0.5 * alignment_loss(projector(states[0]), features)

What a transformer's middle block knows of each patch is pulled towards what a classifier of
scenes sees in that patch, so that shapes are found sooner: the diffusion model follows the
participants' perception. The finished model knows nothing of it.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from miniature.classifier import Classifier

STAGE = 3
"""The classifier's stage whose map of 8×8 places fits the transformers' 8×8 tokens."""
AT_ONCE = 2000
"""Pictures whose features are standardised together."""


@torch.no_grad()
def patch_features(
    model: Classifier, pictures: Float[Tensor, "batch 3 128 128"]
) -> Float[Tensor, "batch 64 width"]:
    """What a classifier sees in each of the 64 patches of pictures in [-1, 1]."""
    seen: Any = model.body(pictures, output_hidden_states=True)
    return seen.hidden_states[STAGE].flatten(2).transpose(1, 2)


def standardised(features: Float[np.ndarray, "picture token width"]) -> np.ndarray:
    """The features, in place, with zero mean and unit variance a channel over these pictures.

    They are many and kept in 16 bit, so no copy is made in 32.
    """
    parts = [features[start : start + AT_ONCE] for start in range(0, len(features), AT_ONCE)]
    count = features.shape[0] * features.shape[1]
    mean = np.sum([part.sum((0, 1), dtype=np.float64) for part in parts], axis=0) / count
    variance = np.sum([((part - mean) ** 2).sum((0, 1)) for part in parts], axis=0) / count
    for part in parts:
        part[...] = (part - mean) / np.sqrt(variance).clip(min=1e-3)
    return features


def make_projector(width: int, features: int) -> nn.Module:
    """The map from a block's states to the classifier's features."""
    return nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, features))


@contextmanager
def watched(block: nn.Module) -> Generator[list[Tensor]]:
    """Collects the states (batch, token, width) that leave a block."""
    states: list[Tensor] = []

    def keep(_block: Any, _inputs: tuple[Tensor, ...], computed: Tensor) -> None:
        states.append(computed)

    hook = block.register_forward_hook(keep)
    try:
        yield states
    finally:
        hook.remove()


def alignment_loss(
    projected: Float[Tensor, "batch token width"], features: Float[Tensor, "batch token width"]
) -> Float[Tensor, ""]:
    """One minus the mean cosine between projected states and the features of the same patches."""
    return 1 - F.cosine_similarity(projected.float(), features, dim=-1).mean()
