"""The image-text encoder of the embedded world: a vision tower beside MiniLM, trained as SigLIP is.

    vision, heads = ResNetModel(config), JointHeads(visual=192, dim=256)
    logits = heads.logits(heads.picture(seen), heads.text(states, mask))   # to train
    save_miniature_encoder(folder, Sight(vision, heads, concepts, second), products, evidence, ...)
    encoder = MiniatureEncoder(folder)                                     # to use

The text side is the frozen sentence encoder with the layer on top that the diffusion model reads
with too; queries of this encoder's own attend over its states, an attribute each, so that no word
is lost in a mean. The tower is any vision model of transformers that pools. What the predictor
reads of a picture is the pooled features; beside them how likely the encoder finds each of a list
of concepts (`scorer.concepts`: "in moonlight" among all lightings, …), and what earlier layers of
the tower see, on average over the picture: colour and contrast, which the last one passes over;
then what a second tower finds (`scorer.second_eye`), and products of both (`scorer.products`).
Behind the unit vectors of the joint space stands the evidence of single attributes
(`scorer.evidence`), so that the dot product of picture and text is their cosine and what speaks for
each word besides. The one rule that is not obvious: training and use share `to_pixels`.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import PIL.Image
import torch
import torch.nn.functional as F
from jaxtyping import Float, Num
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from miniature import WEIGHTS
from scorer.concepts import Concepts
from scorer.device import resolve_device
from scorer.encoders import PictureFeatures
from scorer.errors import PrerequisiteError
from scorer.evidence import Evidence
from scorer.minilm import DIMENSION, MAX_TOKENS, TEXT_LAYERS, text_encoder_and_tokenizer
from scorer.pictures import to_rgb
from scorer.products import Products
from scorer.second_eye import FILES as OF_SECOND
from scorer.second_eye import SecondEye, load_second_eye, save_second_eye

PROJECTION, CONCEPTS, FIGURES = "projection.safetensors", "concepts.safetensors", "figures.json"
EVIDENCE, PRODUCTS = "evidence.safetensors", "products.safetensors"
NAME = "miniature"
HIDDEN = 512
"""Width inside both maps."""
QUERIES, GATHERED = 16, 32
"""How many questions are asked of a text, and how many numbers answer each."""
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
class Sight:
    """What sees pictures, what maps them to the words, and what is asked of each."""

    vision: PreTrainedModel
    heads: JointHeads
    concepts: Concepts
    second: SecondEye
    """What looks at every picture once more."""

    @property
    def size(self) -> int:
        """Side of the pictures that it looks at, in pixels."""
        return cast(Any, self.vision).config.image_size

    def look(self, pixels: Float[Tensor, "image 3 size size"]) -> "Look":
        """All that both towers find in pictures as `to_pixels` gives them."""
        pooled, early = seen_both_ways(self.vision, pixels)
        joint = self.heads.picture(pooled)
        likely = self.concepts.probabilities(self.heads.logits(joint, self.concepts.texts))
        told = self.concepts.features(likely, early)
        return Look(pooled, joint, likely, told, self.second.features(pixels))


class Look(NamedTuple):
    """What is found in pictures."""

    pooled: Float[Tensor, "image visual"]
    joint: Float[Tensor, "image dim"]
    """Unit vectors."""
    likely: Float[Tensor, "image concept"]
    """Probabilities."""
    told: Float[Tensor, "image feature"]
    """The same and what earlier layers see, standardised."""
    again: Float[Tensor, "image value"]
    """What the second eye finds, standardised."""


class MiniatureEncoder:
    """The trained encoder in `folder`, frozen. Implements `scorer.encoders.Encoder`.

    Raises:
        PrerequisiteError: the folder lacks one of its files.
    """

    def __init__(self, folder: Path, *, device: str = "auto", batch_size: int = 64) -> None:
        names = ("config.json", "model.safetensors", PROJECTION, CONCEPTS, EVIDENCE, TEXT_LAYERS)
        files = [folder / name for name in (*names, PRODUCTS, *OF_SECOND)]
        missing = [str(f.relative_to(folder)) for f in files if not f.is_file()]
        if missing:
            raise PrerequisiteError(
                f"the encoder in {str(folder)!r} lacks {', '.join(missing)}: "
                f"train it with `python -m miniature.encoder`"
            )
        self._device = resolve_device(device)
        self._batch_size = batch_size
        self._sight = load_sight(folder, self._device)
        self._products = Products(**_load_tensors(folder / PRODUCTS, self._device))
        self._evidence = Evidence(**_load_tensors(folder / EVIDENCE, self._device))
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
        """Of `PictureFeatures.visual`: what is pooled and told, of the second eye, products."""
        told = (self._sight.concepts, self._sight.second, self._products)
        return self._sight.heads.visual + sum(len(part.centre) for part in told)

    @property
    def dim(self) -> int:
        """Width of the joint space, with a number for each value of the evidence."""
        return self._sight.heads.dim + len(self._evidence.worth)

    @torch.inference_mode()
    def encode_images(self, images: Sequence[PIL.Image.Image]) -> PictureFeatures:
        """Features of pictures of any size."""
        visual = np.zeros((len(images), self.visual_dim), np.float32)
        joint = np.zeros((len(images), self.dim), np.float32)
        for start in range(0, len(images), self._batch_size):
            part = slice(start, start + self._batch_size)
            pixels = torch.from_numpy(to_pixels(images[part], self._sight.size)).to(self._device)
            found = self._sight.look(pixels)
            both = self._products(found.told, found.again)
            seen = [found.pooled, found.told, found.again, both]
            visual[part] = torch.cat(seen, dim=1).cpu().numpy()
            known = [found.joint, self._evidence.shown(found.likely)]
            joint[part] = torch.cat(known, dim=1).cpu().numpy()
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
            reading = self._sight.heads.reading
            gathered = reading.gather(states, words["attention_mask"])
            read = [reading(gathered), self._evidence.said(gathered)]
            vectors[part] = torch.cat(read, dim=1).cpu().numpy()
        return vectors


def save_miniature_encoder(
    folder: Path,
    sight: Sight,
    products: Products,
    evidence: Evidence,
    *,
    reader: Path,
    dtype: torch.dtype | None = None,
) -> None:
    """Writes what `MiniatureEncoder` reads.

    Args:
        folder: Made if it is not there.
        sight: What sees pictures, with the maps and what is asked of every picture.
        products: Of what it finds.
        evidence: What texts say, and pictures show, of each attribute.
        reader: Folder of the further layers of the sentence encoder that the texts were read with.
        dtype: All modules are cast to it if it is given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(reader / TEXT_LAYERS, folder / TEXT_LAYERS)
    vision, heads = sight.vision, sight.heads
    parts = {CONCEPTS: sight.concepts, EVIDENCE: evidence, PRODUCTS: products}
    for name, told in parts.items():
        kept = {n: v.half() if v.is_floating_point() else v for n, v in vars(told).items()}
        save_file({n: v.contiguous() for n, v in kept.items()}, folder / name)
    if dtype is not None:
        cast(Any, vision).to(dtype)
        heads.to(dtype)
    vision.save_pretrained(str(folder))
    save_second_eye(folder, sight.second, dtype)
    save_model(heads, str(folder / PROJECTION))


