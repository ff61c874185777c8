"""The boundary to image-text encoders: one Protocol, its value, and the builder.

    encoder = make_encoder("miniature")             # or "siglip:<path or id>"
    features = encoder.encode_images(pictures)      # visual (n, v), joint (n, d)
    texts = encoder.encode_texts(["a boat"])        # (1, d), the space of `joint`
    adherence(features.joint, texts)                # (n,)

The one rule that is not obvious: an encoder gives two views of a picture. `visual` is rich and
belongs to the predictor; `joint` lies in the space of the words and belongs to the guard.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import PIL.Image
from jaxtyping import Float

from scorer.errors import InputError

KNOWN = ("miniature[:<folder>]", "siglip:<path or id>[;patches=N]")

GRID, MOST_PATCHES = ";patches=", 16


@dataclass(frozen=True)
class PictureFeatures:
    """What an encoder sees in pictures, float32."""

    visual: Float[np.ndarray, "image visual"]
    """Features of the vision tower: the pooled one, and those of patches behind it if there are."""
    joint: Float[np.ndarray, "image dim"]
    """In the space of the text features."""

    def __len__(self) -> int:
        return len(self.joint)


@runtime_checkable
class Encoder(Protocol):
    """A frozen image-text encoder.

    Contract: one feature vector an input, in order; an empty input gives an array of length 0.
    `joint` and text features are comparable by dot product: their cosine, or that and more.
    Deterministic.
    `id` identifies the weights: it keys the feature cache. `visual` holds `visual_tokens` features
    of one width in a row, `visual_dim` wide together.
    """

    @property
    def id(self) -> str: ...

    @property
    def visual_tokens(self) -> int: ...

    @property
    def visual_dim(self) -> int: ...

    @property
    def dim(self) -> int: ...

    def encode_images(self, images: Sequence[PIL.Image.Image]) -> PictureFeatures: ...

    def encode_texts(self, texts: Sequence[str]) -> Float[np.ndarray, "text dim"]: ...


def make_encoder(spec: str, *, device: str = "auto") -> Encoder:
    """An encoder from its spec: `miniature[:<folder>]` or `siglip:<path or id>[;patches=N]`.

    Raises:
        InputError: the spec is unknown.
        PrerequisiteError: the weights are missing.
    """
    kind, _, place = spec.partition(":")
    if kind == "miniature":
        from miniature import WEIGHTS
        from scorer.miniature_encoder import MiniatureEncoder

        return MiniatureEncoder(Path(place) if place else WEIGHTS / "encoder", device=device)
    if kind == "siglip" and place:
        from scorer.siglip import SiglipEncoder

        place, _, grid = place.partition(GRID)
        if grid and not (grid.isdecimal() and 1 <= int(grid) <= MOST_PATCHES):
            raise InputError(f"encoder {spec!r}: {GRID}N takes a number from 1 to {MOST_PATCHES}")
        return SiglipEncoder(place, device=device, grid=int(grid or 0))
    raise InputError(f"unknown encoder {spec!r}: known are {', '.join(KNOWN)}")


def adherence(
    picture: Float[np.ndarray, "image dim"], text: Float[np.ndarray, "image dim"]
) -> Float[np.ndarray, " image"]:
    """How well pictures show their texts, row by row: the dot product, SigLIP's cosine.

    A sigmoid encoder's logit is an affine function of the cosine (Zhai et al. 2023, eq. 1); its
    sigmoid saturates, so that a tolerance would mean different things at different heights. It is
    not cut at 0: where a picture that shows its text lies depends on the encoder.
    """
    return (picture * text).sum(axis=1)


def unit(vectors: Float[np.ndarray, "row dim"]) -> Float[np.ndarray, "row dim"]:
    """Rows scaled to unit length; a zero row stays zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(length, 1e-12)).astype(np.float32)
