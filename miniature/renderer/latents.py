"""Turns scenes into what the transformer trains on: latents and caption embeddings, made once.

Each scene gives four pictures (itself, its mirror image, and a colour grade of each), each
picture several captions. Latents are float16 (picture, 6, 32, 32); caption embeddings are the
frozen encoder's token states, float16, one after the other with their offsets. Beside them lie
the perception's features of the pictures, (picture, 64, width), of zero mean and unit variance,
which the transformer is aligned with.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny
from tqdm import tqdm

from miniature.alignment import patch_features, standardised
from miniature.attributes import PALETTES, Attributes, Palette
from miniature.captions import caption
from miniature.classifier import load_classifier, to_tensor
from miniature.palette import grade
from miniature.renderer.autoencoder import encode
from miniature.training import precision
from scorer.minilm import text_encoder_and_tokenizer

VARIANTS = 4
CAPTIONS = 2
BATCH = 64


@dataclass(frozen=True)
class LatentData:
    """Everything in memory; `captions_of` maps a picture to its captions."""

    latents: np.ndarray
    tokens: np.ndarray
    """All captions' token states in a row, (token, 384)."""
    offsets: np.ndarray
    """(caption + 1,); the last caption is the empty one."""
    features: np.ndarray

    @property
    def empty_caption(self) -> int:
        return len(self.offsets) - 2

    def caption_tokens(self, number: int) -> np.ndarray:
        return self.tokens[self.offsets[number] : self.offsets[number + 1]]


def variants(attributes: Attributes, rng: np.random.Generator) -> list[Attributes]:
    """What the four pictures of a scene show: every second one is its mirror image."""
    grades = rng.choice(len(PALETTES) - 1, size=2, replace=False) + 1
    names: list[Palette] = ["natural", "natural", *(PALETTES[number] for number in grades)]
    return [replace(attributes, palette=name) for name in names]


def picture_of(scene: np.ndarray, number: int, palette: Palette) -> np.ndarray:
    """Variant `number` of a rendered scene, uint8 (size, size, 3)."""
    return np.ascontiguousarray(grade(scene[:, ::-1] if number % 2 else scene, palette))


def training_captions(attributes: list[Attributes], seed: int) -> list[str]:
    """The captions of all variants of the training scenes, in the order of their pictures."""
    captions = []
    for number, scene in enumerate(attributes):
        rng = np.random.default_rng((seed, number))
        captions += [caption(named, rng) for named in variants(scene, rng) for _ in range(CAPTIONS)]
    return captions


@torch.inference_mode()
def embed_captions(captions: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Token states (token, 384) in float16 and offsets (caption + 1,) of captions in order."""
    encoder, tokenizer = text_encoder_and_tokenizer()
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
    return tokens, offsets


def build_latents(
    pictures: np.ndarray, attributes: list[Attributes], model: AutoencoderTiny, seed: int
) -> LatentData:
    """Encodes scenes (picture, size, size, 3) and their captions."""
    latents, seen = [], []
    perception = load_classifier("perception")
    for number in tqdm(range(len(pictures)), desc="latents"):
        made = variants(attributes[number], np.random.default_rng((seed, number)))
        four = np.stack([picture_of(pictures[number], k, v.palette) for k, v in enumerate(made)])
        latents.append(encode(model, four).half().cpu())
        seen.append(patch_features(perception, to_tensor(four)).half())
    tokens, offsets = embed_captions([*training_captions(attributes, seed), ""])
    features = standardised(torch.cat(seen).float()).half()
    return LatentData(torch.cat(latents).numpy(), tokens, offsets, features.numpy())


def save_latents(data: LatentData, folder: Path) -> None:
    """Writes the arrays; `offsets.npy` comes last and says that they are complete."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("latents", "tokens", "features", "offsets"):
        np.save(folder / f"{name}.npy", getattr(data, name))


def load_latents(folder: Path) -> LatentData | None:
    """What `save_latents` wrote, memory-mapped, or None if it is not complete."""
    if not (folder / "offsets.npy").is_file():
        return None
    latents, tokens, features = (
        np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("latents", "tokens", "features")
    )
    return LatentData(latents, tokens, np.load(folder / "offsets.npy"), features)
