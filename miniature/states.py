"""What the sentence encoder makes of captions, token by token, kept in memory or in files.

captions = embed_captions(["a boat at sea", "a tent"])
tokens, mask = captions.padded(np.array([0, 1]))
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from miniature.training import precision
from scorer.files import written
from scorer.minilm import text_encoder_and_tokenizer

PADDING = 16
"""Captions are padded to a multiple of so many tokens: few shapes to compile."""
BATCH = 64


@dataclass(frozen=True)
class Captions:
    """Token states of captions in order; the last one is the empty caption."""

    tokens: np.ndarray
    """Of all captions in a row, (token, 384)."""
    offsets: np.ndarray
    """(caption + 1,)."""

    @property
    def empty(self) -> int:
        """Number of the empty caption."""
        return len(self.offsets) - 2

    def states(self, number: int) -> np.ndarray:
        """Of one caption, (token, 384)."""
        return self.tokens[self.offsets[number] : self.offsets[number + 1]]

    def padded(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of several captions, (caption, token, 384) and which are there, (caption, token)."""
        chosen = [self.states(number) for number in numbers]
        longest = -(-max(map(len, chosen)) // PADDING) * PADDING
        tokens = np.zeros((len(chosen), longest, self.tokens.shape[1]), np.float32)
        mask = np.zeros((len(chosen), longest), np.float32)
        for row, states in enumerate(chosen):
            tokens[row, : len(states)], mask[row, : len(states)] = states, 1
        return tokens, mask

    def save(self, folder: Path, name: str) -> None:
        """Writes both arrays; `load` finds nothing before the second one is there."""
        folder.mkdir(parents=True, exist_ok=True)
        for part in ("tokens", "offsets"):
            with written(folder / f"{name}-{part}.npy") as stream:
                np.save(stream, getattr(self, part))

    @classmethod
    def load(cls, folder: Path, name: str) -> "Captions | None":
        """What `save` wrote, memory-mapped, or None if it is not complete."""
        if not (folder / f"{name}-offsets.npy").is_file():
            return None
        parts = ("tokens", "offsets")
        return cls(*(np.load(folder / f"{name}-{part}.npy", mmap_mode="r") for part in parts))


@torch.inference_mode()
def embed_captions(captions: list[str], further: Path | None = None) -> Captions:
    """Captions in order, and an empty one after them, through the frozen encoder.

    Args:
        captions: Texts of any length up to what the encoder reads.
        further: A folder whose layers go on top of the frozen ones.
    """
    captions = [*captions, ""]
    encoder, tokenizer = text_encoder_and_tokenizer(further)
    lengths = np.array([len(ids) for ids in tokenizer(captions)["input_ids"]])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens = np.zeros((offsets[-1], encoder.config.hidden_size), np.float16)
    order = np.argsort(lengths, kind="stable")
    for start in tqdm(range(0, len(order), BATCH), desc="captions"):
        batch = order[start : start + BATCH]
        words = tokenizer([captions[i] for i in batch], padding=True, return_tensors="pt")
        with precision("cpu"):
            states: Any = encoder(**words)[0]
        for row, number in enumerate(batch):
            tokens[offsets[number] : offsets[number + 1]] = states[row, : lengths[number]].float()
    return Captions(tokens, offsets)
