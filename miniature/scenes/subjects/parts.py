"""What subjects are made of: colours, the two parts of a subject, stones and beams."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from miniature import attributes
from miniature.scenes.geometry import Colour, Floats, Mesh, blob, box, waves

COLOURS: dict[attributes.Colour, Colour] = {
    "red": (0.62, 0.04, 0.035),
    "orange": (0.82, 0.26, 0.02),
    "yellow": (0.82, 0.62, 0.05),
    "green": (0.06, 0.40, 0.08),
    "blue": (0.04, 0.14, 0.62),
    "purple": (0.28, 0.06, 0.48),
    "white": (0.82, 0.82, 0.80),
    "pink": (0.86, 0.32, 0.46),
}
WOOD: Colour = (0.22, 0.12, 0.06)
STONE: Colour = (0.32, 0.30, 0.28)
MOSS: Colour = (0.10, 0.30, 0.03)
DARK: Colour = (0.03, 0.03, 0.035)
CLOTH: Colour = (0.82, 0.80, 0.74)
GLASS: Colour = (0.10, 0.16, 0.24)


@dataclass(frozen=True)
class Subject:
    """The part that is coloured and the part that is not."""

    body: Mesh
    trim: Mesh

    @property
    def points(self) -> Floats:
        """All vertices (n, 3)."""
        return np.concatenate([self.body.vertices, self.trim.vertices])


Builder = Callable[[Colour | None, np.random.Generator], Subject]
"""Builds a subject that looks along +z, in a colour or, without one, in its natural colours."""


def shade(colour: Colour, factor: float) -> Colour:
    """A lighter or darker version of a colour."""
    red, green, blue = (min(channel * factor, 0.9) for channel in colour)
    return red, green, blue


def beam(size: Colour, place: Colour, colour: Colour) -> Mesh:
    """A box of a size (x, y, z) that stands on a place."""
    return box().scaled(*size).moved(*place).painted(colour)


def boulder(
    rng: np.random.Generator, colour: Colour, *, mossy: bool, subdivisions: int = 3
) -> Mesh:
    """A unit stone, a little squashed, its upward faces green if it is mossy."""
    stone = blob(rng, roughness=0.1, subdivisions=subdivisions).scaled(1, 0.78, 1)
    grain = 1 + waves(stone.vertices, rng, amplitude=0.2, low=3, high=12)[:, None]
    colours = np.asarray(colour) * grain
    if mossy:
        edge = stone.normals[:, 1:2] + waves(stone.vertices, rng, amplitude=0.35)[:, None]
        cover = np.clip(edge * 4 + 0.6, 0, 1)
        colours = colours * (1 - cover) + np.asarray(MOSS) * grain * cover
    return stone.painted(np.clip(colours, 0.01, 0.9))
