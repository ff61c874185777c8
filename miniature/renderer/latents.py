"""Turns scenes into what the transformer trains on: latents and caption embeddings, made once.

Each scene gives four pictures (itself, its mirror image, and another finish of each), each
picture several captions, and each caption another that says the same in plain words. Latents are
float16 (picture, 6, 32, 32); caption embeddings are the frozen encoder's token states, float16, one
after the other with their offsets. Beside them lie the perception's features of the pictures,
(picture, 64, width), of zero mean and unit variance, which the transformer is aligned with.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny
from tqdm import tqdm

from miniature.alignment import patch_features, standardised
from miniature.attributes import LOOKS, PALETTES, Attributes, Look, Palette
from miniature.augment import to_tensor
from miniature.captions import SAYABLE, Pair, commonly, evenly, pair
from miniature.classifier import load_classifier
from miniature.finish import Finish, finished
from miniature.renderer.autoencoder import encode
from miniature.states import Captions, embed_captions
from miniature.training import precision
from scorer.files import written
from scorer.minilm import text_encoder_and_tokenizer

VARIANTS = 4
DIGITAL_SHARES = (0.0, 0.5, 0.15, 0.35)
"""How often each of the four pictures of a scene is digital art."""
WORDINGS = (commonly, evenly)
"""How the captions of a picture choose their words: one each."""
CAPTIONS = len(WORDINGS)
ARRAYS = ("latents", "said", "features")
SCENES_AT_ONCE = 16
LATENT_TOLERANCE = 0.02
"""Latents have a standard deviation of about 1 and are kept in 16 bit."""


@dataclass(frozen=True)
class LatentData:
    """Everything in memory; picture n has the captions from n times CAPTIONS on."""

    latents: np.ndarray
    captions: Captions
    plain: Captions
    """The same captions in plain words."""
    said: np.ndarray
    """What they say, by attribute of `SAYABLE`, int8 (caption, attribute)."""
    features: np.ndarray

    @property
    def told(self) -> str:
        """Names the captions: what is learned from others doesn't belong to them."""
        digest = hashlib.sha256(repr(SAYABLE).encode())
        for array in (self.said, self.captions.offsets, self.plain.offsets):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:12]


def variants(rng: np.random.Generator) -> list[Finish]:
    """The finishes of the four pictures of a scene: every second one is a mirror image."""
    first, second = rng.choice(len(PALETTES) - 1, size=2, replace=False) + 1
    looks: list[Look] = [LOOKS[int(rng.random() < share)] for share in DIGITAL_SHARES]
    palettes: tuple[Palette, ...] = ("natural", "natural", PALETTES[first], PALETTES[second])
    return [Finish(look, palette) for look, palette in zip(looks, palettes, strict=True)]


def picture_of(scene: np.ndarray, number: int, finish: Finish) -> np.ndarray:
    """Variant `number` of a rendered scene, uint8 (size, size, 3)."""
    return np.ascontiguousarray(finished(scene[:, ::-1] if number % 2 else scene, finish))


def training_captions(attributes: list[Attributes], seed: int) -> list[Pair]:
    """The captions of all variants of the training scenes, in the order of their pictures."""
    return [told for n, scene in enumerate(attributes) for told in _pairs(scene, n, seed)]


def _pairs(scene: Attributes, number: int, seed: int) -> list[Pair]:
    rng = np.random.default_rng((seed, number))
    finishes = variants(rng)
    return [pair(finish.of(scene), rng, how) for finish in finishes for how in WORDINGS]


def make_latents(
    pictures: np.ndarray,
    attributes: list[Attributes],
    model: AutoencoderTiny,
    seed: int,
    folder: Path,
) -> None:
    """Encodes scenes (picture, size, size, 3) and their captions; what is whole stays as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = training_captions(attributes, seed)
    if not all((folder / f"{name}.npy").is_file() for name in ARRAYS):
        latents, features = _encoded(pictures, model, seed)
        said = np.array([told.said for told in pairs], np.int8)
        save_arrays(folder, latents=latents, said=said, features=features)
    for name, words in (("plain", "plain"), ("captions", "other")):
        if Captions.load(folder, name) is None:
            embed_captions([getattr(told, words) for told in pairs]).save(folder, name)


def _encoded(
    pictures: np.ndarray, model: AutoencoderTiny, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Latents and features of all variants of scenes."""
    latents, features = [], []
    perception = load_classifier("perception")
    for start in tqdm(range(0, len(pictures), SCENES_AT_ONCE), desc="latents"):
        made = [
            picture_of(pictures[number], k, finish)
            for number in range(start, min(start + SCENES_AT_ONCE, len(pictures)))
            for k, finish in enumerate(variants(np.random.default_rng((seed, number))))
        ]
        latents.append(encode(model, np.stack(made)).half().cpu().numpy())
        with precision("cpu"):
            seen = patch_features(perception, to_tensor(np.stack(made)))
        features.append(seen.half().numpy())
    return np.concatenate(latents), standardised(np.concatenate(features))


def check_latents(
    data: LatentData,
    pictures: np.ndarray,
    attributes: list[Attributes],
    model: AutoencoderTiny,
    seed: int,
) -> None:
    """Makes sure that latents and captions come from these scenes, words, autoencoder and seed.

    Raises:
        ValueError: their number, or those of the first or last scene, are others.
    """
    count = VARIANTS * len(pictures)
    wrong = len(data.latents) != count
    wrong |= any(len(told.offsets) != count * CAPTIONS + 2 for told in (data.captions, data.plain))
    _, tokenizer = text_encoder_and_tokenizer()
    for number in () if wrong else (0, len(pictures) - 1):
        wrong |= not _says_the_same(
            data, _pairs(attributes[number], number, seed), number, tokenizer
        )
        finishes = variants(np.random.default_rng((seed, number)))
        made = np.stack([picture_of(pictures[number], k, f) for k, f in enumerate(finishes)])
        kept = torch.from_numpy(data.latents[number * VARIANTS :][:VARIANTS].astype(np.float32))
        wrong |= not torch.allclose(encode(model, made).float().cpu(), kept, atol=LATENT_TOLERANCE)
    if wrong:
        raise ValueError(
            "the latents are of other scenes, other words, another autoencoder or another seed"
        )


def _says_the_same(data: LatentData, pairs: list[Pair], number: int, tokenizer: Any) -> bool:
    """Whether the captions of scene `number` are these, as far as is kept of them."""
    rows = slice(number * len(pairs), (number + 1) * len(pairs))
    lengths = [
        (len(tokenizer(told.other)["input_ids"]), len(tokenizer(told.plain)["input_ids"]))
        for told in pairs
    ]
    kept = [np.diff(told.offsets)[rows] for told in (data.captions, data.plain)]
    said = [told.said for told in pairs]
    return np.array_equal(np.stack(kept, 1), lengths) and np.array_equal(data.said[rows], said)


def save_arrays(folder: Path, **arrays: np.ndarray) -> None:
    """Writes what `ARRAYS` names."""
    for name, array in arrays.items():
        with written(folder / f"{name}.npy") as stream:
            np.save(stream, array)


def load_latents(folder: Path) -> LatentData | None:
    """What `make_latents` wrote, memory-mapped, or None if it is not complete."""
    captions, plain = (Captions.load(folder, name) for name in ("captions", "plain"))
    if captions is None or plain is None:
        return None
    if not all((folder / f"{name}.npy").is_file() for name in ARRAYS):
        return None
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
    return LatentData(captions=captions, plain=plain, **arrays)
