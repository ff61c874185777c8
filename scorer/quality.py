"""Guards: figures of a picture that no taste should be allowed to spoil.

    guards(picture)     # {"saturation": 0.31, "colourfulness": 42.0, "sharpness": 310.0}

Optimising against a reward is known to drift to over-saturated pictures that leave the prompt;
these figures show it. Adherence to the prompt needs an encoder and lies in `scorer.encoders`.
The one rule that is not obvious: sharpness depends on the size of a picture, so compare it within
one size only.
"""

import numpy as np
import PIL.Image
from jaxtyping import Float32

from scorer.pictures import to_rgb

Planes = Float32[np.ndarray, "3 height width"]
"""Red, green and blue, 0 to 255, each in one piece: several times as fast as interleaved."""


def guards(picture: PIL.Image.Image) -> dict[str, float]:
    """Saturation, colourfulness and sharpness by name."""
    planes = planes_of(picture)
    return {
        "saturation": saturation(planes),
        "colourfulness": colourfulness(planes),
        "sharpness": sharpness(planes),
    }


def planes_of(picture: PIL.Image.Image) -> Planes:
    """A picture of any mode."""
    return np.ascontiguousarray(np.asarray(to_rgb(picture)).transpose(2, 0, 1), np.float32)


def saturation(planes: Planes) -> float:
    """Mean saturation of HSV, 0 (grey) to 1; black counts as grey."""
    red, green, blue = planes
    high = np.maximum(np.maximum(red, green), blue)
    low = np.minimum(np.minimum(red, green), blue)
    return float(((high - low) / np.maximum(high, np.float32(1e-9))).mean(dtype=np.float64))


def colourfulness(planes: Planes) -> float:
    """Colourfulness M3 of Hasler and Suesstrunk (2003), Measuring colourfulness in natural images.

    0 is grey, 33 moderately, 59 quite and 109 extremely colourful in their experiment.
    """
    red, green, blue = planes
    red_green, red_green_variance = _moments(red - green)
    yellow_blue, yellow_blue_variance = _moments((red + green) / 2 - blue)
    spread = np.sqrt(red_green_variance + yellow_blue_variance)
    return float(spread + 0.3 * np.hypot(red_green, yellow_blue))


def sharpness(planes: Planes) -> float:
    """Variance of the Laplacian of the grey picture (Pech-Pacheco et al. 2000), in grey levels².

    Grey is ITU-R BT.601 luma, 0 to 255; the Laplacian is the one of four neighbours, on the
    pixels that have them all.
    """
    grey = _luma(planes)
    if min(grey.shape) < 3:
        return 0.0
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return _moments(around - 4 * grey[1:-1, 1:-1])[1]


def contrast(planes: Planes) -> float:
    """Standard deviation of luma, 0 to 0.5."""
    return float(np.sqrt(_moments(_luma(planes))[1])) / 255


def _luma(planes: Planes) -> Float32[np.ndarray, "height width"]:
    """ITU-R BT.601."""
    red, green, blue = planes
    return np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue


def _moments(plane: Float32[np.ndarray, "height width"]) -> tuple[float, float]:
    """Mean and variance."""
    mean = float(plane.mean(dtype=np.float64))
    apart = plane - np.float32(mean)
    return mean, float(np.vdot(apart, apart)) / apart.size
