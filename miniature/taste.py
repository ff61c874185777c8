"""Hidden taste of simulated participants: true liking = taste(perception(picture)).

    taste = draw_taste(demographics, seed=0, number=12)
    liking = true_liking(taste, perceive(load_classifier("perception"), pictures))

Shares of variance and importances are those of `docs/decisions/0006-simulated-participants.md` and
`0013-a-larger-world.md`. A search, a scorer or a proposer must never import this module.
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
    LOOKS,
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
    "look": LOOKS,
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
    "look": 0.7,
    "subject": 0.3,
    "colour": 0.2,
    "saturation": 0.3,
    "brightness": 0.3,
    "contrast": 0.3,
}
SHARED_IMPORTANCE = {**IMPORTANCE, "environment": 8.0}
"""In what everybody shares; places are what pictures are grouped by."""
PAIRS = (("lighting", "camera_angle"), ("environment", "palette"))
STATISTICS = {
    "saturation": (0.36, 0.25),
    "brightness": (0.43, 0.17),
    "contrast": (0.15, 0.066),
}
"""Mean and standard deviation over scenes in random finishes, to scale a picture's statistics."""

MEAN, SPREAD = 3.23, 1.1
"""On the scale 1–5; shares of variance are in units of `SPREAD` squared."""
SHARED, DEMOGRAPHIC, OWN, NOISE = 0.36, 0.075, 0.425, 0.20
FELT = 1.9
"""By how much the demographic and the person's own part are drawn larger: what is seen in a picture
is less certain than its attributes, which takes about as much of their variance away."""
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


def _draw_weights(
    rng: np.random.Generator, share: float, importance: Mapping[str, float] = IMPORTANCE
) -> Weights:
    """Weights whose sum over balanced pictures has `share` of the variance of a rating."""
    drawn = {
        name: rng.standard_normal(len(values)) * importance[name] for name, values in VALUES.items()
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
    return _sum((float(np.sqrt(DEMOGRAPHIC * FELT)), joined))


def shared_taste(*, seed: int) -> Taste:
    """What everybody shares: all that a scorer can know that leaves the person out."""
    shared = _draw_weights(np.random.default_rng((seed, 0)), SHARED, SHARED_IMPORTANCE)
    return Taste(shared, {}, 0.0)


def expected_taste(demographics: Mapping[str, str | int], *, seed: int) -> Taste:
    """What is to be expected of a person by their demographics: shared + demographic."""
    shared = shared_taste(seed=seed).weights
    weights = _sum((1.0, shared), (1.0, _demographic_weights(demographics, seed)))
    return Taste(weights, {}, 0.0)


def draw_taste(demographics: Mapping[str, str | int], *, seed: int, number: int) -> Taste:
    """The taste of participant `number`: shared + demographic + own."""
    rng = np.random.default_rng((seed, 2, number))
    own = _draw_weights(rng, OWN * FELT * (1 - PAIR_SHARE))
    pairs = {
        pair: rng.standard_normal((len(VALUES[pair[0]]), len(VALUES[pair[1]]))) * _pair_spread(pair)
        for pair in PAIRS
    }
    centred = {
        pair: table - table.mean(0, keepdims=True) - table.mean(1, keepdims=True) + table.mean()
        for pair, table in pairs.items()
    }
    weights = _sum((1.0, expected_taste(demographics, seed=seed).weights), (1.0, own))
    return Taste(weights, centred, float(rng.standard_normal() * BIAS))


def _pair_spread(pair: tuple[str, str]) -> float:
    """Standard deviation of the weight of a pair of values, before the table is centred."""
    left = np.prod([1 - 1 / len(VALUES[name]) for name in pair])
    return float(np.sqrt(OWN * FELT * PAIR_SHARE / len(PAIRS) / left) * SPREAD)


def own_covariance(
    first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]
) -> Float[np.ndarray, "first second"]:
    """Over people, the covariance of what two pictures are worth to a person beyond the expected.

    Of the prior that `draw_taste` draws from, taken for Gaussian (each draw is scaled to the same
    variance, so it is nearly so).
    """
    size = {name: len(values) for name, values in VALUES.items()}
    variance = sum(IMPORTANCE[n] ** 2 * (1 - 1 / k if k > 1 else 1) for n, k in size.items())
    scale = OWN * FELT * (1 - PAIR_SHARE) * SPREAD**2 / variance
    alike = {name: _centred(first[name]) @ _centred(second[name]).T for name in VALUES}
    total = np.sum([scale * IMPORTANCE[name] ** 2 * alike[name] for name in VALUES], axis=0)
    for one, other in PAIRS:
        total = total + _pair_spread((one, other)) ** 2 * alike[one] * alike[other]
    return total + BIAS**2


def _centred(values: Float[np.ndarray, "picture value"]) -> Float[np.ndarray, "picture value"]:
    """Without the mean over values: a taste's weights sum to zero."""
    return values - values.mean(1, keepdims=True) if values.shape[1] > 1 else values


def constants() -> dict[str, object]:
    """Everything that ratings depend on beside what is seen in the pictures."""
    names = (
        "IMPORTANCE",
        "SHARED_IMPORTANCE",
        "STATISTICS",
        "MEAN",
        "SPREAD",
        "SHARED",
        "DEMOGRAPHIC",
        "OWN",
        "NOISE",
        "FELT",
        "PAIR_SHARE",
        "BIAS",
        "AGE_SHARE",
        "GENDER_SHARE",
        "REGION_SHARE",
    )
    return {name: globals()[name] for name in names}


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
