"""What a predictor expects a person to like, in words, before anything is drawn for them.

    bank = bank_of(train)                         # while a predictor is trained; lies beside it
    shown = shares(bank.joint, texts, axes)       # what its pictures show, in the words of values
    lean(liking, shown)                           # (value,), in standard deviations of the liking

A bank is some of the pictures that a predictor was trained on, as features. How much a person is
predicted to like each of them is regressed on what the image-text encoder says that they show:
Bayesian linear regression (Bishop 2006, section 3.3), so that a value which hardly any picture
shows is worth about nothing. The one rule that is not obvious: a value is told from the others of
its axis, so only its share among them counts, not how well its words fit pictures in general.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from scorer.encoders import PictureFeatures, unit
from scorer.errors import PrerequisiteError

if TYPE_CHECKING:
    from scorer.ratings import Ratings

FILE = "bank.safetensors"
PICTURES = 400
"""In a bank: with 800 the leanings are hardly surer."""
SHARPNESS = 3.0
"""By which likenesses, in standard deviations, are taken times before they become shares."""
SPREAD = 0.5
"""Standard deviation of what a value is worth beforehand, in those of the liking."""
NOISE = 0.5
"""Of what values leave unexplained."""


def bank_of(train: "Ratings") -> PictureFeatures:
    """Pictures of a training set that say what a predictor thinks of words; always the same."""
    from scorer.tokens import encode_pictures

    rng = np.random.default_rng(0)
    count = min(PICTURES, len(train.pictures))
    chosen = sorted(rng.choice(len(train.pictures), count, replace=False))
    return encode_pictures([train.pictures[place] for place in chosen], train.source.encoder)


def save_bank(bank: PictureFeatures, folder: Path) -> None:
    """Writes `bank.safetensors` beside the weights, in 16 bit."""
    from safetensors.numpy import save_file

    halves = {name: getattr(bank, name).astype(np.float16) for name in ("visual", "joint")}
    save_file(halves, folder / FILE)


def load_bank(folder: Path) -> PictureFeatures | None:
    """What `save_bank` wrote; None where there is none.

    Raises:
        PrerequisiteError: the file is broken.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not (folder / FILE).is_file():
        return None
    try:
        stored = load_file(folder / FILE)
        visual, joint = (stored[name].astype(np.float32) for name in ("visual", "joint"))
    except (KeyError, OSError, SafetensorError) as error:
        raise PrerequisiteError(
            f"the pictures in {str(folder / FILE)!r} can't be read ({type(error).__name__}): copy "
            f"the file again, or remove it; a search then begins without leanings"
        ) from error
    return PictureFeatures(visual, unit(joint))


def shares(
    joint: Float[np.ndarray, "picture dim"],
    texts: Sequence[Float[np.ndarray, "_ dim"]],
    axes: Sequence[str],
) -> Float[np.ndarray, "picture value"]:
    """How much of each axis a picture gives to each of its values; a value alone has a sigmoid.

    Args:
        joint: Pictures in the space of the texts, unit length.
        texts: Of each value, its phrases in that space.
        axes: Of each value.
    """
    means = unit(np.stack([phrases.mean(0) for phrases in texts]))
    likeness = joint @ means.T
    spread = np.maximum(likeness.std(0), 1e-6)
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
    if scale < 1e-9:
        return np.zeros(shown.shape[1])
    centred, standard = shown - shown.mean(0), (liking - liking.mean()) / scale
    precision = centred.T @ centred / NOISE**2 + np.eye(shown.shape[1]) / SPREAD**2
    return np.linalg.solve(precision, centred.T @ standard / NOISE**2)
