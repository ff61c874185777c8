"""SigLIP and SigLIP 2 (Zhai et al. 2023, Tschannen et al. 2025) through transformers' Auto classes.

    encoder = SiglipEncoder("google/siglip2-base-patch16-224")     # or a folder

The one rule that is not obvious: both were trained on lower-case texts padded to the full length,
and must be given such.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from jaxtyping import Float
from torch import Tensor
from transformers import AutoModel, AutoProcessor

from scorer.device import resolve_device
from scorer.encoders import PictureFeatures, unit
from scorer.errors import PrerequisiteError
from scorer.pictures import to_rgb


class SiglipEncoder:
    """A frozen SigLIP from a folder or the model hub. Implements `scorer.encoders.Encoder`.

    Raises:
        PrerequisiteError: neither a folder with a model nor a model that the hub gives.
    """

    def __init__(self, place: str, *, device: str = "auto", batch_size: int = 16) -> None:
        try:
            model = AutoModel.from_pretrained(place, dtype=torch.float32)
            self._processor: Any = AutoProcessor.from_pretrained(place)
        except (OSError, ValueError) as error:
            raise PrerequisiteError(
                f"no encoder can be loaded from {place!r} ({str(error).splitlines()[0]}): give a "
                f"folder with a SigLIP model, or the id of one on the model hub"
            ) from error
        self._device = resolve_device(device)
        self._batch_size = batch_size
        self._model: Any = model.eval().to(self._device)
        self._id = _identity(place, self._model)

    @property
    def id(self) -> str:
        """Names the weights: by content for a folder, by revision for the hub."""
        return self._id

    @property
    def visual_dim(self) -> int:
        """Width of `PictureFeatures.visual`."""
        return self._model.config.vision_config.hidden_size

    @property
    def dim(self) -> int:
        """Width of the joint space; SigLIP's picture features lie in it as they are."""
        return self._model.config.vision_config.hidden_size

    @torch.inference_mode()
    def encode_images(self, images: Sequence[PIL.Image.Image]) -> PictureFeatures:
        """Features of pictures of any size."""
        pooled = np.zeros((len(images), self.visual_dim), np.float32)
        for start in range(0, len(images), self._batch_size):
            part = [to_rgb(image) for image in images[start : start + self._batch_size]]
            inputs = self._processor(images=part, return_tensors="pt").to(self._device)
            features = _pooled(self._model.get_image_features(**inputs))
            pooled[start : start + len(part)] = features.cpu().numpy()
        return PictureFeatures(pooled, unit(pooled))

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> Float[np.ndarray, "text dim"]:
        """Features of texts; what exceeds the text tower's length is cut off."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        inputs = self._processor(
            text=[text.lower() for text in texts],
            padding="max_length",
            truncation=True,
            max_length=self._model.config.text_config.max_position_embeddings,
            return_tensors="pt",
        ).to(self._device)
        return unit(_pooled(self._model.get_text_features(**inputs)).cpu().numpy())


def _pooled(output: Any) -> Tensor:
    """The features, whichever form this version of transformers returns them in."""
    return output if isinstance(output, Tensor) else output.pooler_output


def _identity(place: str, model: Any) -> str:
    folder = Path(place)
    if not folder.is_dir():
        return f"{place}@{getattr(model.config, '_commit_hash', None) or 'unknown'}"
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin")):
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return f"{folder.name}-{digest.hexdigest()[:16]}"
