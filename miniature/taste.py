"""Hidden taste of simulated participants: true liking = taste(perception(picture)).

    taste = draw_taste(demographics, seed=0, number=12)
    liking = true_liking(taste, perceive(load_classifier("perception"), pictures))

Shares of variance and importances are those of `docs/decisions/0006-simulated-participants.md`;
changes are listed there. A search, a scorer or a proposer must never import this module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from miniature.attributes import (
    CAMERA_ANGLES,
    COLOURS,
    ENVIRONMENTS,
    LIGHTINGS,
    PALETTES,
    SHOTS,
    SUBJECTS,
)

if TYPE_CHECKING:
    from miniature.classifier import Classifier

VALUES: dict[str, tuple[str, ...]] = {
    "lighting": LIGHTINGS,
    "palette": PALETTES,
    "camera_angle": CAMERA_ANGLES,
    "environment": ENVIRONMENTS,
    "shot": SHOTS,
    "subject": SUBJECTS,
    "colour": ("none", *COLOURS),
    "saturation": ("z",),
    "brightness": ("z",),
    "contrast": ("z",),
}
IMPORTANCE = {
    "lighting": 1.0,
    "palette": 0.8,
    "camera_angle": 0.6,
    "environment": 0.5,
    "shot": 0.5,
    "subject": 0.3,
    "colour": 0.2,
    "saturation": 0.3,
    "brightness": 0.3,
    "contrast": 0.3,
}
PAIRS = (("lighting", "camera_angle"), ("environment", "palette"))
STATISTICS = {"saturation": (0.36, 0.17), "brightness": (0.36, 0.18), "contrast": (0.17, 0.06)}
"""Mean and standard deviation over rendered scenes, by which a picture's statistics are scaled."""

MEAN, SPREAD = 3.16, 1.1
"""On the scale 1–5; shares of variance are in units of `SPREAD` squared."""
SHARED, DEMOGRAPHIC, OWN, NOISE = 0.22, 0.075, 0.425, 0.20
PAIR_SHARE = 0.15
BIAS = 0.3
AGE_SHARE, GENDER_SHARE, REGION_SHARE = 0.5, 0.3, 0.2

REGIONS: dict[str, tuple[str, ...]] = {
    "northern Europe": ("British", "German", "Dutch", "Swedish", "Polish"),
    "southern Europe": ("Italian", "Spanish", "Portuguese", "Greek", "French"),
    "Asia": ("Indian", "Chinese", "Japanese", "Korean", "Turkish"),
    "the Americas": ("American", "Canadian", "Mexican", "Brazilian"),
    "Africa": ("Nigerian", "South African", "Kenyan", "Egyptian"),
}
NATIONALITIES = tuple(name for names in REGIONS.values() for name in names)

Weights = dict[str, np.ndarray]
Percept = Mapping[str, Float[np.ndarray, "picture value"]]


@dataclass(frozen=True)
class Taste:
    """What one simulated participant likes, in points of the rating scale."""

    weights: Weights
    """By attribute, one weight a value."""
    pairs: dict[tuple[str, str], np.ndarray]
    """By pair of attributes, one weight a pair of values."""
    bias: float


def _draw_weights(rng: np.random.Generator, share: float) -> Weights:
    """Weights whose sum over balanced pictures has `share` of the variance of a rating."""
    drawn = {
        name: rng.standard_normal(len(values)) * IMPORTANCE[name] for name, values in VALUES.items()
    }
    centred = {name: w - w.mean() if len(w) > 1 else w for name, w in drawn.items()}
    variance = sum(float((w**2).mean()) for w in centred.values())
    scale = np.sqrt(share / variance) * SPREAD
    return {name: w * scale for name, w in centred.items()}


def _sum(*parts: tuple[float, Weights]) -> Weights:
    return {name: np.sum([scale * part[name] for scale, part in parts], axis=0) for name in VALUES}


def region_of(nationality: str) -> str:
    """The region that a nationality belongs to."""
    return next(region for region, names in REGIONS.items() if nationality in names)


def _demographic_weights(demographics: Mapping[str, str | int], seed: int) -> Weights:
    """What age, gender and region of the nationality add, alike for all who share them."""
    rng = np.random.default_rng((seed, 1))
    age, gender = _draw_weights(rng, AGE_SHARE), _draw_weights(rng, GENDER_SHARE)
    regions = {name: _draw_weights(rng, REGION_SHARE) for name in REGIONS}
    scaled_age = (int(demographics["age"]) - 39.5) / 12.1
    side = {"female": 1.0, "male": -1.0}.get(str(demographics["gender"]), 0.0)
    region = regions[region_of(str(demographics["nationality"]))]
    joined = _sum((scaled_age, age), (side, gender), (1.0, region))
    return _sum((float(np.sqrt(DEMOGRAPHIC)), joined))


def draw_taste(demographics: Mapping[str, str | int], *, seed: int, number: int) -> Taste:
    """The taste of participant `number`: shared + demographic + own."""
    shared = _draw_weights(np.random.default_rng((seed, 0)), SHARED)
    rng = np.random.default_rng((seed, 2, number))
    own = _draw_weights(rng, OWN * (1 - PAIR_SHARE))
    spread = np.sqrt(OWN * PAIR_SHARE / len(PAIRS)) * SPREAD
    pairs = {
        pair: rng.standard_normal((len(VALUES[pair[0]]), len(VALUES[pair[1]]))) * spread
        for pair in PAIRS
    }
    centred = {
        pair: table - table.mean(0, keepdims=True) - table.mean(1, keepdims=True) + table.mean()
        for pair, table in pairs.items()
    }
    weights = _sum((1.0, shared), (1.0, _demographic_weights(demographics, seed)), (1.0, own))
    return Taste(weights, centred, float(rng.standard_normal() * BIAS))


def statistics(pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Standardised saturation, brightness and contrast of uint8 pictures, (picture, 1) each."""
    scaled = pictures.astype(np.float32) / 255
    light = scaled @ np.array([0.299, 0.587, 0.114], np.float32)
    top, bottom = scaled.max(-1), scaled.min(-1)
    raw = {
        "saturation": ((top - bottom) / np.maximum(top, 1e-6)).mean((1, 2)),
        "brightness": light.mean((1, 2)),
        "contrast": light.std((1, 2)),
    }
    return {
        name: np.clip((value - STATISTICS[name][0]) / STATISTICS[name][1], -2.5, 2.5)[:, None]
        for name, value in raw.items()
    }


def perceive(classifier: "Classifier", pictures: np.ndarray) -> Percept:
    """What participants see in uint8 pictures (picture, size, size, 3)."""
    from miniature.classifier import classify

    found = classify(classifier, pictures)
    return {name: found[name] for name in VALUES if name in found} | statistics(pictures)


def true_liking(taste: Taste, percept: Percept) -> Float[np.ndarray, " picture"]:
    """Liking on the rating scale, before noise and rounding."""
    linear = [percept[name] @ taste.weights[name] for name in VALUES]
    joint = [
        np.einsum("pi,pj,ij->p", percept[first], percept[second], table)
        for (first, second), table in taste.pairs.items()
    ]
    return MEAN + taste.bias + np.sum(linear + joint, axis=0)


def rate(
    liking: Float[np.ndarray, " picture"], rng: np.random.Generator
) -> Int[np.ndarray, " picture"]:
    """Integer ratings 1–5: liking plus noise, rounded and cut."""
    noisy = liking + rng.standard_normal(liking.shape) * np.sqrt(NOISE) * SPREAD
    return np.clip(np.rint(noisy), 1, 5).astype(int)
