"""From noisy radiance to a picture: clamp, denoise, bloom, tone curve.

    >>> picture = develop(radiance, guides, exposure=1.0)

The denoiser is a cross-bilateral filter (Petschnigg et al. 2004) that runs twice with growing
steps (à-trous, Dammertz et al. 2010); albedo, normal and depth of the first hit tell it where to
stop, so that edges stay sharp with very few samples.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, median_filter

Image = NDArray[np.floating]
Colour = tuple[float, float, float]
STEPS = (1, 2)
LIGHT_SIGMA = 0.35


def develop(
    radiance: Image,
    guides: Image,
    *,
    exposure: float,
    veil: Colour | None = None,
    through: Callable[[Image, Image], Image] | None = None,
) -> NDArray[np.uint8]:
    """Make an 8-bit picture.

    Args:
        radiance: linear colours (height, width, 3).
        guides: albedo, normal and depth of what each pixel sees (height, width, 7).
        exposure: what radiance is multiplied with.
        veil: stray light that is added at the top of the frame and fades downwards.
        through: what air and lens make of clean radiance and depth (height, width).
    """
    clean = denoise(clamp_fireflies(radiance), guides)
    if through is not None:
        clean = through(clean, depth_of(guides)).astype(np.float32)
    glowing = bloom(adapt(clean * exposure))
    if veil is not None:
        fade = np.linspace(1, 0, len(glowing), dtype=np.float32)[:, None, None]
        glowing = glowing + fade * np.array(veil, np.float32)
    return tone(glowing)


def depth_of(guides: Image) -> Image:
    """Depth (height, width) of what a pixel sees, 0 for the sky.

    At the rim of the land a pixel averages depths and the sky's 0; normals tell by how much.
    """
    seen = np.linalg.norm(guides[..., 3:6], axis=-1)
    return np.where(seen > 0.3, guides[..., 6] / np.maximum(seen, 0.3), 0.0)


def clamp_fireflies(radiance: Image) -> Image:
    """Cut pixels that are far brighter than the median of their neighbourhood."""
    median = median_filter(radiance, (3, 3, 1))
    return np.minimum(radiance, median * 2.5 + 0.02)


def denoise(radiance: Image, guides: Image) -> Image:
    """Average each pixel with those around it that show the same surface in the same light."""
    for step in STEPS:
        light = np.log1p(gaussian_filter(radiance, (0.7, 0.7, 0)) * 8)
        features = np.concatenate([_scaled(guides), light / LIGHT_SIGMA], axis=-1)
        radiance = _cross_bilateral(radiance, features, step)
    return radiance


def _scaled(guides: Image) -> Image:
    albedo, normal, depth = guides[..., :3], guides[..., 3:6], guides[..., 6:]
    return np.concatenate([albedo / 0.08, normal / 0.25, np.log1p(depth) / 0.04], axis=-1)


def _cross_bilateral(values: Image, features: Image, step: int) -> Image:
    height, width, channels = values.shape
    margin = 2 * step
    around = ((margin, margin), (margin, margin), (0, 0))
    both = np.pad(np.concatenate([values, features], axis=-1), around, mode="edge")
    total, weights = np.zeros_like(values), np.zeros((height, width, 1), np.float32)
    for down in range(-2, 3):
        for right in range(-2, 3):
            top, left = margin + down * step, margin + right * step
            shifted = both[top : top + height, left : left + width]
            apart = shifted[..., channels:] - features
            distance = np.einsum("hwc,hwc->hw", apart, apart) + (down**2 + right**2) / 3
            weight = np.exp(-0.5 * distance)[..., None]
            total += weight * shifted[..., :channels]
            weights += weight
    return total / weights


def adapt(radiance: Image, key: float = 0.35, strength: float = 0.3) -> Image:
    """Move the exposure part of the way to where the picture's mean is the key."""
    mean = float(np.exp(np.log(radiance.mean(-1) + 0.02).mean()))
    return radiance * np.float32((key / mean) ** strength)


def bloom(radiance: Image) -> Image:
    """Let what is brighter than white shine over its surroundings."""
    size = len(radiance) / 128
    excess = np.maximum(radiance - 1.2, 0)
    bright = excess * np.minimum(1, 6 / (excess.max(-1, keepdims=True) + 1e-6))
    near = gaussian_filter(bright, (1.5 * size, 1.5 * size, 0))
    far = gaussian_filter(bright, (6 * size, 6 * size, 0))
    return radiance + 0.25 * near + 0.25 * far


def tone(radiance: Image) -> NDArray[np.uint8]:
    """An exponential shoulder, then the sRGB curve."""
    linear = 1 - np.exp(-1.15 * np.maximum(radiance, 0))
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (np.clip(curved, 0, 1) * 255 + 0.5).astype(np.uint8)
