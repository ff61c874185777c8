"""The room: planks, a rug, a wall with a window and a picture.

    >>> merge(furnish_room(Plot(), rng))

There is no ceiling and no wall behind the camera, and the side walls are glazed all along: that is
where daylight comes in.
"""

import numpy as np

from miniature.scenes.geometry import Colour, Mesh, box, cylinder, merge, revolve, scatter, sphere
from miniature.scenes.plot import Plot
from miniature.scenes.subjects.parts import CLOTH, COLOURS, DARK, WOOD

LEAF: Colour = (0.06, 0.22, 0.05)
WALLS: tuple[Colour, ...] = (
    (0.62, 0.56, 0.44),
    (0.34, 0.46, 0.50),
    (0.55, 0.34, 0.28),
    (0.62, 0.62, 0.60),
    (0.42, 0.50, 0.36),
)


def furnish_room(plot: Plot, rng: np.random.Generator) -> list[Mesh]:
    """Floor, walls and furniture; in the studio, the model of a room's corner."""
    wall = WALLS[rng.integers(len(WALLS))]
    floor = [_planks(plot.radius or 12.0, rng), _rug(rng)]
    if plot.radius is not None:
        return [*floor, *_studio_wall(wall, plot.radius, rng)]
    side = 1 if rng.random() < 0.5 else -1
    walls = [_back_wall(wall, side, rng, big_window=plot.big_window)]
    walls += [_side_wall(wall).moved(x, 0, 0) for x in (-6.5, 6.5)]
    return [*floor, *walls, _plant().moved(-side * 3.6, 0, -3.5)]


def _rug(rng: np.random.Generator) -> Mesh:
    colour = np.array(list(COLOURS.values())[rng.integers(len(COLOURS))])
    border = cylinder(28).scaled(1.65, 0.015, 1.65).painted(colour * 0.6)
    inside = cylinder(28).scaled(1.45, 0.02, 1.45).painted(colour * 0.35 + 0.25)
    return merge([border, inside])


def _studio_wall(colour: Colour, half: float, rng: np.random.Generator) -> list[Mesh]:
    wall = _wall(colour, half, 2.9, window=(-0.55 * half, 1.0, 1.3, 1.3)).moved(0, 0, -half)
    return [wall, _picture(rng).moved(0.45 * half, 1.5, 0.1 - half)]


def _back_wall(colour: Colour, side: int, rng: np.random.Generator, *, big_window: bool) -> Mesh:
    window = (0.0, 0.35, 4.6, 5.2) if big_window else (side * 2.3, 1.3, 2.0, 2.2)
    parts = [_wall(colour, 9.0, 16.0, window=window).moved(0, 0, -4.2)]
    if not big_window:
        parts.append(_picture(rng).moved(-side * 2.0, 2.0, -4.1))
    return merge(parts)


def _plant() -> Mesh:
    pot = revolve(((0, 0), (0.3, 0), (0.4, 0.6), (0, 0.6)), 14).painted((0.5, 0.2, 0.1))
    places = np.array([(0, 1.0, 0), (0.2, 1.3, 0.1), (-0.2, 1.35, 0)])
    return merge([pot, scatter(sphere(1), places, 0.42, tints=LEAF)])


def _planks(half: float, rng: np.random.Generator) -> Mesh:
    rows = np.arange(-half, half, 0.45)
    lengths = max(2, round(half))
    x = np.linspace(-half, half, lengths, endpoint=False) + half / lengths
    across, along = (grid.ravel() for grid in np.meshgrid(rows + 0.22, x))
    places = np.stack([along, np.full(along.size, -0.05), across], 1)
    tints = np.array([0.34, 0.19, 0.085]) * rng.uniform(0.72, 1.25, (along.size, 1))
    gap = box().scaled(2 * half, 0.03, 2 * half).moved(0, -0.045, 0).painted(DARK)
    return merge([scatter(box(), places, [2 * half / lengths - 0.03, 0.05, 0.42], 0.0, tints), gap])


def _wall(
    colour: Colour, half: float, height: float, *, window: tuple[float, float, float, float]
) -> Mesh:
    x, sill, wide, tall = window
    left, right = x - wide / 2, x + wide / 2
    parts = [
        _panel(-half, left, 0, height),
        _panel(right, half, 0, height),
        _panel(left, right, 0, sill),
        _panel(left, right, sill + tall, height),
    ]
    panels = [part.painted(colour) for part in parts]
    bars = [
        _panel(left, right, sill + tall * share - 0.05, sill + tall * share + 0.05)
        for share in (0.0, 0.5, 1.0)
    ]
    bars += [_panel(edge - 0.05, edge + 0.05, sill, sill + tall) for edge in (left, x, right)]
    skirting = _panel(-half, half, 0, 0.18).scaled(1, 1, 1.5)
    trim = [bar.scaled(1, 1, 1.3).painted(CLOTH) for bar in [*bars, skirting]]
    return merge(panels + trim)


def _panel(left: float, right: float, bottom: float, top: float) -> Mesh:
    return box().scaled(right - left, top - bottom, 0.15).moved((left + right) / 2, bottom, 0)


def _side_wall(colour: Colour) -> Mesh:
    posts = [_panel(z - 0.09, z + 0.09, 0, 4.6).painted(CLOTH) for z in np.arange(-4, 6, 1.7)]
    bands = [_panel(-4.2, 6, 0, 0.35).painted(colour), _panel(-4.2, 6, 4.2, 4.6).painted(colour)]
    return merge([*posts, *bands]).turned("y", 90)


def _picture(rng: np.random.Generator) -> Mesh:
    paint = list(COLOURS.values())[rng.integers(len(COLOURS))]
    frame = box().scaled(1.2, 0.95, 0.08).painted(WOOD)
    canvas = box().scaled(1.0, 0.75, 0.1).moved(0, 0.1, 0).painted(np.array(paint) * 0.7)
    spot = sphere(2).scaled(0.22, 0.22, 0.06).moved(0.1, 0.45, 0.03).painted(CLOTH)
    return merge([frame, canvas, spot])
