"""The image-text encoder of the embedded world: a vision tower beside MiniLM, trained as SigLIP is.

    vision, heads = ResNetModel(config), JointHeads(visual=192, dim=256)
    logits = heads.logits(heads.picture(seen), heads.text(states, mask))   # to train
    save_miniature_encoder(folder, vision, heads, concepts)
    encoder = MiniatureEncoder(folder)                                     # to use

The text side is the frozen sentence encoder with the layer on top that the diffusion model reads
with too; queries of this encoder's own attend over its states, an attribute each, so that no word
is lost in a mean. The tower is any vision model of transformers that pools. What the predictor
reads of a picture is the pooled features; beside them how likely the encoder finds each of a list
of concepts ("in moonlight" among all lightings, …): the zero-shot classification of Radford et al.
(2021), with the mean of several phrasings as a concept's text; and what earlier layers of the tower
see, on average over the picture: colour and contrast, which the last one passes over. The one rule
that is not obvious: training and use share `to_pixels`.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import PIL.Image
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Num
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from miniature import WEIGHTS
from scorer.device import resolve_device
from scorer.encoders import PictureFeatures
from scorer.errors import PrerequisiteError
from scorer.minilm import DIMENSION, MAX_TOKENS, TEXT_LAYERS, text_encoder_and_tokenizer
from scorer.pictures import to_rgb

PROJECTION, CONCEPTS, FIGURES = "projection.safetensors", "concepts.safetensors", "figures.json"
NAME = "miniature"
HIDDEN = 512
"""Width inside both maps."""
QUERIES, GATHERED = 16, 32
"""How many questions are asked of a text, and how many numbers answer each."""
SMALLEST_SPREAD = 0.01
"""Of a feature: one that hardly varies is not blown up."""
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


def seen_both_ways(
    vision: nn.Module, pixels: Float[Tensor, "image 3 size size"]
) -> tuple[Float[Tensor, "image visual"], Float[Tensor, "image early"]]:
    """What a vision model sees in pictures and in their mirror images, on average.

    Nothing that is asked of a picture depends on which way round it is.

    Returns:
        The pooled features, and the mean over places of each earlier layer's.
    """
    both = [vision(pixel_values=p, output_hidden_states=True) for p in (pixels, pixels.flip(-1))]
    seen = [out.pooler_output.flatten(1) for out in both]
    early = [torch.cat(list(map(_over_places, out.hidden_states[:-1])), dim=1) for out in both]
    return (seen[0] + seen[1]) / 2, (early[0] + early[1]) / 2


def _over_places(layer: Tensor) -> Float[Tensor, "image channel"]:
    """The mean over a grid of channels first, or over a row of tokens."""
    return layer.mean((2, 3)) if layer.ndim == 4 else layer.mean(1)


class Reading(nn.Module):
    """Texts in the joint space: every query gathers what it asks for from a text's states."""

    def __init__(self, *, dim: int, sentence: int = DIMENSION) -> None:
        super().__init__()
        self.queries = nn.Parameter(0.05 * torch.randn(QUERIES, sentence))
        self.values = nn.Parameter(torch.randn(QUERIES, sentence, GATHERED) / sentence**0.5)
        self.projection = nn.Sequential(
            nn.LayerNorm(QUERIES * GATHERED),
            nn.Linear(QUERIES * GATHERED, HIDDEN),
            nn.GELU(),
            nn.Linear(HIDDEN, dim),
        )

    def gather(
        self, states: Float[Tensor, "text token sentence"], mask: Num[Tensor, "text token"]
    ) -> Float[Tensor, "text query gathered"]:
        """What each query finds in a text; `mask` is 0 where there is no token."""
        found = (states @ self.queries.T).masked_fill(mask[..., None] == 0, -1e4).softmax(1)
        pooled = found.mT @ states
        return torch.einsum("bqs,qsg->bqg", pooled, self.values)

    def forward(self, gathered: Float[Tensor, "text query gathered"]) -> Float[Tensor, "text dim"]:
        """Unit vectors of what `gather` found."""
        return F.normalize(self.projection(gathered.flatten(1)), dim=-1)


class JointHeads(nn.Module):
    """Maps of picture and text into one space, with SigLIP's scale and bias."""

    def __init__(self, *, visual: int, dim: int) -> None:
        super().__init__()
        self.visual, self.dim = visual, dim
        self.picture_projection = nn.Sequential(
            nn.BatchNorm1d(visual, affine=False),
            nn.Linear(visual, HIDDEN),
            nn.GELU(),
            nn.Dropout(0.1),
            nn.Linear(HIDDEN, dim),
        )
        self.reading = Reading(dim=dim)
        self.logit_scale = nn.Parameter(torch.tensor(60.0).log())
        self.logit_bias = nn.Parameter(torch.tensor(-4.0))  # -10 is for batches of 32,768

    def picture(self, pooled: Float[Tensor, "image visual"]) -> Float[Tensor, "image dim"]:
        """Pooled picture features in the joint space, unit length."""
        return F.normalize(self.picture_projection(pooled), dim=-1)

    def text(
        self, states: Float[Tensor, "text token sentence"], mask: Num[Tensor, "text token"]
    ) -> Float[Tensor, "text dim"]:
        """Token states of texts in the joint space, unit length."""
        return self.reading(self.reading.gather(states, mask))

    def logits(
        self, pictures: Float[Tensor, "image dim"], texts: Float[Tensor, "text dim"]
    ) -> Float[Tensor, "image text"]:
        """Of every pair of unit vectors (Zhai et al. 2023, eq. 1)."""
        return self.logit_scale.exp() * pictures @ texts.T + self.logit_bias


