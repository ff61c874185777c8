"""Representation alignment while training (REPA, Yu et al. 2025, arXiv 2410.06940).

    with watched(model, block=3) as states:
        loss = ...
    loss += 0.5 * alignment_loss(projector(states[0]), features, kept)

What a middle block knows of each patch of a noisy picture is pulled towards what a classifier
sees in that patch of the clean one, so that the shapes are found sooner. The finished model
knows nothing of it.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from diffusers import PixArtTransformer2DModel
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from miniature.classifier import Classifier, to_tensor

STAGE = 3
"""The classifier's stage whose map of 8×8 places fits the transformer's 8×8 tokens."""


@torch.inference_mode()
def patch_features(model: Classifier, pictures: np.ndarray) -> Float[Tensor, "batch token width"]:
    """What a classifier sees in each of the 64 patches of pictures uint8 (batch, size, size, 3)."""
    seen: Any = model.body(to_tensor(pictures), output_hidden_states=True)
    return seen.hidden_states[STAGE].flatten(2).transpose(1, 2)


def make_projector(width: int, features: int) -> nn.Module:
    """The map from a block's states to the classifier's features."""
    return nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, features))


@contextmanager
def watched(model: PixArtTransformer2DModel, block: int) -> Generator[list[Tensor]]:
    """Collects the states (batch, token, width) that leave a block."""
    states: list[Tensor] = []

    def keep(_block: Any, _inputs: tuple[Tensor, ...], computed: Tensor) -> None:
        states.append(computed)

    blocks: Any = model.transformer_blocks
    hook = blocks[block].register_forward_hook(keep)
    try:
        yield states
    finally:
        hook.remove()


def alignment_loss(
    projected: Float[Tensor, "batch kept width"],
    features: Float[Tensor, "batch token width"],
    kept: Int[Tensor, "batch kept"],
) -> Float[Tensor, ""]:
    """One minus the cosine between projected states and the features of the same patches."""
    own = features.gather(1, kept[..., None].expand(-1, -1, features.shape[-1]))
    return 1 - F.cosine_similarity(projected.float(), own, dim=-1).mean()
