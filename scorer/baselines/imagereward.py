"""ImageReward (Xu et al. 2023, arXiv 2304.05977): a BLIP that reads the prompt beside the picture.

    reward = load(None)                             # or a folder, or an id on the model hub
    reward.rewards([picture], ["a boat on a lake"])

The one rule that is not obvious: BLIP's authors have 12 heads in the text tower and 1e-6 in the
vision tower's norms where transformers' defaults are 8 and 1e-5, and with either the weights load
without complaint.

Runs on transformers' BLIP, without upstream's package; a small model with random weights gives the
same figures in both. Scale: standardised by the authors, who show examples from 0.58 down to -2.03.
Unproven: the published weights, which could not be read. By the checksum on their page, their id
is `ImageReward-d71dc8d4912bc633`.

Licence: Apache-2.0, both the code (LICENSE of its repository) and the weights (their page on the
hub).
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from pickle import UnpicklingError
from textwrap import shorten
from typing import Any

import numpy as np
import PIL.Image
import torch
from accelerate import init_empty_weights
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertTokenizer,
    BlipTextConfig,
    BlipTextModel,
    BlipVisionConfig,
    BlipVisionModel,
)
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD
from transformers.utils.hub import cached_file

from scorer.baselines.base import BATCH
from scorer.baselines.imagereward_keys import renamed
from scorer.checkpoints import reason_of
from scorer.device import resolve_device
from scorer.errors import PrerequisiteError
from scorer.pictures import to_rgb

PUBLISHED, WEIGHTS, TEXT_SIZES = "zai-org/ImageReward", "ImageReward.pt", "med_config.json"
VOCABULARY, VOCABULARY_FILES = "bert-base-uncased", ("vocab.txt", "tokenizer.json")

MEAN, DEVIATION = 0.16717362830052426, 1.0333394966054072
"""What standardises the bare figure; both stand in upstream's code, not among the weights."""

TOKENS = 35
"""What of a prompt is read, [CLS] and [SEP] included."""

HEAD = (1024, 128, 64, 16, 1)
"""Widths of the head's linear layers. No activation lies between them (upstream has none)."""

HEAD_WIDTH = 64
"""Of one attention head in both sizes of BLIP's vision tower."""


class Judge(nn.Module):
    """BLIP's two towers, and the head that makes one figure of what they see."""

    def __init__(self, vision: BlipVisionConfig, text: BlipTextConfig) -> None:
        super().__init__()
        self.vision = BlipVisionModel(vision)
        self.text = BlipTextModel(text, add_pooling_layer=False)
        widths = (text.hidden_size, *HEAD)
        self.head = nn.Sequential(*(nn.Linear(wide, narrow) for wide, narrow in pairwise(widths)))

    def forward(
        self,
        pixels: Float[Tensor, "pair 3 side side"],
        tokens: Int[Tensor, "pair token"],
        mask: Int[Tensor, "pair token"],
    ) -> Float[Tensor, " pair"]:
        """The rewards: the text tower attends to the picture, and the head reads its [CLS].

        The tokens begin with [CLS] itself, not with the [ENC] that BLIP puts there for matching.
        """
        picture = self.vision(pixel_values=pixels).last_hidden_state  # pair 1+patch dim
        read = self.text(
            input_ids=tokens, attention_mask=mask, encoder_hidden_states=picture
        ).last_hidden_state  # pair token dim
        return (self.head(read[:, 0]).squeeze(1) - MEAN) / DEVIATION


@dataclass(frozen=True)
class ImageReward:
    """ImageReward with its weights. Implements `scorer.baselines.base.Reward`.

    Args:
        id: Names the weights by their content.
        judge: The model, on its device.
        tokenizer: BERT's, uncased, with BLIP's two tokens at its end.
    """

    id: str
    judge: Judge
    tokenizer: Any
    reads_prompt: bool = True

    @torch.inference_mode()
    def rewards(
        self, images: Sequence[PIL.Image.Image], prompts: Sequence[str]
    ) -> Float[np.ndarray, " image"]:
        """One figure a picture with its prompt; what exceeds `TOKENS` is cut off."""
        config: Any = self.judge.vision.config
        device = self.judge.vision.device
        pairs = list(zip(images, prompts, strict=True))
        found = np.zeros(len(pairs), np.float32)
        for start in range(0, len(pairs), BATCH):
            part = pairs[start : start + BATCH]
            pixels = torch.stack([to_pixels(image, config.image_size) for image, _ in part])
            texts = self.tokenizer(
                [prompt for _, prompt in part],
                padding="max_length",
                truncation=True,
                max_length=TOKENS,
                return_tensors="pt",
            ).to(device)
            figures = self.judge(pixels.to(device), texts["input_ids"], texts["attention_mask"])
            found[start : start + len(part)] = figures.cpu().numpy()
        return found