@dataclass(frozen=True)
class Concepts:
    """What the encoder asks of every picture."""

    texts: Float[Tensor, "concept dim"]
    """Unit vectors in the joint space."""
    axis: Int[Tensor, " concept"]
    """Number of the attribute that a concept is a value of: one of its values is true, or, of one
    with a single value, none."""
    centre: Float[Tensor, " feature"]
    spread: Float[Tensor, " feature"]
    """Mean and standard deviation over training pictures of the probabilities, and behind them of
    what earlier layers see."""

    def probabilities(
        self, joint: Float[Tensor, "image dim"], heads: JointHeads
    ) -> Float[Tensor, "image concept"]:
        """How likely each value of an attribute is among its values."""
        logits = heads.logits(joint, self.texts)
        found = torch.zeros_like(logits)
        for number in range(int(self.axis.max()) + 1):
            own = logits[:, self.axis == number]
            several = own.shape[1] > 1
            found[:, self.axis == number] = own.softmax(dim=1) if several else own.sigmoid()
        return found

    def features(
        self,
        joint: Float[Tensor, "image dim"],
        early: Float[Tensor, "image early"],
        heads: JointHeads,
    ) -> Float[Tensor, "image feature"]:
        """The probabilities and what earlier layers see, standardised."""
        found = torch.cat([self.probabilities(joint, heads), early], dim=1)
        return (found - self.centre) / self.spread


def make_concepts(
    texts: Float[Tensor, "text dim"],
    values: Sequence[tuple[str, str]],
    joint: Float[Tensor, "image dim"],
    early: Float[Tensor, "image early"],
    heads: JointHeads,
) -> Concepts:
    """Concepts from texts.

    Args:
        texts: Unit vectors in the joint space.
        values: The attribute and the value that each of them speaks of.
        joint: Pictures to standardise on.
        early: What earlier layers see in them.
        heads: That made texts and pictures.
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
    found = torch.cat([made.probabilities(joint, heads), early], dim=1)
    return replace(made, centre=found.mean(0), spread=found.std(0).clamp(min=SMALLEST_SPREAD))


class MiniatureEncoder:
    """The trained encoder in `folder`, frozen. Implements `scorer.encoders.Encoder`.

    Raises:
        PrerequisiteError: the folder lacks one of its files.
    """

    def __init__(self, folder: Path, *, device: str = "auto", batch_size: int = 64) -> None:
        names = ("config.json", "model.safetensors", PROJECTION, CONCEPTS, TEXT_LAYERS)
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
        self._folder = folder

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
        """Width of `PictureFeatures.visual`: pooled features, concepts, earlier layers."""
        return self._heads.visual + len(self._concepts.centre)

    @property
    def dim(self) -> int:
        """Width of the joint space."""
        return self._heads.dim

    @torch.inference_mode()
    def encode_images(self, images: Sequence[PIL.Image.Image]) -> PictureFeatures:
        """Features of pictures of any size."""
        visual = np.zeros((len(images), self.visual_dim), np.float32)
        joint = np.zeros((len(images), self.dim), np.float32)
        for start in range(0, len(images), self._batch_size):
            part = slice(start, start + self._batch_size)
            pixels = to_pixels(images[part], self._vision.config.image_size)
            seen, early = seen_both_ways(self._vision, torch.from_numpy(pixels).to(self._device))
            shared = self._heads.picture(seen)
            beside = self._concepts.features(shared, early, self._heads)
            visual[part] = torch.cat([seen, beside], dim=1).cpu().numpy()
            joint[part] = shared.cpu().numpy()
        return PictureFeatures(visual, joint)

    @cached_property
    def _reader(self) -> tuple[Any, Any]:
        """Sentence encoder and tokenizer; who asks for pictures only need not wait for them."""
        encoder, tokenizer = text_encoder_and_tokenizer(self._folder)
        return encoder.to(self._device), tokenizer

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> Float[np.ndarray, "text dim"]:
        """Texts in the joint space; what the sentence encoder would not read is cut off."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        for start in range(0, len(order), self._batch_size):
            part = order[start : start + self._batch_size]
            reader, tokenizer = self._reader
            words = tokenizer(
                [texts[number] for number in part],
                padding=True,
                truncation=True,
                max_length=MAX_TOKENS,
                return_tensors="pt",
            ).to(self._device)
            states = reader(**words).last_hidden_state
            vectors[part] = self._heads.text(states, words["attention_mask"]).cpu().numpy()
        return vectors


def save_miniature_encoder(
    folder: Path,
    vision: PreTrainedModel,
    heads: JointHeads,
    concepts: Concepts,
    *,
    reader: Path,
    dtype: torch.dtype | None = None,
) -> None:
    """Writes what `MiniatureEncoder` reads.

    Args:
        folder: Made if it is not there.
        vision: The tower.
        heads: The maps.
        concepts: What is asked of every picture.
        reader: Folder of the further layers of the sentence encoder that the texts were read with.
        dtype: Both modules are cast to it if it is given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(reader / TEXT_LAYERS, folder / TEXT_LAYERS)
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
        visual = stored.get_slice("picture_projection.1.weight").get_shape()[1]
        dim = stored.get_slice("picture_projection.4.weight").get_shape()[0]
    heads = JointHeads(visual=visual, dim=dim)
    load_model(heads, str(file))
    return heads
