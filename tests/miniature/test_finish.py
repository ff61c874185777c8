from collections import Counter

import numpy as np

from miniature.attributes import sample
from miniature.finish import Finish, draw_finish, finished


def picture() -> np.ndarray:
    """A red disc on blue, with soft shading."""
    rows, columns = np.mgrid[:64, :64]
    inside = (rows - 32) ** 2 + (columns - 32) ** 2 < 400
    shaded = (120 + rows)[..., None] * np.where(inside[..., None], (1, 0.3, 0.3), (0.3, 0.4, 1))
    return shaded.clip(0, 255).astype(np.uint8)


def saturation(shown: np.ndarray) -> float:
    return float(np.ptp(shown.astype(float), axis=-1).mean())


def test_a_plain_finish_changes_nothing():
    assert np.abs(finished(picture(), Finish()).astype(int) - picture()).max() <= 1


def test_digital_art_is_more_saturated_and_has_fewer_shades():
    drawn = finished(picture(), Finish("digital art"))

    assert drawn.shape == picture().shape
    assert drawn.dtype == np.uint8
    assert saturation(drawn) > 1.3 * saturation(picture())
    steps = np.abs(np.diff(drawn[:10, 5].mean(-1)))
    assert np.median(steps) <= np.median(np.abs(np.diff(picture()[:10, 5].mean(-1)))) + 1


def test_a_finish_names_what_it_makes():
    named = Finish("digital art", "pastel").of(sample(np.random.default_rng(0)))

    assert (named.look, named.palette) == ("digital art", "pastel")


def test_finishes_are_drawn_with_their_shares():
    rng = np.random.default_rng(0)
    drawn = [draw_finish(rng) for _ in range(2000)]
    palettes = Counter(finish.palette for finish in drawn)

    assert abs(palettes["natural"] / 2000 - 0.4) < 0.04
    assert abs(sum(f.look == "digital art" for f in drawn) / 2000 - 0.25) < 0.04
