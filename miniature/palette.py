"""Colour grades: a palette applied to a finished picture.

    >>> grade(picture, "monochrome").shape == picture.shape
    True

A grade never looks at neighbouring pixels, so one picture and a batch go the same way.
"""

import numpy as np
from numpy.typing import NDArray

from miniature.attributes import Palette

LUMA = np.array([0.3, 0.59, 0.11], np.float32)
GAIN = {
    "warm": np.array([1.14, 0.98, 0.62], np.float32),
    "cool": np.array([0.64, 0.94, 1.10], np.float32),
}
LIFT = {
    "warm": np.array([0.07, 0.02, 0.0], np.float32),
    "cool": np.array([0.0, 0.02, 0.09], np.float32),
}
SATURATION = {"muted": 0.38, "vivid": 2.1, "monochrome": 0.0, "pastel": 0.75}


def grade(picture: NDArray[np.uint8], palette: Palette) -> NDArray[np.uint8]:
    """Grade one picture or a batch of them.

    Args:
        picture: 8-bit colours, any shape that ends in 3.
        palette: the name of the grade; "natural" leaves the picture as it is.

    Returns:
        A new array of the same shape.
    """
    if palette == "natural":
        return picture.copy()
    colours = picture.astype(np.float32) / 255
    if palette in GAIN:
        colours = colours * GAIN[palette] + LIFT[palette]
    else:
        luma = (colours @ LUMA)[..., None]
        colours = luma + (colours - luma) * SATURATION[palette]
    if palette == "pastel":
        colours = colours * 0.6 + 0.38
    return (np.clip(colours, 0, 1) * 255 + 0.5).astype(np.uint8)
