"""A second tower that names what a picture shows, so that no one eye is believed in everything.

    eye = SecondEye(body, [10, 6, 4])                       # a tower, and how many values each has
    features = eye.features(pixels)                         # what the predictor reads of it
    save_second_eye(folder, eye.standardised(eye(pixels)))
    eye = load_second_eye(folder, torch.device("cpu"))

What two classifiers that were trained apart get wrong is not the same, so a regression on both
follows a third one, a person's, further than on either (Dietterich 2000, Ensemble Methods in
Machine Learning). The one rule that is not obvious: it has a say in what a picture's features are
only, not in how near they are to a text.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from scorer.concepts import by_axis, mean_and_spread

FOLDER, HEADS = "second", "heads.safetensors"
FILES = tuple(f"{FOLDER}/{name}" for name in ("config.json", "model.safetensors", HEADS))
"""What `load_second_eye` reads, from the folder of an encoder."""


class SecondEye(nn.Module):
    """A tower with one linear map to the values of all attributes.

    Args:
        body: Any vision model of transformers that pools.
        counts: How many values each attribute has.
    """

    axis: Tensor
    centre: Tensor
    spread: Tensor

    def __init__(self, body: PreTrainedModel, counts: Sequence[int]) -> None:
        super().__init__()
        config: Any = body.config
        self.body = body
        self.heads = nn.Linear(config.hidden_sizes[-1], sum(counts))
        self.register_buffer("axis", _axes(counts))
        self.register_buffer("centre", torch.zeros(sum(counts)))
        self.register_buffer("spread", torch.ones(sum(counts)))

    def forward(self, pixels: Float[Tensor, "image 3 size size"]) -> Float[Tensor, "image value"]:
        """Probabilities of each attribute's values, seen both ways round, on average."""
        seen = [self.body(pixel_values=p).pooler_output for p in (pixels, pixels.flip(-1))]
        likely = [by_axis(self.heads(found.flatten(1)), self.axis) for found in seen]
        return (likely[0] + likely[1]) / 2

    def features(self, pixels: Float[Tensor, "image 3 size size"]) -> Float[Tensor, "image value"]:
        """The probabilities, standardised."""
        return (self(pixels) - self.centre) / self.spread

    def standardised(self, likely: Float[Tensor, "image value"]) -> "SecondEye":
        """The same, with the mean and the spread of these probabilities; in place."""
        centre, spread = mean_and_spread(likely)
        self.centre.copy_(centre)
        self.spread.copy_(spread)
        return self


def _axes(counts: Sequence[int]) -> Tensor:
    return torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))


def save_second_eye(folder: Path, eye: SecondEye, dtype: torch.dtype | None = None) -> None:
    """Writes `second/` into an encoder's folder; weights are cast to `dtype` if it is given."""
    if dtype is not None:
        eye.to(dtype)
    eye.body.save_pretrained(str(folder / FOLDER))
    kept = {name: value for name, value in eye.state_dict().items() if not name.startswith("body.")}
    save_file({name: value.contiguous() for name, value in kept.items()}, folder / FOLDER / HEADS)


def load_second_eye(folder: Path, device: torch.device) -> SecondEye:
    """What `save_second_eye` wrote, frozen, in 32 bit."""
    place = str(folder / FOLDER)
    body = AutoModel.from_pretrained(place, dtype=torch.float32, local_files_only=True)
    stored = load_file(folder / FOLDER / HEADS)
    eye = SecondEye(cast(PreTrainedModel, body), torch.bincount(stored["axis"]).tolist())
    eye.load_state_dict(stored, strict=False)
    return eye.eval().to(device)
