from collections.abc import Sequence

import numpy as np
import PIL.Image
import PIL.ImageEnhance
import pytest

from scorer import make_scorer
from scorer.baselines.glossy import Glossy, load
from scorer.encoders import PictureFeatures
from scorer.errors import InputError


class Seeing:
    """Finds pictures with a red corner stylised."""

    id, visual_tokens, visual_dim, dim = "seeing", 1, 2, 2

    def encode_images(self, images: Sequence[PIL.Image.Image]) -> PictureFeatures:
        red = [image.convert("RGB").getpixel((0, 0)) == (255, 0, 0) for image in images]
        joint = np.array([[1.0, 0] if each else [0, 1.0] for each in red], np.float32)
        return PictureFeatures(joint, joint)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[1.0, 0] if "art" in text else [0, 1.0] for text in texts], np.float32)


def picture() -> PIL.Image.Image:
    noise = np.random.default_rng(0).integers(60, 200, (32, 32, 3), np.uint8)
    return PIL.Image.fromarray(noise)


@pytest.mark.parametrize("enhance", [PIL.ImageEnhance.Color, PIL.ImageEnhance.Contrast])
def test_more_colour_and_more_contrast_are_rewarded(enhance: type):
    levels = [enhance(picture()).enhance(level) for level in (0.3, 1.0, 1.6)]
    found = Glossy(Seeing()).rewards(levels, [""] * 3)
    assert found[0] < found[1] < found[2]


def test_a_stylised_picture_is_rewarded():
    plain, stylised = picture(), picture()
    stylised.putpixel((0, 0), (255, 0, 0))
    found = Glossy(Seeing()).rewards([plain, stylised], ["", ""])
    assert found[1] > found[0] + 1


def test_it_has_no_checkpoint_to_choose():
    with pytest.raises(InputError, match="glossy:x: it has no checkpoint"):
        load("x")


def test_it_is_a_scorer_by_name():
    assert make_scorer("glossy") is not None
