"""The two looks of a picture: photographic, and an over-saturated "digital art" look.

    >>> draw_in(picture, "digital art").shape == picture.shape
    True

The second one is what text-to-image models drift into when a score rewards it: flat, smooth areas
in few steps of brightness, dark outlines, hard contrast, glowing lights, teal shadows and orange
lights, saturation far beyond a camera's. It is made of the finished picture, before the palette.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, median_filter

from miniature.attributes import Look
from miniature.palette import LUMA

STEPS = 6
"""Steps of brightness."""
SATURATION = 1.9
TEAL = np.array([-0.05, 0.02, 0.06], np.float32)
ORANGE = np.array([0.07, 0.02, -0.05], np.float32)


def draw_in(picture: NDArray[np.uint8], look: Look) -> NDArray[np.uint8]:
    """Give one picture a look.

    Args:
        picture: 8-bit colours (size, size, 3).
        look: its name; "photographic" leaves the picture as it is.

    Returns:
        A new array of the same shape.
    """
    if look == "photographic":
        return picture.copy()
    size = len(picture) / 128
    colours = median_filter(picture, (3, 3, 1)).astype(np.float32) / 255
    luma = gaussian_filter(colours @ LUMA, 0.6 * size)
    down, across = np.gradient(luma)
    edges = np.hypot(down, across) * size
    steps = luma * STEPS
    flat = (np.floor(steps) + np.clip((steps % 1 - 0.35) / 0.3, 0, 1)) / STEPS
    contrast = np.clip(0.5 + (flat - 0.45) * 1.25, 0, 1)[..., None]
    toned = contrast + (colours - luma[..., None]) * SATURATION
    toned += TEAL * (1 - contrast) + ORANGE * contrast
    glow = gaussian_filter(np.maximum(toned - 0.72, 0), (5 * size, 5 * size, 0))
    outlined = toned * (1 - 0.75 * np.clip((edges - 0.06) / 0.10, 0, 1))[..., None]
    return (np.clip(outlined + 0.9 * glow, 0, 1) * 255 + 0.5).astype(np.uint8)
