"""What lies between the lens and the subject: fog, falling snow, a shallow depth of field.

    >>> foggy = add_fog(radiance, depth, colour=(0.7, 0.7, 0.75), distance=5.0)

All work on linear radiance and on the depth of what each pixel sees. A depth of 0 is the sky.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Image = NDArray[np.floating]
FLAKES = 230
FLAKE = 0.009
"""Radius of a flake at the subject's distance, in heights of the frame."""
BLUR = 0.034
"""The widest blur (standard deviation), in heights of the frame."""


def far_away(depth: Image) -> Image:
    """The depth with the sky at 10,000 instead of 0, (height, width)."""
    return np.where(depth > 0, depth, 1e4)


def add_fog(radiance: Image, depth: Image, *, colour: Image, distance: float) -> Image:
    """Fog that hides a fifth of what is at the subject's distance, and the sky."""
    share = 1 - np.exp(-0.22 * (far_away(depth) / distance) ** 1.3)
    return radiance + share[..., None] * (colour - radiance)


def add_snowfall(
    radiance: Image, depth: Image, *, distance: float, rng: np.random.Generator
) -> Image:
    """Flakes all over the frame, larger the nearer they are, hidden by what stands before them."""
    size = len(radiance)
    light = max(float(np.quantile(radiance.mean(-1), 0.85)) * 1.25, 0.12)
    fallen = radiance.copy()
    rows, columns = np.mgrid[:size, :size]
    for _ in range(FLAKES):
        away = distance * rng.uniform(0.3, 2.2)
        radius = max(FLAKE * size * distance / away, 0.55)
        y, x = rng.uniform(0, size, 2)
        top, left = max(0, int(y - 2 * radius)), max(0, int(x - 2 * radius))
        patch = np.s_[top : int(y + 2 * radius) + 2, left : int(x + 2 * radius) + 2]
        squared = (rows[patch] - y) ** 2 + (columns[patch] - x) ** 2
        cover = np.clip(1.3 - squared / radius**2, 0, 1) * 0.9
        cover *= far_away(depth[patch]) > away
        fallen[patch] += cover[..., None] * (light - fallen[patch])
    return fallen


def blur_out_of_focus(radiance: Image, depth: Image, *, distance: float, reach: float) -> Image:
    """Blur what lies before and behind the subject, by two passes that leave the subject sharp.

    Args:
        radiance: linear colours (height, width, 3).
        depth: of what each pixel sees (height, width).
        distance: from the lens to the middle of the subject.
        reach: how far from there everything is sharp.
    """
    away = far_away(depth)
    behind = np.clip((away - distance - reach) / (0.5 * distance), 0, 1)
    before = np.clip((distance - reach - away) / (0.3 * distance), 0, 1)
    for amount in (behind, before):
        if amount.max() == 0:
            continue
        weight = (amount > 0.02).astype(np.float32)
        for share in (0.35, 1.0):
            sigma = BLUR * share * len(radiance)
            total = gaussian_filter(radiance * weight[..., None], (sigma, sigma, 0))
            blurred = total / (gaussian_filter(weight, sigma)[..., None] + 1e-4)
            mixed = np.clip((amount - 0.35 * (share == 1.0)) / 0.35, 0, 1) * weight
            radiance = radiance + mixed[..., None] * (blurred - radiance)
    return radiance
