"""SigLIP and SigLIP 2 (Zhai et al. 2023, Tschannen et al. 2025) through transformers' Auto classes.

    encoder = SiglipEncoder("google/siglip2-base-patch16-224")     # or a folder
    encoder = SiglipEncoder(DEFAULT, grid=4)        # and 16 means of patches beside the pooled

The fixed-resolution checkpoints of SigLIP 2 are `SiglipModel`s, the NaFlex ones, which keep a
picture's shape, `Siglip2Model`s; the Auto classes know. The one rule that is not obvious: all were
trained on lower-case texts padded to the full length, and must be given such.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import PIL.Image
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from scorer.checkpoints import UNREADABLE, identity, unreadable
from scorer.device import resolve_device
from scorer.encoders import PictureFeatures, unit
from scorer.pictures import to_rgb

DEFAULT = "google/siglip2-so400m-patch14-384"


class SiglipEncoder:
    """A frozen SigLIP from a folder or the model hub. Implements `scorer.encoders.Encoder`.

    Args:
        place: A folder with model, processor and tokenizer, or an id on the model hub.
        device: `auto`, `cpu`, `cuda` or `mps`.
        grid: Beside the pooled features, means of the patches in so many rows and columns; 0 for
            none.
        batch_size: Pictures at once.

    Raises:
        PrerequisiteError: neither a folder with a model nor a model that the hub gives.
    """

    def __init__(
        self, place: str, *, device: str = "auto", grid: int = 0, batch_size: int = 16
    ) -> None:
        try:
            model = AutoModel.from_pretrained(place, dtype=torch.float32)
            self._pictures: Any = AutoImageProcessor.from_pretrained(place, backend="pil")
            self._tokenizer: Any = AutoTokenizer.from_pretrained(place)
        except UNREADABLE as error:
            raise unreadable("encoder", place, error, as_in="siglip:FOLDER") from error
        self._device = resolve_device(device)
        self._batch_size, self._grid = batch_size, grid
        self._model: Any = model.eval().to(self._device)
        self._id = identity(place) + (f"-patches{grid}" if grid else "")

    @property
    def id(self) -> str:
        """Names the weights: by content for a folder, by revision for the hub."""
        return self._id

    @property
    def visual_tokens(self) -> int:
        """How many features in a row `PictureFeatures.visual` holds, the pooled one first."""
        return 1 + self._grid**2

    @property
    def visual_dim(self) -> int:
        """Width of `PictureFeatures.visual`, all tokens together."""
        return self.visual_tokens * self.dim

    @property
    def dim(self) -> int:
        """Width of the joint space; SigLIP's picture features lie in it as they are."""
        return self._model.config.vision_config.hidden_size

    @torch.inference_mode()
    def encode_images(self, images: Sequence[PIL.Image.Image]) -> PictureFeatures:
        """Features of pictures of any size."""
        visual = np.zeros((len(images), self.visual_dim), np.float32)
        for start in range(0, len(images), self._batch_size):
            part = [to_rgb(image) for image in images[start : start + self._batch_size]]
            inputs = self._pictures(images=part, return_tensors="pt").to(self._device)
            seen = self._model.get_image_features(**inputs)
            rows = [seen.pooler_output[:, None]]
            if self._grid:
                rows.append(grid_means(seen.last_hidden_state, inputs, self._grid))
            found = torch.cat(rows, dim=1).flatten(1)
            visual[start : start + len(part)] = found.cpu().numpy()
        return PictureFeatures(visual, unit(visual[:, : self.dim]))

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> Float[np.ndarray, "text dim"]:
        """Features of texts; what exceeds the text tower's length is cut off."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        inputs = self._tokenizer(
            [text.lower() for text in texts],
            padding="max_length",
            truncation=True,
            max_length=self._model.config.text_config.max_position_embeddings,
            return_tensors="pt",
        ).to(self._device)
        return unit(self._model.get_text_features(**inputs).pooler_output.cpu().numpy())


def grid_means(
    patches: Float[Tensor, "batch patch dim"], inputs: Mapping[str, Any], grid: int
) -> Float[Tensor, "batch cell dim"]:
    """Means of a picture's patches in `grid` rows and columns.

    The patches fill a square; of a NaFlex model's they fill `spatial_shapes`, with padding behind.
    """
    side = math.isqrt(patches.shape[1])
    shapes = inputs.get("spatial_shapes", [(side, side)] * len(patches))
    cells = [
        F.adaptive_avg_pool2d(
            rows[: int(height) * int(width)].T.reshape(-1, int(height), int(width)), grid
        )
        for rows, (height, width) in zip(patches, shapes, strict=True)
    ]
    return torch.stack(cells).flatten(2).mT
