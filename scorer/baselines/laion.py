"""LAION aesthetics V2, the "improved aesthetic predictor" (Schuhmann 2022): what pleases the eye.

    reward = load(None, device="auto", trust_remote_code=False)
    reward.rewards([picture], [""])                # the mean rating to expect, about 1 to 10

Five linear layers on the picture embedding of CLIP ViT-L/14, trained on ratings of AVA, Simulacra
and logos (`sac+logos+ava1-l14-linearMSE`). The authors publish them as a .pth file in
github.com/christophschuhmann/improved-aesthetic-predictor. The default is its port to the model
hub, a safetensors file at one commit, because everything else comes from there too; that its
numbers are those of the .pth file is unproven. The authors' own file:

    pamela-agent score … --scorer laion:sac+logos+ava1-l14-linearMSE.pth

The one rule that is not obvious: the layers take embeddings of unit length, and have no activation
between them. The repository has a variant with activations too, which is refused.

Licence: the port's card says Apache-2.0, and others say so of the authors' repository, which could
not be verified; OpenAI's CLIP is MIT.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from huggingface_hub import hf_hub_download
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from scorer.baselines.base import Reward
from scorer.baselines.clip import ClipEncoder
from scorer.checkpoints import UNREADABLE, content_digest, unreadable
from scorer.errors import PrerequisiteError

HEAD = "ttj/sac-logos-ava1-l14-linearMSE"
HEAD_FILE = "model.safetensors"
HEAD_COMMIT = "1e77fa05081323d99725fc40a9bf9f88180490e7"
CLIP = "openai/clip-vit-large-patch14"

LAYERS = (0, 2, 4, 6, 7)
"""The linear layers' numbers in the published keys; 1, 3 and 5 are dropout, without weights."""


@dataclass(frozen=True)
class Head:
    """The layers on the embedding, by the published keys: `layers.0.weight` and so on."""

    id: str
    weights: Mapping[str, Tensor]


class LaionAesthetics:
    """The predicted rating of a picture. Implements `scorer.baselines.base.Reward`.

    Raises:
        PrerequisiteError: the head is another model's, or of another width than the embedding.
    """

    reads_prompt = False

    def __init__(self, encoder: ClipEncoder, head: Head) -> None:
        check_head(head, encoder.dim)
        self._encoder, self._head = encoder, head
        self.id = f"{head.id}+{encoder.id}"

    def rewards(
        self, images: Sequence[PIL.Image.Image], prompts: Sequence[str]
    ) -> Float[np.ndarray, " image"]:
        """One rating a picture; the prompts are not read."""
        embedding = torch.from_numpy(self._encoder.encode_images(images))
        return rating(embedding, self._head.weights).numpy()


def rating(
    embedding: Float[Tensor, "image dim"], weights: Mapping[str, Tensor]
) -> Float[Tensor, " image"]:
    """The linear layers, one after the other, as they work once training is over."""
    for number in LAYERS:
        weight, bias = weights[f"layers.{number}.weight"], weights[f"layers.{number}.bias"]
        embedding = F.linear(embedding, weight, bias)
    return embedding.squeeze(1)


def check_head(head: Head, dim: int) -> None:
    """Holds keys and shapes against the published ones; all widths but the last are free.

    Raises:
        PrerequisiteError: they differ, or the first layer doesn't take embeddings of width `dim`.
    """
    keys = {f"layers.{number}.{part}" for number in LAYERS for part in ("weight", "bias")}
    if set(head.weights) != keys:
        raise PrerequisiteError(
            f"the weights in {head.id!r} are not those of the linear LAION aesthetics V2 head: "
            f"expected layers {', '.join(map(str, LAYERS))} with weight and bias, found "
            f"{', '.join(sorted(head.weights)) or 'nothing'}"
        )
    widths = [dim, *(len(head.weights[f"layers.{number}.bias"]) for number in LAYERS)]
    shapes = [tuple(head.weights[f"layers.{number}.weight"].shape) for number in LAYERS]
    if widths[-1] != 1 or shapes != [(after, before) for before, after in pairwise(widths)]:
        raise PrerequisiteError(
            f"the head in {head.id!r} does not lead from embeddings of width {dim} to one number: "
            f"its layers are {', '.join(f'{before}→{after}' for after, before in shapes)}"
        )


def load(place: str | None, *, device: str, trust_remote_code: bool) -> Reward:
    """The predictor with the head that `place` names, on CLIP ViT-L/14.

    Args:
        place: A .pth or .safetensors file, a folder with one, or the id of a hub repository with a
            `model.safetensors`. A folder may bring the CLIP model in a folder `clip`.
        device: Where CLIP runs; the head is so small that it stays on the CPU.
        trust_remote_code: Not needed: nothing that comes with a checkpoint is run.

    Raises:
        PrerequisiteError: the head or CLIP is missing.
    """
    head = _read_head(place)
    own = None if place is None else Path(place, "clip")
    clip = str(own) if own and own.is_dir() else CLIP
    return LaionAesthetics(ClipEncoder(clip, device=device), head)


def _read_head(place: str | None) -> Head:
    try:
        file, origin = _find_head(place)
        weights: Any = (
            load_file(file)
            if file.suffix == ".safetensors"
            else torch.load(file, map_location="cpu", weights_only=True)
        )
        return Head(origin, {str(key): value.float() for key, value in dict(weights).items()})
    except (*UNREADABLE, AttributeError, TypeError) as error:
        raise unreadable(
            "head of LAION aesthetics V2", place or HEAD, error, as_in="laion:FOLDER"
        ) from error


def _find_head(place: str | None) -> tuple[Path, str]:
    """The file with the head, and what names its content."""
    local = None if place is None else _local_head(Path(place))
    if local is not None:
        return local, f"{local.name}-{content_digest([local])}"
    repository, commit = (HEAD, HEAD_COMMIT) if place is None else (place, None)
    fetched = Path(hf_hub_download(repository, HEAD_FILE, revision=commit))
    return fetched, f"{repository}@{fetched.parent.name}"


def _local_head(place: Path) -> Path | None:
    """The file itself, or the only one in the folder; None if nothing is there."""
    if not place.is_dir():
        return place if place.is_file() else None
    files = [file for file in place.iterdir() if file.suffix in (".pth", ".safetensors")]
    if len(files) != 1:
        raise FileNotFoundError(f"it holds {len(files)} .pth and .safetensors files, not 1")
    return files[0]
