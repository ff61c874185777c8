import numpy as np
import PIL.Image
import pytest

from scorer.quality import colourfulness, guards, saturation, sharpness


def flat(colour: tuple[int, int, int]) -> np.ndarray:
    return np.ones((3, 8, 8), np.float32) * np.array(colour, np.float32)[:, None, None]


@pytest.mark.parametrize(
    ("colour", "expected"),
    [((9, 9, 9), 0), ((255, 0, 0), 1), ((200, 100, 150), 0.5), ((0,) * 3, 0)],
)
def test_saturation_is_that_of_hsv(colour: tuple[int, int, int], expected: float) -> None:
    assert saturation(flat(colour)) == pytest.approx(expected)


def test_grey_has_no_colourfulness() -> None:
    assert colourfulness(flat((77, 77, 77))) == 0


def test_colourfulness_of_one_colour_is_the_mean_term() -> None:
    # red - green = 255, yellow - blue = 127.5: 0.3 * sqrt(255^2 + 127.5^2)
    assert colourfulness(flat((255, 0, 0))) == pytest.approx(85.5296, abs=1e-3)


def test_colourfulness_of_half_red_half_cyan_is_the_spread() -> None:
    pixels = flat((255, 0, 0))
    pixels[:, :, 4:] = flat((0, 255, 255))[:, :, 4:]
    # rg = +-255 (sd 255, mean 0), yb = +-127.5 (sd 127.5, mean 0)
    assert colourfulness(pixels) == pytest.approx(285.0987, abs=1e-3)


def test_a_smooth_ramp_is_not_sharp() -> None:
    ramp = np.ones((3, 8, 8), np.float32) * np.arange(8, dtype=np.float32)
    assert sharpness(ramp) == pytest.approx(0, abs=1e-9)


def test_sharpness_of_one_bright_pixel() -> None:
    pixels = np.zeros((3, 5, 5), np.float32)
    pixels[:, 2, 2] = 9
    # the Laplacian on the inner 3 x 3: -36 in the middle, 9 beside it four times, 0 else
    assert sharpness(pixels) == pytest.approx((36**2 + 4 * 9**2) / 9)


def test_a_picture_too_small_for_a_laplacian_has_no_sharpness() -> None:
    assert sharpness(np.zeros((3, 2, 9), np.float32)) == 0


def test_guards_are_the_same_for_any_mode_of_a_grey_picture() -> None:
    grey = PIL.Image.new("L", (8, 8), 77)
    assert guards(grey) == guards(grey.convert("RGB"))
