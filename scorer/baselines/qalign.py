"""Q-Align, OneAlign (Wu et al. 2023, arXiv 2312.17090): what a language model calls a picture.

    reward = load(None)                             # aesthetics, as PAMELA compares with
    reward = load("folder", task="quality")         # a folder or another id on the hub
    reward.rewards([picture], [""])                 # 1 (bad) to 5 (excellent)

mPLUG-Owl2 is asked how it would rate the picture, and the score is the mean of the five level words
under their probabilities among the five. The one rule that is not obvious: a picture is padded
to a square with the mean colour, not cropped, and nobody's prompt is read.

The authors' own code needs transformers 4, so this is a port in our own words onto the Llama of
transformers 5; it runs no code of the checkpoint. Names, shapes and total size of the weights are
those of the published files; scale, question and preprocessing those of the checkpoint's own
`score`, read in q-future/one-align (the GitHub repository's 0 to 1 is this scale as (y − 1) / 4).
Unproven: figures of the real weights (16 GB), 16-bit floats on a GPU, and the real tokenizer read
through SentencePiece. To check: the model card gives 1.911 for the quality of Q-Future/Q-Align's
`fig/singapore_flyer.jpg`, where a user of the authors' code got 1.851 (their issue 11).

Licences: MIT by the model card, and by the repository's LICENSE in the copy that was read; whether
that covers commercial use was asked there without an answer (issues 39, 46). mPLUG-Owl2's code is
Apache-2.0; the weights descend from LLaMA-2, whose own licence was not checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import PIL.Image
import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import CLIPImageProcessorPil, LlamaConfig, LlamaTokenizer
from transformers.utils import cached_file, is_protobuf_available, is_sentencepiece_available

from scorer.baselines.qalign_language import MplugOwl2
from scorer.checkpoints import UNREADABLE, identity, unreadable
from scorer.device import resolve_device
from scorer.errors import PrerequisiteError
from scorer.pictures import to_rgb

HUB_ID = "q-future/one-align"
MODEL_TYPE = "mplug_owl2"

BATCH = 8
"""Pictures that go through the network at once."""

LEVELS = {"excellent": 5, "good": 4, "fair": 3, "poor": 2, "bad": 1}
"""What each word is worth, on the scale of the paper and of the model card."""

QUESTION = (
    "USER: How would you rate the {task} of this image?\n<|image|>\n"
    "ASSISTANT: The {task} of the image is"
)
IMAGE = "<|image|>"

Task = Literal["aesthetics", "quality"]
TASKS: tuple[Task, ...] = get_args(Task)


@dataclass(frozen=True)
class Question:
    """Token ids of the text before the picture and after it."""

    before: Int[Tensor, " start"]
    after: Int[Tensor, " rest"]


class QAlign:
    """Q-Align as a global reward model. Implements `scorer.baselines.base.Reward`.

    Args:
        model: In the precision that it shall compute in.
        tokenizer: Of the checkpoint.
        processor: The checkpoint's picture settings.
        task: What the model is asked for.
        name: Names the weights.
    """

    reads_prompt = False

    def __init__(
        self,
        model: MplugOwl2,
        tokenizer: LlamaTokenizer,
        processor: CLIPImageProcessorPil,
        *,
        task: Task,
        name: str,
    ) -> None:
        self.id = f"{name}/{task}"
        self._model, self._processor = model, processor
        self._question = ask(tokenizer, task, model.device)
        self._words = level_ids(tokenizer)

    @torch.inference_mode()
    def rewards(
        self, images: Sequence[PIL.Image.Image], prompts: Sequence[str]
    ) -> Float[np.ndarray, " image"]:
        """The mean level of each picture, 1 to 5; the prompts are not read."""
        found = np.zeros(len(images), np.float32)
        for start in range(0, len(images), BATCH):
            part = images[start : start + BATCH]
            logits = self._model(self._pixels(part), self._question.before, self._question.after)
            found[start : start + len(part)] = mean_level(logits[:, self._words]).cpu().numpy()
        return found

    def _pixels(self, images: Sequence[PIL.Image.Image]) -> Float[Tensor, "image 3 side side"]:
        mean: Any = self._processor.image_mean
        red, green, blue = (int(255 * part) for part in mean)
        squares = [squared(to_rgb(image), (red, green, blue)) for image in images]
        inputs = self._processor(squares, return_tensors="pt")
        return inputs["pixel_values"].to(self._model.device, self._model.dtype)


def load(
    place: str | None,
    *,
    device: str = "auto",
    trust_remote_code: bool = False,
    task: Task = "aesthetics",
) -> QAlign:
    """Q-Align from a folder or the hub; 16-bit floats as upstream's, 32-bit ones on a CPU (33 GB).

    Args:
        place: None for the authors' checkpoint.
        device: `auto`, `cpu`, `cuda` or `mps`.
        trust_remote_code: Not needed: the code that comes with the checkpoint is never run.
        task: What the model is asked for.

    Raises:
        PrerequisiteError: there is no complete mPLUG-Owl2 there, or a package that its tokenizer
            needs is missing.
    """
    del trust_remote_code
    place, target = place or HUB_ID, resolve_device(device)
    try:
        config = _config(place)
        tokenizer = _tokenizer(place)
        processor = CLIPImageProcessorPil.from_pretrained(place)
        model = _model(place, config, target)
    except UNREADABLE as error:
        raise unreadable("Q-Align model", place, error, as_in="qalign:FOLDER") from error
    return QAlign(model, tokenizer, processor, task=task, name=identity(place))


def mean_level(logits: Float[Tensor, "image level"]) -> Float[Tensor, " image"]:
    """The expected worth of the words of `LEVELS` (Wu et al. 2023: softmax over the closed set)."""
    worth = torch.tensor(list(LEVELS.values()), dtype=torch.float32, device=logits.device)
    return logits.float().softmax(dim=1) @ worth


def squared(image: PIL.Image.Image, colour: tuple[int, int, int]) -> PIL.Image.Image:
    """The picture in the middle of a square that is as long as its longer side."""
    side = max(image.size)
    square = PIL.Image.new("RGB", (side, side), colour)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def ask(tokenizer: Any, task: Task, device: torch.device) -> Question:
    """The question about a picture; both its texts are tokenised on their own, like upstream."""
    before, after = QUESTION.format(task=task).split(IMAGE)
    ids = [tokenizer.encode(text, add_special_tokens=False) for text in (before, after)]
    return Question(
        torch.tensor([tokenizer.bos_token_id, *ids[0]], device=device),
        torch.tensor(ids[1], device=device),
    )


def level_ids(tokenizer: Any) -> list[int]:
    """The first token of each word of `LEVELS`.

    Llama's own vocabulary has each as one token: 15129, 1781, 6534, 6460 and 4319.
    """
    return [tokenizer.encode(word, add_special_tokens=False)[0] for word in LEVELS]


def _config(place: str) -> LlamaConfig:
    """What the checkpoint says of itself, refused here if the weights could not fit."""
    found, _ = LlamaConfig.get_config_dict(place)
    if not found:
        raise OSError("there is no config.json")
    kind = found.get("model_type")
    if kind != MODEL_TYPE:
        raise PrerequisiteError(
            f"the model in {place!r} is of type {kind!r}: give an mPLUG-Owl2 ({MODEL_TYPE!r})"
        )
    return LlamaConfig.from_dict(found)


def _tokenizer(place: str) -> LlamaTokenizer:
    ready = cached_file(place, "tokenizer.json", _raise_exceptions_for_missing_entries=False)
    if ready is None and not (is_sentencepiece_available() and is_protobuf_available()):
        raise PrerequisiteError(
            f"the tokenizer of {place!r} is a SentencePiece model, and a package that reads it is "
            f"missing: pip install sentencepiece protobuf"
        )
    return LlamaTokenizer.from_pretrained(place)


def _model(place: str, config: LlamaConfig, device: torch.device) -> MplugOwl2:
    found: Any = MplugOwl2.from_pretrained(
        place,
        config=config,
        dtype=torch.float32 if device.type == "cpu" else torch.float16,
        device_map={"": device},
        output_loading_info=True,
    )
    model, report = found
    lacking = sorted(key for key in report["missing_keys"] if not key.endswith("_pos_embed"))
    if lacking:
        raise PrerequisiteError(
            f"the Q-Align model in {place!r} lacks {len(lacking)} of its weights, the first of "
            f"them {lacking[0]!r}: get it again"
        )
    return model.eval()
