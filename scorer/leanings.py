"""What a predictor expects a person to like, in words, before anything is drawn for them.

    save_bank(bank_of(train), encoder.id, folder)  # when a predictor is trained; beside its weights
    worths(bank.joint, liking, {"lighting": {"moonlight": phrases}}, encoder.encode_texts)

A bank is some of the pictures that a predictor was trained on, as features. How much a person is
predicted to like each of them is regressed on what the image-text encoder says that they show:
Bayesian linear regression (Bishop 2006, section 3.3), so that a value which pictures hardly differ
in is worth about nothing. The one rule that is not obvious: a value is told from the others of
its axis, so only its share among them counts, not how well its words fit pictures in general.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from scorer.encoders import PictureFeatures, unit
from scorer.errors import PrerequisiteError
from scorer.files import written

if TYPE_CHECKING:
    from scorer.ratings import Ratings

FILE = "bank.safetensors"
PICTURES = 400
"""In a bank: leanings of simulated people's lights, places and framings have a correlation of .67
with their hidden taste, with 800 pictures of .68, with 100 of .63."""
LARGEST = 32_000_000
"""Bytes of a bank: of pictures with many patches there are fewer."""
FEWEST = 20
"""Pictures of a bank that say anything."""
SHARPNESS = 3.0
"""By what likenesses, in a value's typical standard deviation, are multiplied to become shares."""
SPREAD = 0.5
"""Standard deviation of what a value is worth beforehand, in those of the liking."""
NOISE = 0.5
"""Of what values leave unexplained."""
FLAT = 1e-5
"""A standard deviation, beside the mean, that is but rounding."""


def bank_of(train: "Ratings") -> PictureFeatures:
    """Pictures of a training set that say what a predictor thinks of words; always the same."""
    from scorer.tokens import encode_pictures

    rng, encoder = np.random.default_rng(0), train.source.encoder
    size = 2 * (encoder.visual_dim + encoder.dim)
    count = min(PICTURES, LARGEST // size, len(train.pictures))
    chosen = sorted(rng.choice(len(train.pictures), count, replace=False))
    return encode_pictures([train.pictures[place] for place in chosen], encoder)


def save_bank(bank: PictureFeatures, encoder: str, folder: Path) -> None:
    """Writes `bank.safetensors` beside the weights, in 16 bit, with the id of the encoder."""
    from safetensors.numpy import save

    halves = {name: getattr(bank, name).astype(np.float16) for name in ("visual", "joint")}
    with written(folder / FILE) as stream:
        stream.write(save(halves, {"encoder": encoder}))


def bank_file(folder: Path, *, personal: bool) -> Path | None:
    """Where the bank of a predictor lies; what leaves the person out has that of the folder above.

    None: it has none.
    """
    file = (folder if personal else folder.parent) / FILE
    return file if file.is_file() else None


def load_bank(file: Path, encoder: str) -> PictureFeatures:
    """What `save_bank` wrote.

    Raises:
        PrerequisiteError: the file is broken, or of another encoder.
    """
    from safetensors import SafetensorError, safe_open

    advice = "copy the predictor's folder again, or remove the file: a search then begins without"
    try:
        with safe_open(str(file), framework="numpy") as stored:
            made_with = (stored.metadata() or {}).get("encoder", "")
            visual, joint = (stored.get_tensor(n).astype(np.float32) for n in ("visual", "joint"))
    except (OSError, SafetensorError) as error:
        raise PrerequisiteError(
            f"the pictures in {str(file)!r} can't be read ({type(error).__name__}): {advice}"
        ) from error
    if made_with != encoder:
        raise PrerequisiteError(
            f"the pictures in {str(file)!r} were seen by the encoder {made_with!r}, not by "
            f"{encoder!r}: {advice}"
        )
    return PictureFeatures(visual, joint)


def worths(
    joint: Float[np.ndarray, "picture dim"],
    liking: Float[np.ndarray, " picture"],
    words: Mapping[str, Mapping[str, Sequence[str]]],
    encode_texts: Callable[[Sequence[str]], Float[np.ndarray, "phrase dim"]],
) -> dict[str, float]:
    """What each value is worth, by name, in standard deviations of the liking.

    Args:
        joint: The pictures of a bank in the space of the texts.
        liking: Of these pictures, on any scale.
        words: By axis and the name of each of its values, phrases that say it.
        encode_texts: Phrases to that space.

    Returns:
        Nothing where all pictures are liked alike.
    """
    values = [(axis, name) for axis, named in words.items() for name in named]
    if not values:
        return {}
    texts = [words[axis][name] for axis, name in values]
    every = encode_texts([phrase for own in texts for phrase in own])
    ends = np.cumsum([len(own) for own in texts])[:-1]
    shown = shares(joint, np.split(every, ends), [axis for axis, _ in values])
    found = lean(np.asarray(liking, np.float64), shown)
    if not found.any():
        return {}
    return {name: float(worth) for (_, name), worth in zip(values, found, strict=True)}


def shares(
    joint: Float[np.ndarray, "picture dim"],
    texts: Sequence[Float[np.ndarray, "_ dim"]],
    axes: Sequence[str],
) -> Float[np.ndarray, "picture value"]:
    """How much of each axis a picture gives to each of its values; a value alone has a sigmoid.

    Args:
        joint: Pictures in the space of the texts.
        texts: Of each value, its phrases in that space.
        axes: Of each value.
    """
    means = unit(np.stack([phrases.mean(0) for phrases in texts]))
    likeness = joint @ means.T
    spread = max(float(likeness.std(0).mean()), 1e-6)  # one for all: else what none shows is noise
    logits = SHARPNESS * (likeness - likeness.mean(0)) / spread
    found, names = np.zeros_like(logits), np.asarray(axes)
    for axis in dict.fromkeys(axes):
        own = np.flatnonzero(names == axis)
        rivals = logits[:, own] if len(own) > 1 else np.pad(logits[:, own], ((0, 0), (0, 1)))
        odds = np.exp(rivals - rivals.max(1, keepdims=True))
        found[:, own] = (odds / odds.sum(1, keepdims=True))[:, : len(own)]
    return found


def lean(
    liking: Float[np.ndarray, " picture"], shown: Float[np.ndarray, "picture value"]
) -> Float[np.ndarray, " value"]:
    """What each value is worth, in standard deviations of the liking; 0 where all are liked alike.

    Args:
        liking: Of the pictures, on any scale.
        shown: By `shares`.
    """
    scale = liking.std()
    if not scale > FLAT * max(1.0, abs(liking.mean())):
        return np.zeros(shown.shape[1])
    centred, standard = shown - shown.mean(0), (liking - liking.mean()) / scale
    precision = centred.T @ centred / NOISE**2 + np.eye(shown.shape[1]) / SPREAD**2
    return np.linalg.solve(precision, centred.T @ standard / NOISE**2)
