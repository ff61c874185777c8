"""The forest: trunks all around, ferns, fallen leaves and toadstools.

>>> merge(furnish_forest(Plot(), rng))
"""

import numpy as np

from miniature.scenes.geometry import (
    Floats,
    Mesh,
    blob,
    cone,
    cylinder,
    flat_mesh,
    merge,
    scatter,
)
from miniature.scenes.plot import Plot
from miniature.scenes.subjects.parts import Colour

BARK: Colour = (0.13, 0.085, 0.05)
FERN: Colour = (0.05, 0.19, 0.03)
CROWN: Colour = (0.035, 0.13, 0.025)
LEAVES = np.array([(0.30, 0.14, 0.03), (0.34, 0.20, 0.05), (0.20, 0.10, 0.03)])


def furnish_forest(plot: Plot, rng: np.random.Generator) -> list[Mesh]:
    """What grows there; in the studio, only what is small."""
    ferns = plot.places(46, 5.0, rng)
    litter = plot.places(220, 6.0, rng) + np.array([0, 0.02, 0])
    sizes = rng.uniform(0.05, 0.11, (len(litter), 1)) * [1, 0.3, 1]
    things = [
        scatter(_fern(), ferns, rng.uniform(0.35, 0.75, (len(ferns), 1)), rng.uniform(0, 6.3)),
        scatter(cone(5), litter, sizes, 0.0, LEAVES[rng.integers(len(LEAVES), size=len(litter))]),
    ]
    if plot.radius is None:
        things += [_trees(_beside(plot, rng)), _trees(_behind(rng))]
    else:
        things.append(_trees(_beside(plot, rng)[:4], height=0.3))
    return things


def _fern() -> Mesh:
    fronds = []
    for turn in np.arange(7) / 7 * 360:
        outline = [(0.05, 0.05, -0.09), (0.05, 0.05, 0.09), (0.55, 0.42, 0.11), (0.55, 0.42, -0.11)]
        frond = flat_mesh([*outline, (1.0, 0.16, 0.0)], [(0, 1, 2), (0, 2, 3), (3, 2, 4)])
        fronds.append(frond.turned("y", turn))
    return merge(fronds).painted(FERN)


def _beside(plot: Plot, rng: np.random.Generator) -> Floats:
    """Trunks close by, left, right and behind, none between camera and subject."""
    turns = np.array([200, 232, 270, 305, 338, 165, 15]) + rng.uniform(-9, 9, 7)
    away = plot.clear + rng.uniform(0.9, 2.4, 7)
    places = np.stack(
        [away * np.cos(np.radians(turns)), 0 * away - 0.1, away * np.sin(np.radians(turns))], 1
    )
    return places if plot.radius is None else places * (plot.radius - 0.3) / away[:, None]


def _behind(rng: np.random.Generator) -> Floats:
    count = 64
    turns, away = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(36, 900, count))
    places = np.stack([away * np.cos(turns), 0 * away - 0.1, away * np.sin(turns)], 1)
    return places[~((places[:, 2] > 0) & (np.abs(places[:, 0]) < 3.5 + 0.25 * places[:, 2]))]


def _trees(places: Floats, height: float = 1.0) -> Mesh:
    trunk = cylinder(9).scaled(0.24, 6.5, 0.24).painted(BARK)
    crown = blob(np.random.default_rng(4), roughness=0.2, subdivisions=1).scaled(2.0, 1.7, 2.0)
    tree = merge([trunk, crown.moved(0, 7.2, 0).painted(CROWN)])
    turns = np.arange(len(places)) * 2.4
    sizes = (0.8 + 0.4 * np.sin(turns * 1.7) ** 2)[:, None] * np.array([1, height, 1]) * height**0.5
    return scatter(tree, places, sizes, turns)
