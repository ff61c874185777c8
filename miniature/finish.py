"""What is done to a finished picture: first its look, then its palette.

finish = draw_finish(rng)
shown, named = finished(picture, finish), finish.of(attributes)
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from miniature.attributes import PALETTES, Attributes, Look, Palette
from miniature.look import draw_in
from miniature.palette import grade

NATURAL_SHARE, DIGITAL_SHARE = 0.4, 0.25


@dataclass(frozen=True)
class Finish:
    """A look and a palette."""

    look: Look = "photographic"
    palette: Palette = "natural"

    def of(self, attributes: Attributes) -> Attributes:
        """What a scene shows when it is finished so."""
        return replace(attributes, look=self.look, palette=self.palette)


def draw_finish(rng: np.random.Generator, natural: float = NATURAL_SHARE) -> Finish:
    """Natural as often as `natural` says, else any other palette; digital art one time in four."""
    palette: Palette = "natural"
    if rng.random() >= natural:
        palette = PALETTES[rng.integers(1, len(PALETTES))]
    return Finish("digital art" if rng.random() < DIGITAL_SHARE else "photographic", palette)


def finished(picture: NDArray[np.uint8], finish: Finish) -> NDArray[np.uint8]:
    """One picture, uint8 (size, size, 3), in a finish."""
    return grade(draw_in(picture, finish.look), finish.palette)
