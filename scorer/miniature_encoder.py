"""The image-text encoder of the embedded world: a small SigLIP vision tower beside MiniLM.

    vision, heads = SiglipVisionModel(config), JointHeads(visual=192, dim=128)
    logits = heads(vision(pixel_values=pixels).pooler_output, sentences)   # to train
    save_miniature_encoder(folder, vision, heads)
    encoder = MiniatureEncoder(folder)                                     # to use

The text side is the frozen sentence encoder with one linear map, so only that map and the vision
tower are trained. The one rule that is not obvious: training and use share `to_pixels`.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import PIL.Image
import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from transformers import SiglipVisionModel

from miniature import WEIGHTS
from scorer.device import resolve_device
from scorer.encoders import PictureFeatures
from scorer.errors import PrerequisiteError
from scorer.minilm import DIMENSION, embed
from scorer.pictures import to_rgb

PROJECTION, FIGURES = "projection.safetensors", "figures.json"
NAME = "miniature"
UNKNOWN, TOLERANCE = "unknown subject below", "adherence tolerance"
"""Names in `figures.json`, which the training script measures on held-out scenes."""


@dataclass(frozen=True)
class AdherenceLimits:
    """What this encoder's adherence figures mean; those of another one have another scale."""

    unknown: float
    """Pictures of a prompt that adhere less to it are taken not to show its subject."""
    tolerance: float
    """How far adherence may fall when the light, the angle or the place is another one."""


def adherence_limits(encoder_id: str) -> AdherenceLimits | None:
    """The limits of the miniature's own encoder; None for others."""
    file = WEIGHTS / "encoder" / FIGURES
    if not encoder_id.startswith(NAME) or not file.is_file():
        return None
    figures = json.loads(file.read_text())
    return AdherenceLimits(float(figures[UNKNOWN]), float(figures[TOLERANCE]))


def to_pixels(
    images: Sequence[PIL.Image.Image], size: int
) -> Float[np.ndarray, "image 3 height width"]:
    """Pictures resized to a square (bicubic) and scaled to [-1, 1], channels first."""
    square = (size, size)
    if not images:
        return np.zeros((0, 3, size, size), np.float32)
    frames = [
        np.asarray(to_rgb(i).resize(square, PIL.Image.Resampling.BICUBIC), np.float32)
        for i in images
    ]
    return np.stack(frames).transpose(0, 3, 1, 2) / 127.5 - 1.0


class JointHeads(nn.Module):
    """Linear maps of picture and sentence into one space, with SigLIP's scale and bias."""

    def __init__(self, *, visual: int, dim: int, sentence: int = DIMENSION) -> None:
        super().__init__()
        self.picture_projection = nn.Linear(visual, dim)
        self.text_projection = nn.Linear(sentence, dim)
        self.logit_scale = nn.Parameter(torch.tensor(10.0).log())
        self.logit_bias = nn.Parameter(torch.tensor(-4.0))  # -10 is for batches of 32,768

    def picture(self, pooled: Float[Tensor, "image visual"]) -> Float[Tensor, "image dim"]:
        """Pooled picture features in the joint space, unit length."""
        return F.normalize(self.picture_projection(pooled), dim=-1)

    def text(self, sentences: Float[Tensor, "text sentence"]) -> Float[Tensor, "text dim"]:
        """Sentence embeddings in the joint space, unit length."""
        return F.normalize(self.text_projection(sentences), dim=-1)

    def forward(
        self, pooled: Float[Tensor, "image visual"], sentences: Float[Tensor, "text sentence"]
    ) -> Float[Tensor, "image text"]:
        """Pairwise logits (Zhai et al. 2023, eq. 1)."""
        cosine = self.picture(pooled) @ self.text(sentences).T
        return self.logit_scale.exp() * cosine + self.logit_bias


class MiniatureEncoder:
    """The trained encoder in `folder`, frozen. Implements `scorer.encoders.Encoder`.

    Raises:
        PrerequisiteError: the folder lacks one of its files.
    """

    def __init__(self, folder: Path, *, device: str = "auto", batch_size: int = 64) -> None:
        files = [folder / name for name in ("config.json", "model.safetensors", PROJECTION)]
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise PrerequisiteError(
                f"the encoder in {str(folder)!r} lacks {', '.join(missing)}: "
                f"train it with `python -m miniature.encoder`"
            )
        self._device = resolve_device(device)
        self._batch_size = batch_size
        vision = SiglipVisionModel.from_pretrained(
            str(folder), dtype=torch.float32, local_files_only=True
        )
        self._vision = cast(Any, vision).eval().to(self._device)
        self._heads = _load_heads(files[-1]).eval().to(self._device)
        digest = hashlib.sha256(b"".join(file.read_bytes() for file in files))
        self._id = f"{NAME}-{digest.hexdigest()[:16]}"

    @property
    def id(self) -> str:
        """Names the weights by their content."""
        return self._id

    @property
    def visual_dim(self) -> int:
        """Width of `PictureFeatures.visual`."""
        return self._heads.picture_projection.in_features

    @property
    def dim(self) -> int:
        """Width of the joint space."""
        return self._heads.picture_projection.out_features

    @torch.inference_mode()
    def encode_images(self, images: Sequence[PIL.Image.Image]) -> PictureFeatures:
        """Features of pictures of any size."""
        pooled = np.zeros((len(images), self.visual_dim), np.float32)
        joint = np.zeros((len(images), self.dim), np.float32)
        for start in range(0, len(images), self._batch_size):
            part = slice(start, start + self._batch_size)
            pixels = to_pixels(images[part], self._vision.config.image_size)
            out = self._vision(pixel_values=torch.from_numpy(pixels).to(self._device))
            pooled[part] = out.pooler_output.cpu().numpy()
            joint[part] = self._heads.picture(out.pooler_output).cpu().numpy()
        return PictureFeatures(pooled, joint)

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> Float[np.ndarray, "text dim"]:
        """Sentence embeddings in the joint space."""
        sentences = torch.from_numpy(embed(texts)).to(self._device)
        return self._heads.text(sentences).cpu().numpy()


def save_miniature_encoder(
    folder: Path, vision: SiglipVisionModel, heads: JointHeads, *, dtype: torch.dtype | None = None
) -> None:
    """Writes what `MiniatureEncoder` reads; casts both modules to `dtype` if one is given."""
    folder.mkdir(parents=True, exist_ok=True)
    if dtype is not None:
        cast(Any, vision).to(dtype)
        heads.to(dtype)
    vision.save_pretrained(str(folder))
    save_model(heads, str(folder / PROJECTION))


def _load_heads(file: Path) -> JointHeads:
    from safetensors import safe_open

    with safe_open(str(file), framework="pt") as stored:
        dim, visual = stored.get_slice("picture_projection.weight").get_shape()
    heads = JointHeads(visual=visual, dim=dim)
    load_model(heads, str(file))
    return heads
