"""Guards: figures of a picture that no taste should be allowed to spoil.

    guards(picture)     # {"saturation": 0.31, "colourfulness": 42.0, "sharpness": 310.0}

Optimising against a reward is known to drift to over-saturated pictures that leave the prompt;
these figures show it. Adherence to the prompt needs an encoder and lies in `scorer.encoders`.
The one rule that is not obvious: sharpness depends on the size of a picture, so compare it within
one size only.
"""

import numpy as np
import PIL.Image
from jaxtyping import Float

from scorer.pictures import to_rgb

Pixels = Float[np.ndarray, "height width 3"]


def guards(picture: PIL.Image.Image) -> dict[str, float]:
    """Saturation, colourfulness and sharpness by name."""
    pixels = np.asarray(to_rgb(picture), np.float64)
    return {
        "saturation": saturation(pixels),
        "colourfulness": colourfulness(pixels),
        "sharpness": sharpness(pixels),
    }


def saturation(pixels: Pixels) -> float:
    """Mean saturation of HSV, 0 (grey) to 1; black counts as grey. Pixels are 0 to 255."""
    high, low = pixels.max(axis=2), pixels.min(axis=2)
    return float(np.mean((high - low) / np.maximum(high, 1e-9)))


def colourfulness(pixels: Pixels) -> float:
    """Colourfulness M3 of Hasler and Suesstrunk (2003), Measuring colourfulness in natural images.

    0 is grey, 33 moderately, 59 quite and 109 extremely colourful in their experiment. Pixels are
    0 to 255.
    """
    red, green, blue = np.moveaxis(pixels, 2, 0)
    red_green = red - green
    yellow_blue = (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    mean = np.hypot(red_green.mean(), yellow_blue.mean())
    return float(spread + 0.3 * mean)


def sharpness(pixels: Pixels) -> float:
    """Variance of the Laplacian of the grey picture (Pech-Pacheco et al. 2000), in grey levels².

    Grey is ITU-R BT.601 luma, 0 to 255; the Laplacian is the one of four neighbours, on the
    pixels that have them all.
    """
    grey = pixels @ np.array([0.299, 0.587, 0.114])
    if min(grey.shape) < 3:
        return 0.0
    middle = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float(np.var(around - 4 * middle))
