"""CLIP (Radford et al. 2021) through transformers, for the reward models that are made of it.

    encoder = ClipEncoder("openai/clip-vit-base-patch32")       # or a folder
    encoder.encode_images(pictures)                             # (image, dim), unit length
    encoder.encode_texts(["a boat"])                            # (text, dim), unit length

The one rule that is not obvious: a checkpoint that lacks weights is refused. The library would
make them up and only warn, and a figure from made-up weights looks like any other.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import PIL.Image
import torch
from jaxtyping import Float
from transformers import AutoConfig, AutoImageProcessor, AutoTokenizer, CLIPModel

from scorer.checkpoints import UNREADABLE, identity, unreadable
from scorer.device import resolve_device
from scorer.encoders import unit
from scorer.errors import PrerequisiteError
from scorer.pictures import to_rgb


class ClipEncoder:
    """A frozen CLIP from a folder or the model hub: pictures and texts in one space.

    Pictures are prepared as the checkpoint says (shortest side to the input's size, bicubic,
    centre crop), by Pillow even where torchvision is installed, whose resampling differs.

    Args:
        place: The model.
        processor: Where the tokenizer and the preprocessing lie; None for beside the model.
        device: `auto`, `cpu`, `cuda` or `mps`.
        batch_size: Pictures, or texts, that are encoded at once.

    Raises:
        PrerequisiteError: there is no complete CLIP model there that can be loaded.
    """

    def __init__(
        self,
        place: str,
        *,
        processor: str | None = None,
        device: str = "auto",
        batch_size: int = 16,
    ) -> None:
        self._device = resolve_device(device)
        self._batch_size = batch_size
        self._model = _load_model(place).eval().to(self._device)
        self._pictures, self._tokenizer = _load_processors(processor or place)
        self._id = identity(place)

    @property
    def id(self) -> str:
        """Names the weights: by content for a folder, by revision for the hub."""
        return self._id

    @property
    def dim(self) -> int:
        """Width of the joint space."""
        return self._model.config.projection_dim

    @property
    def scale(self) -> float:
        """What CLIP multiplies a cosine with to get a logit."""
        return self._model.logit_scale.detach().exp().item()

    @torch.inference_mode()
    def encode_images(self, images: Sequence[PIL.Image.Image]) -> Float[np.ndarray, "image dim"]:
        """Embeddings of pictures of any size, of unit length."""
        found = np.zeros((len(images), self.dim), np.float32)
        for start in range(0, len(images), self._batch_size):
            part = [to_rgb(image) for image in images[start : start + self._batch_size]]
            inputs = self._pictures(images=part, return_tensors="pt").to(self._device)
            features = self._model.get_image_features(**inputs).pooler_output
            found[start : start + len(part)] = features.cpu().numpy()
        return unit(found)

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> Float[np.ndarray, "text dim"]:
        """Embeddings of texts, of unit length; what exceeds the tower's 77 tokens is cut off."""
        found = np.zeros((len(texts), self.dim), np.float32)
        for start in range(0, len(texts), self._batch_size):
            part = list(texts[start : start + self._batch_size])
            inputs = self._tokenizer(
                part,
                padding=True,
                truncation=True,
                max_length=self._model.config.text_config.max_position_embeddings,
                return_tensors="pt",
            ).to(self._device)
            features = self._model.get_text_features(**inputs).pooler_output
            found[start : start + len(part)] = features.cpu().numpy()
        return unit(found)


def model_type(place: str) -> str:
    """What kind of model a folder or a hub id holds, by its config; no weights are read.

    Raises:
        PrerequisiteError: there is no config that can be read.
    """
    try:
        return AutoConfig.from_pretrained(place, trust_remote_code=False).model_type
    except UNREADABLE as error:
        raise unreadable("model", place, error) from error


def _load_model(place: str) -> Any:
    kind = model_type(place)
    if kind != "clip":
        raise PrerequisiteError(
            f"the model in {place!r} is of type {kind!r}: give a CLIP model, of type 'clip'"
        )
    try:
        loaded: Any = CLIPModel.from_pretrained(
            place, dtype=torch.float32, output_loading_info=True
        )
    except UNREADABLE as error:
        raise unreadable("CLIP model", place, error) from error
    model, report = loaded
    lacking = sorted(report["missing_keys"])
    if lacking:
        raise PrerequisiteError(
            f"the CLIP model in {place!r} lacks {len(lacking)} of its weights, the first of them "
            f"{lacking[0]!r}: get it again"
        )
    return model


def _load_processors(place: str) -> tuple[Any, Any]:
    """What turns pictures into pixels, and texts into tokens."""
    try:
        return (
            AutoImageProcessor.from_pretrained(place, backend="pil", trust_remote_code=False),
            AutoTokenizer.from_pretrained(place, trust_remote_code=False),
        )
    except UNREADABLE as error:
        raise unreadable("preprocessing of CLIP", place, error) from error
