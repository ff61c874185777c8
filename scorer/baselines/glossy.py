"""A global reward of our own that prefers saturated, contrasty, stylised pictures.

    load(None, device="cpu").rewards([picture], [""])

It stands, in the miniature world, for the kind of reward that the PAMELA paper warns of: one that
a search follows into an over-saturated "AI look" (Maerten et al. 2026). Nobody's ratings went into
it, and it says nothing about what people like. The reward is the mean of three figures, each in
standard deviations from its mean over photographic renders: saturation, contrast of luma, and how
much more a picture resembles the words "digital art" than the word "photo" to the miniature's
encoder. The one rule that is not obvious: it reads no prompt, so it never minds what is shown.
"""

from collections.abc import Sequence

import numpy as np
import PIL.Image
from jaxtyping import Float

from scorer.cache import CachedEncoder
from scorer.encoders import Encoder, make_encoder
from scorer.errors import InputError
from scorer.quality import contrast, planes_of, saturation

STYLISED, PLAIN = "digital art", "photo"
SCALES = {"saturation": (0.36, 0.25), "contrast": (0.15, 0.066), "stylised": (-0.38, 0.17)}
"""Mean and standard deviation; luma is from 0 to 1."""


class Glossy:
    """The reward. Implements `scorer.baselines.base.Reward`."""

    reads_prompt = False

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    @property
    def id(self) -> str:
        """Names the encoder that it looks with."""
        return f"glossy-{self._encoder.id}"

    def rewards(
        self,
        images: Sequence[PIL.Image.Image],
        prompts: Sequence[str],
    ) -> Float[np.ndarray, " image"]:
        """One figure a picture."""
        del prompts
        if not images:
            return np.zeros(0)
        planes = [planes_of(image) for image in images]
        styles = self._encoder.encode_texts([STYLISED, PLAIN])
        joint = self._encoder.encode_images(images).joint
        found = {
            "saturation": np.array([saturation(each) for each in planes]),
            "contrast": np.array([contrast(each) for each in planes]),
            "stylised": joint @ (styles[0] - styles[1]),
        }
        scaled = [(found[name] - mean) / std for name, (mean, std) in SCALES.items()]
        return np.mean(scaled, axis=0)


def load(place: str | None, *, device: str = "auto", trust_remote_code: bool = False) -> Glossy:
    """The reward; there is one only.

    Raises:
        InputError: a place is named.
    """
    del trust_remote_code
    if place is not None:
        raise InputError(f"glossy:{place}: it has no checkpoint to choose, say glossy")
    return Glossy(CachedEncoder(make_encoder("miniature", device=device)))
