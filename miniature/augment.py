"""What is done to a picture each time that something trains on it.

    inputs = disturbed([picture, other], np.random.default_rng(0))

A classifier that sees every training scene sixty times over otherwise knows it by heart.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

TURN, ZOOM, SHIFT, GAIN = 4.0, 0.08, 0.04, 0.08
"""Degrees; log of a factor; share of the size; log of a factor of brightness."""


def to_tensor(pictures: np.ndarray) -> Float[Tensor, "batch 3 size size"]:
    """Pictures uint8 (batch, size, size, 3) as floats in [-1, 1]."""
    scaled = torch.from_numpy(pictures.astype(np.float32) / 127.5 - 1)
    return scaled.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def disturbed(
    pictures: Sequence[np.ndarray], rng: np.random.Generator, *, erase: bool = False
) -> Float[Tensor, "batch 3 size size"]:
    """Pictures in [-1, 1], mirrored, moved, made lighter or darker, blurred, as chance has it.

    Args:
        pictures: uint8 (size, size, 3) each.
        rng: Chance.
        erase: Whether half of them lose a square (DeVries and Taylor 2017, arXiv 1708.04552), so
            that no tell-tale corner of a training picture is enough.
    """
    inputs = disturb(to_tensor(np.stack(pictures)), rng)
    return _erased(inputs, rng) if erase else inputs


def disturb(
    inputs: Float[Tensor, "batch 3 size size"], rng: np.random.Generator
) -> Float[Tensor, "batch 3 size size"]:
    """The same of tensors in [-1, 1]; gradients go through it.

    Seven in ten are turned by up to `TURN` degrees, enlarged by up to `ZOOM` and shifted by up to
    `SHIFT` of their size, which is too little to change what they show.
    """
    count = len(inputs)
    moved = (rng.random(count) < 0.7).astype(float)
    turn = np.radians(TURN) * rng.uniform(-1, 1, count) * moved
    zoom = np.exp(ZOOM * rng.uniform(-1, 1, count) * moved)
    side = rng.choice((-1.0, 1.0), count)
    across, down = SHIFT * 2 * rng.uniform(-1, 1, (2, count)) * moved
    rows = [[np.cos(turn) * side, -np.sin(turn), across], [np.sin(turn) * side, np.cos(turn), down]]
    places = np.array(rows) / [zoom, zoom, np.ones(count)]
    turned = torch.from_numpy(places.transpose(2, 0, 1)).float().to(inputs.device)
    grid = F.affine_grid(turned, list(inputs.shape), align_corners=False)
    inputs = F.grid_sample(inputs, grid, padding_mode="reflection", align_corners=False)
    gain = np.exp(GAIN * rng.uniform(-1, 1, count) * moved)
    inputs = ((inputs + 1) * _a_picture(gain).to(inputs.device) - 1).clamp(-1, 1)
    soft = F.interpolate(F.avg_pool2d(inputs, 2), scale_factor=2)
    share = _a_picture(rng.random(count) * (rng.random(count) < 0.4))
    return inputs.lerp(soft, share.to(inputs.device))


def _a_picture(values: np.ndarray) -> Float[Tensor, "batch 1 1 1"]:
    return torch.from_numpy(values).float()[:, None, None, None]


def _erased(
    pictures: Float[Tensor, "batch 3 size size"], rng: np.random.Generator
) -> Float[Tensor, "batch 3 size size"]:
    """Half of the pictures with a square in their mean colour."""
    size = pictures.shape[-1]
    for number in np.flatnonzero(rng.random(len(pictures)) < 0.5):
        side = int(rng.integers(size // 6, 3 * size // 8))
        top, left = rng.integers(0, size - side // 2, 2)
        mean = pictures[number].mean((1, 2), keepdim=True)
        pictures[number, :, top : top + side, left : left + side] = mean
    return pictures