def load(
    place: str | None, *, device: str = "auto", trust_remote_code: bool = False
) -> ImageReward:
    """ImageReward from a folder or the model hub.

    Args:
        place: A folder with the two files of the published checkpoint, and perhaps BERT's
            vocabulary, which else comes from the hub; or an id on the hub; None for the authors'.
        device: `auto`, `cpu`, `cuda` or `mps`.
        trust_remote_code: Makes no difference: the checkpoint brings no code.

    Raises:
        PrerequisiteError: no ImageReward is there.
    """
    where, chosen = place or PUBLISHED, resolve_device(device)
    try:
        file = Path(str(cached_file(where, WEIGHTS)))
        sizes = BertConfig.from_json_file(str(cached_file(where, TEXT_SIZES)))
        judge = judge_of(renamed(torch.load(file, map_location="cpu", weights_only=True)), sizes)
        tokenizer = tokenizer_at(where, tokens=sizes.vocab_size)
    except (OSError, EOFError, ValueError, KeyError, RuntimeError, UnpicklingError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else reason_of(error)
        raise PrerequisiteError(
            f"no ImageReward can be loaded from {where!r} ({shorten(reason, 200)}): give a folder "
            f"with {WEIGHTS}, {TEXT_SIZES} and the {VOCABULARY_FILES[0]} of {VOCABULARY}, or the "
            f"id of an ImageReward on the model hub"
        ) from error
    return ImageReward(_identity(file), judge.eval().to(chosen), tokenizer)


def judge_of(weights: Mapping[str, Tensor], sizes: BertConfig) -> Judge:
    """The model that renamed weights are of.

    Raises:
        KeyError: weights that tell the size of the vision tower are missing.
        RuntimeError: others are missing, or do not fit.
    """
    vision = vision_config(weights)
    with init_empty_weights(include_buffers=False):
        judge = Judge(vision, text_config(sizes, width=vision.hidden_size))
    judge.load_state_dict(weights, assign=True)
    return judge.float()


def vision_config(weights: Mapping[str, Tensor]) -> BlipVisionConfig:
    """The size of the vision tower, which upstream keeps in code and the weights tell too."""
    width, _, patch, _ = weights["vision.embeddings.patch_embedding.weight"].shape
    patches = weights["vision.embeddings.position_embedding"].shape[1] - 1
    return BlipVisionConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=sum(name.endswith(".layer_norm1.weight") for name in weights),
        num_attention_heads=width // HEAD_WIDTH,
        image_size=patch * math.isqrt(patches),
        patch_size=patch,
        layer_norm_eps=1e-6,
    )


def text_config(sizes: BertConfig, *, width: int) -> BlipTextConfig:
    """The size of the text tower.

    Args:
        sizes: What `med_config.json` says; its own word on the picture's width is not heeded.
        width: Of the vision tower, to whose states the text attends.
    """
    shared = (
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "max_position_embeddings",
        "hidden_act",
        "layer_norm_eps",
        "pad_token_id",
    )
    given = {name: getattr(sizes, name) for name in shared}
    return BlipTextConfig(**given, encoder_hidden_size=width)


def tokenizer_at(where: str, *, tokens: int) -> BertTokenizer:
    """BERT's tokenizer with BLIP's two tokens, from the folder if it is there.

    Raises:
        ValueError: it does not know as many tokens as the model.
    """
    own = any((Path(where) / name).is_file() for name in VOCABULARY_FILES)
    tokenizer = BertTokenizer.from_pretrained(where if own else VOCABULARY)
    tokenizer.add_tokens(["[DEC]", "[ENC]"], special_tokens=True)
    if len(tokenizer) != tokens:
        raise ValueError(f"its vocabulary has {len(tokenizer)} tokens, and the model {tokens}")
    return tokenizer


def to_pixels(image: PIL.Image.Image, side: int) -> Float[Tensor, "3 side side"]:
    """The middle of a picture whose shorter edge becomes `side`, normalised as for CLIP.

    An odd pixel too many goes where torchvision's CenterCrop puts it, as upstream has it; the
    image processors of transformers crop one pixel beside that.
    """
    picture = to_rgb(image)
    short = min(picture.size)
    width, height = (int(side * edge / short) for edge in picture.size)
    left, top = round((width - side) / 2), round((height - side) / 2)
    resized = picture.resize((width, height), PIL.Image.Resampling.BICUBIC)
    cropped = np.asarray(resized.crop((left, top, left + side, top + side)), np.float32) / 255
    mean, deviation = (np.array(c, np.float32) for c in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    normal = (cropped - mean) / deviation
    return torch.from_numpy(normal).permute(2, 0, 1)


def _identity(file: Path) -> str:
    with file.open("rb") as stream:
        return f"{file.stem}-{hashlib.file_digest(stream, 'sha256').hexdigest()[:16]}"
