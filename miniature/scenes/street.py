"""The street: a zebra crossing, pavements, house fronts with windows, lamp posts.

>>> merge(furnish_street(Plot(), rng))
"""

import numpy as np

from miniature.scenes.geometry import Colour, Mesh, box, cylinder, merge, scatter, sphere
from miniature.scenes.plot import Plot
from miniature.scenes.subjects.parts import DARK

PAINT: Colour = (0.80, 0.80, 0.78)
PAVEMENT: Colour = (0.34, 0.33, 0.32)
FRONTS = np.array(
    [
        (0.46, 0.22, 0.16),
        (0.62, 0.52, 0.38),
        (0.38, 0.42, 0.46),
        (0.55, 0.36, 0.24),
        (0.30, 0.30, 0.33),
    ]
)
PANES = np.array([(0.06, 0.10, 0.15), (0.75, 0.55, 0.20), (0.10, 0.16, 0.22)])


def furnish_street(plot: Plot, rng: np.random.Generator) -> list[Mesh]:
    """Crossing, pavements and houses; in the studio, a model without houses."""
    half = plot.radius or 14.0
    bars = np.arange(-int(half / 0.9), int(half / 0.9) + 1) * 0.9
    bars = bars[np.abs(bars) < half * 0.85]
    reach = min(plot.clear + 0.5, 0.62 * half)
    zebra = np.array([(x, 0.004, 0.0) for x in bars])
    things = [scatter(box().painted(PAINT), zebra, [0.45, 0.012, 2 * reach])]
    if plot.radius is not None:
        return things
    side = plot.clear + 2.4
    kerb = box().scaled(60, 0.14, 3.0).painted(PAVEMENT)
    things.append(kerb.moved(0, 0, -side - 1.5))
    for row in (-1, 1):
        walk = box().scaled(2.6, 0.14, 40).painted(PAVEMENT)
        things.append(walk.moved(row * (side + 4.6), 0, -18.0 - side))
    x = -16.0
    while x < 16:
        width = rng.uniform(3.4, 5.2)
        things.append(_house(width, rng).moved(x + width / 2, 0, -side - 3.0))
        x += width + 0.08
    for row in (-1, 1):
        post = _post().moved(row * (plot.clear + 1.5 + rng.uniform(0, 0.6)), 0, -side - 0.3)
        things.append(post)
    return things


def _house(width: float, rng: np.random.Generator) -> Mesh:
    floors = int(rng.integers(3, 7))
    height = 1.1 + 1.35 * floors
    front = FRONTS[rng.integers(len(FRONTS))] * rng.uniform(0.8, 1.15)
    block = box().scaled(width, height, 3.0).moved(0, 0, -1.5).painted(front)
    roof = box().scaled(width + 0.2, 0.22, 3.3).moved(0, height, -1.5).painted(front * 0.5)
    columns = max(2, round(width / 1.25))
    across = (np.arange(columns) + 0.5) / columns * width - width / 2
    grid = np.array([(x, 1.5 + 1.35 * y, 0.0) for y in range(floors) for x in across])
    lit = PANES[rng.choice(3, size=len(grid), p=(0.55, 0.2, 0.25))]
    frames = scatter(box(), grid - [0, 0.06, 0], [0.72, 0.92, 0.06], 0.0, front * 0.45 + 0.3)
    panes = scatter(box(), grid, [0.58, 0.80, 0.10], 0.0, lit)
    door = box().scaled(0.8, 1.15, 0.12).moved(across[0], 0, 0).painted(DARK)
    shop = box().scaled(width - 1.6, 0.85, 0.10).moved(0.6, 0.25, 0).painted(PANES[1] * 0.7)
    return merge([block, roof, frames, panes, door, shop])


def _post() -> Mesh:
    pole = cylinder(8).scaled(0.07, 3.6, 0.07).painted(DARK)
    arm = cylinder(6).scaled(0.05, 0.7, 0.05).turned("x", 90).moved(0, 3.55, 0).painted(DARK)
    bulb = sphere(1).scaled(0.2, 0.16, 0.2).moved(0, 3.45, 0.65).painted((0.9, 0.8, 0.5))
    return merge([pole, arm, bulb])