def load_sight(folder: Path, device: torch.device) -> Sight:
    """What a folder's encoder sees pictures with."""
    concepts = Concepts(**_load_tensors(folder / CONCEPTS, device))
    return Sight(*load_tower_and_maps(folder, device), concepts, load_second_eye(folder, device))


def load_tower_and_maps(folder: Path, device: torch.device) -> tuple[PreTrainedModel, JointHeads]:
    """What a folder's encoder sees with, and what maps it to the words."""
    vision = AutoModel.from_pretrained(str(folder), dtype=torch.float32, local_files_only=True)
    cast(Any, vision).eval().to(device)
    return vision, _load_heads(folder / PROJECTION).eval().to(device)


def _load_tensors(file: Path, device: torch.device) -> dict[str, Tensor]:
    stored = load_file(file, device=str(device))
    return {name: v.float() if v.is_floating_point() else v for name, v in stored.items()}


def _load_heads(file: Path) -> JointHeads:
    from safetensors import safe_open

    with safe_open(str(file), framework="pt") as stored:
        visual = stored.get_slice("picture_projection.1.weight").get_shape()[1]
        dim = stored.get_slice("picture_projection.4.weight").get_shape()[0]
    heads = JointHeads(visual=visual, dim=dim)
    load_model(heads, str(file))
    return heads
