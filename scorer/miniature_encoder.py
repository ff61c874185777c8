"""The image-text encoder of the embedded world: a vision tower beside MiniLM, trained as SigLIP is.

    vision, heads = ResNetModel(config), JointHeads(visual=192, dim=128)
    logits = heads(pooled(vision, pixels), sentences)                      # to train
    save_miniature_encoder(folder, vision, heads)
    encoder = MiniatureEncoder(folder)                                     # to use

The text side is the frozen sentence encoder with a small map, so only that map and the vision
tower are trained. The tower is any vision model of transformers that pools. What the predictor
reads of a picture is the pooled features, and beside them how likely the encoder finds each of a
list of concepts ("in moonlight" among all lightings, …): the zero-shot classification of Radford
et al. (2021), with the mean of several phrasings as a concept's text. The one rule that is not
obvious: training and use share `to_pixels`.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import PIL.Image
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from miniature import WEIGHTS
from scorer.device import resolve_device
from scorer.encoders import PictureFeatures
from scorer.errors import PrerequisiteError
from scorer.minilm import DIMENSION, embed
from scorer.pictures import to_rgb

PROJECTION, CONCEPTS, FIGURES = "projection.safetensors", "concepts.safetensors", "figures.json"
NAME = "miniature"
HIDDEN = 512
"""Width inside the map of sentences."""
SMALLEST_SPREAD = 0.01
"""Of a concept's probability: one that hardly varies is not blown up."""
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


def pooled(
    vision: nn.Module, pixels: Float[Tensor, "image 3 size size"]
) -> Float[Tensor, "image visual"]:
    """What a vision model sees in whole pictures; some keep the places that they pool over."""
    return vision(pixel_values=pixels).pooler_output.flatten(1)


class JointHeads(nn.Module):
    """Maps of picture and sentence into one space, with SigLIP's scale and bias."""

    def __init__(self, *, visual: int, dim: int, sentence: int = DIMENSION) -> None:
        super().__init__()
        self.picture_projection = nn.Linear(visual, dim)
        self.text_projection = nn.Sequential(
            nn.Linear(sentence, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, dim)
        )
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


@dataclass(frozen=True)
class Concepts:
    """What the encoder asks of every picture."""

    texts: Float[Tensor, "concept dim"]
    """Unit vectors in the joint space."""
    axis: Int[Tensor, " concept"]
    """Number of the attribute that a concept is a value of: one of its values is true, or, of one
    with a single value, none."""
    centre: Float[Tensor, " concept"]
    spread: Float[Tensor, " concept"]
    """Mean and standard deviation of the probabilities over training pictures."""

    def probabilities(
        self, joint: Float[Tensor, "image dim"], heads: JointHeads
    ) -> Float[Tensor, "image concept"]:
        """How likely each value of an attribute is among its values."""
        logits = heads.logit_scale.exp() * joint @ self.texts.T + heads.logit_bias
        found = torch.zeros_like(logits)
        for number in range(int(self.axis.max()) + 1):
            own = logits[:, self.axis == number]
            several = own.shape[1] > 1
            found[:, self.axis == number] = own.softmax(dim=1) if several else own.sigmoid()
        return found

    def features(
        self, joint: Float[Tensor, "image dim"], heads: JointHeads
    ) -> Float[Tensor, "image concept"]:
        """The probabilities, standardised."""
        return (self.probabilities(joint, heads) - self.centre) / self.spread


def make_concepts(
    texts: Float[Tensor, "text dim"],
    values: Sequence[tuple[str, str]],
    joint: Float[Tensor, "image dim"],
    heads: JointHeads,
) -> Concepts:
    """Concepts from texts.

    Args:
        texts: Unit vectors in the joint space.
        values: The attribute and the value that each of them speaks of.
        joint: Pictures to standardise the probabilities on.
        heads: That made them.
    """
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    axes = {name: number for number, name in enumerate(dict.fromkeys(n for n, _ in places))}
    mean = torch.zeros(len(places), texts.shape[1])
    mean.index_add_(0, torch.tensor([places[value] for value in values]), texts)
    made = Concepts(
        F.normalize(mean, dim=-1),
        torch.tensor([axes[name] for name, _ in places]),
        torch.zeros(len(places)),
        torch.ones(len(places)),
    )
    found = made.probabilities(joint, heads)
    return replace(made, centre=found.mean(0), spread=found.std(0).clamp(min=SMALLEST_SPREAD))


