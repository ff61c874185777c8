"""HPSv3 (Ma et al. 2025, arXiv 2508.03789): what people prefer, judged by a Qwen2-VL of 7B.

    reward = load(None)                             # or a folder, or another id on the hub
    reward.rewards([picture], ["a boat on a lake"])

Qwen2-VL reads picture, instruction and prompt; a small network makes mean and log-deviation of the
preference from the last state at the token `<|Reward|>`. The score is the mean, without bounds: the
authors' demonstration calls less than 0 poor and 10 or more excellent. Everything is in the
checkpoint, so of Qwen2-VL only config, tokenizer and picture settings are fetched.

The one rule that is not obvious: the authors count the picture's tokens like words, one place each
(their forward pass gives Qwen2-VL no 2D places), and they round all but the head to bfloat16, the
frequencies of the places too. The checkpoint was trained so; as in other uses of Qwen2-VL it would
give other scores.

Code MIT (MizzenAI/HPSv3), weights Apache-2.0 by the model card. Key names and shapes are those of
transformers 4.45, from the authors' code and their issue 15. Unproven: scores of the published
checkpoint (16 GB) against the authors' own, because transformers 5 rounds the angles inside the
picture tower less often than 4.45.
"""

import hashlib
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from accelerate import init_empty_weights
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import (
    AutoTokenizer,
    Qwen2VLConfig,
    Qwen2VLImageProcessorPil,
    Qwen2VLModel,
)
from transformers.utils import cached_file

from scorer.baselines.hpsv3_prompt import REWARD_TOKEN, conversation, resized
from scorer.checkpoints import reason_of
from scorer.device import computes_bfloat16, resolve_device
from scorer.errors import PrerequisiteError
from scorer.pictures import to_rgb

HUB_ID = "MizzenAI/HPSv3"
WEIGHTS = "HPSv3.safetensors"
BACKBONE = "Qwen/Qwen2-VL-7B-Instruct"
"""Where config, tokenizer and picture settings are, if the folder of the weights has none."""

BATCH = 8
"""Pictures that go through the network at once."""


class HpsV3Network(nn.Module):
    """Qwen2-VL with HPSv3's head, which gives the two numbers of a normal distribution."""

    def __init__(self, config: Qwen2VLConfig) -> None:
        super().__init__()
        width: int = config.get_text_config().hidden_size
        self.model = Qwen2VLModel(config)
        self.rm_head = nn.Sequential(
            nn.Linear(width, 1024),
            nn.ReLU(),
            nn.Dropout(0.05),
            nn.Linear(1024, 16),
            nn.ReLU(),
            nn.Linear(16, 2),
        )

    def forward(
        self, inputs: Mapping[str, Tensor], reward_token: int
    ) -> Float[Tensor, "image moment"]:
        """Mean and log-deviation of each text's preference, in 32 bit.

        Args:
            inputs: `input_ids` and `attention_mask` (image token) padded on the right, with one
                `reward_token` a row; `pixel_values` (patch dim) and `image_grid_thw` (image 3).
            reward_token: The id of `<|Reward|>`.
        """
        tokens = inputs["input_ids"]
        places = torch.arange(tokens.shape[1], device=tokens.device).expand_as(tokens)
        output: Any = self.model(**inputs, position_ids=places, use_cache=False)
        return self.rm_head(output.last_hidden_state[tokens == reward_token].float())


def network_key(published: str) -> str | None:
    """The name in `HpsV3Network` of a published weight; nothing for those that are not used.

    From transformers 4.52 on, picture tower and language model are both parts of `model`.
    """
    if published.startswith("lm_head."):
        return None
    if published.startswith("visual."):
        return f"model.{published}"
    if published.startswith("model."):
        return f"model.language_model.{published.removeprefix('model.')}"
    return published


class HpsV3:
    """HPSv3 as a global reward model. Implements `scorer.baselines.base.Reward`."""

    reads_prompt = True

    def __init__(
        self, network: HpsV3Network, tokenizer: Any, pictures: Qwen2VLImageProcessorPil, name: str
    ) -> None:
        self.network, self.id = network, name
        self._tokenizer, self._pictures = tokenizer, pictures
        self._reward_token: int = tokenizer.convert_tokens_to_ids(REWARD_TOKEN)

    @torch.inference_mode()
    def rewards(
        self, images: Sequence[PIL.Image.Image], prompts: Sequence[str]
    ) -> Float[np.ndarray, " image"]:
        """The mean preference of each picture for its prompt.

        Raises:
            InputError: a picture is too narrow, or a prompt holds a token of the model's own.
        """
        pairs = list(zip(images, prompts, strict=True))
        found = np.zeros(len(pairs), np.float32)
        for start in range(0, len(pairs), BATCH):
            part = pairs[start : start + BATCH]
            moments = self.network(self._inputs(part), self._reward_token)
            found[start : start + len(part)] = moments[:, 0].cpu().numpy()
        return found

    def _inputs(self, pairs: Sequence[tuple[PIL.Image.Image, str]]) -> dict[str, Tensor]:
        pixels: Any = self._pictures(
            [resized(to_rgb(image)) for image, _ in pairs], do_resize=False, return_tensors="pt"
        )
        grids: Tensor = pixels["image_grid_thw"]
        counts: list[int] = (grids.prod(-1) // self._pictures.merge_size**2).tolist()
        texts = [
            conversation(prompt, count) for (_, prompt), count in zip(pairs, counts, strict=True)
        ]
        words: Any = self._tokenizer(texts, padding=True, padding_side="right", return_tensors="pt")
        found = {
            "input_ids": words["input_ids"],
            "attention_mask": words["attention_mask"],
            "pixel_values": pixels["pixel_values"],
            "image_grid_thw": grids,
        }
        device = self.network.model.device
        return {name: tensor.to(device) for name, tensor in found.items()}


def load(place: str | None, *, device: str = "auto", trust_remote_code: bool = False) -> HpsV3:
    """HPSv3 from the authors' checkpoint, or from a folder that holds `HPSv3.safetensors`.

    Args:
        place: A folder or an id on the model hub. A folder may hold Qwen2-VL's config, tokenizer
            and picture settings as well; else they come from the hub.
        device: `auto`, `cpu`, `cuda` or `mps`. In bfloat16 (16 GB) where it computes that, else in
            32 bit (twice as much).
        trust_remote_code: Without effect, since the checkpoint comes with no code.

    Raises:
        PrerequisiteError: the checkpoint or the backbone's files can't be had or don't fit.
    """
    target = resolve_device(device)
    weights = _fetched(place or HUB_ID)
    beside = weights.parent / "preprocessor_config.json"
    backbone = str(weights.parent) if beside.is_file() else BACKBONE
    try:
        config = Qwen2VLConfig.from_pretrained(backbone)
        tokenizer: Any = AutoTokenizer.from_pretrained(backbone)
        pictures = Qwen2VLImageProcessorPil.from_pretrained(backbone)
    except (OSError, ValueError) as error:
        raise PrerequisiteError(
            f"HPSv3 needs config, tokenizer and picture settings of {BACKBONE}, and {backbone!r} "
            f"doesn't give them ({reason_of(error)}): put them beside {WEIGHTS}"
        ) from error
    tokenizer.add_tokens([REWARD_TOKEN], special_tokens=True)
    config.get_text_config().vocab_size = len(tokenizer)
    network = _network(weights, config)
    if not computes_bfloat16(target.type):
        network.float()
    return HpsV3(network.to(target), tokenizer, pictures, _identity(place, weights))


def _fetched(place: str) -> Path:
    try:
        return Path(str(cached_file(place, WEIGHTS)))
    except (OSError, ValueError) as error:
        raise PrerequisiteError(
            f"no {WEIGHTS} can be had from {place!r} ({reason_of(error)}): give a folder with that "
            f"file, as in hpsv3:FOLDER, or the id of a model on the hub"
        ) from error


def _network(weights: Path, config: Qwen2VLConfig) -> HpsV3Network:
    """The network with published weights, which take the place of empty ones."""
    with init_empty_weights(include_buffers=False):
        network = HpsV3Network(config)
    try:
        published = load_file(weights)
        named = {key: tensor for name, tensor in published.items() if (key := network_key(name))}
        network.load_state_dict(named, assign=True)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise PrerequisiteError(
            f"{str(weights)!r} is no checkpoint of HPSv3 for the Qwen2-VL beside it "
            f"({_one_line(error)}): fetch {WEIGHTS} of {HUB_ID} again"
        ) from error
    network.model.bfloat16()
    network.rm_head.float()
    return network.eval()


def _one_line(error: Exception) -> str:
    return textwrap.shorten(str(error), 200, placeholder=" …")


def _identity(place: str | None, weights: Path) -> str:
    """By content for a folder, by revision (the name of its folder in the cache) for the hub."""
    if place is None or not Path(place).is_dir():
        return f"{place or HUB_ID}@{weights.parent.name}"
    with weights.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return f"{weights.parent.name}-{digest[:16]}"