class MiniatureEncoder:
    """The trained encoder in `folder`, frozen. Implements `scorer.encoders.Encoder`.

    Raises:
        PrerequisiteError: the folder lacks one of its files.
    """

    def __init__(self, folder: Path, *, device: str = "auto", batch_size: int = 64) -> None:
        names = ("config.json", "model.safetensors", PROJECTION, CONCEPTS)
        files = [folder / name for name in names]
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise PrerequisiteError(
                f"the encoder in {str(folder)!r} lacks {', '.join(missing)}: "
                f"train it with `python -m miniature.encoder`"
            )
        self._device = resolve_device(device)
        self._batch_size = batch_size
        vision = AutoModel.from_pretrained(str(folder), dtype=torch.float32, local_files_only=True)
        self._vision = cast(Any, vision).eval().to(self._device)
        self._heads = _load_heads(folder / PROJECTION).eval().to(self._device)
        self._concepts = _load_concepts(folder / CONCEPTS, self._device)
        digest = hashlib.sha256(b"".join(file.read_bytes() for file in files))
        self._id = f"{NAME}-{digest.hexdigest()[:16]}"

    @property
    def id(self) -> str:
        """Names the weights by their content."""
        return self._id

    @property
    def visual_tokens(self) -> int:
        """Pooled features only."""
        return 1

    @property
    def visual_dim(self) -> int:
        """Width of `PictureFeatures.visual`: pooled features and concepts."""
        return self._heads.picture_projection.in_features + len(self._concepts.axis)

    @property
    def dim(self) -> int:
        """Width of the joint space."""
        return self._heads.picture_projection.out_features

    @torch.inference_mode()
    def encode_images(self, images: Sequence[PIL.Image.Image]) -> PictureFeatures:
        """Features of pictures of any size."""
        visual = np.zeros((len(images), self.visual_dim), np.float32)
        joint = np.zeros((len(images), self.dim), np.float32)
        for start in range(0, len(images), self._batch_size):
            part = slice(start, start + self._batch_size)
            pixels = to_pixels(images[part], self._vision.config.image_size)
            seen = pooled(self._vision, torch.from_numpy(pixels).to(self._device))
            shared = self._heads.picture(seen)
            concepts = self._concepts.features(shared, self._heads)
            visual[part] = torch.cat([seen, concepts], dim=1).cpu().numpy()
            joint[part] = shared.cpu().numpy()
        return PictureFeatures(visual, joint)

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> Float[np.ndarray, "text dim"]:
        """Sentence embeddings in the joint space."""
        sentences = torch.from_numpy(embed(texts)).to(self._device)
        return self._heads.text(sentences).cpu().numpy()


def save_miniature_encoder(
    folder: Path,
    vision: PreTrainedModel,
    heads: JointHeads,
    concepts: Concepts,
    *,
    dtype: torch.dtype | None = None,
) -> None:
    """Writes what `MiniatureEncoder` reads; casts both modules to `dtype` if one is given."""
    folder.mkdir(parents=True, exist_ok=True)
    told = vars(concepts)
    kept = {name: v.half() if v.is_floating_point() else v for name, v in told.items()}
    save_file({name: v.contiguous() for name, v in kept.items()}, folder / CONCEPTS)
    if dtype is not None:
        cast(Any, vision).to(dtype)
        heads.to(dtype)
    vision.save_pretrained(str(folder))
    save_model(heads, str(folder / PROJECTION))


def _load_concepts(file: Path, device: torch.device) -> Concepts:
    stored = load_file(file, device=str(device))
    told = {name: v.float() if v.is_floating_point() else v for name, v in stored.items()}
    return Concepts(**{name: told[name] for name in Concepts.__dataclass_fields__})


def _load_heads(file: Path) -> JointHeads:
    from safetensors import safe_open

    with safe_open(str(file), framework="pt") as stored:
        dim, visual = stored.get_slice("picture_projection.weight").get_shape()
    heads = JointHeads(visual=visual, dim=dim)
    load_model(heads, str(file))
    return heads
