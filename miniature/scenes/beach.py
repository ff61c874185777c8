"""The beach: a sea behind the subject, palms, shells and starfish.

>>> merge(furnish_beach(Plot(), rng))
"""

import numpy as np

from miniature.scenes.geometry import (
    Colour,
    Floats,
    Mesh,
    cone,
    cylinder,
    flat_mesh,
    merge,
    scatter,
    smooth_mesh,
    sphere,
    waves,
)
from miniature.scenes.plot import Plot

SHALLOWS = np.array((0.05, 0.48, 0.46))
DEEP = np.array((0.012, 0.12, 0.30))
FOAM = np.array((0.88, 0.92, 0.92))
PALM: Colour = (0.05, 0.25, 0.04)
TRUNK: Colour = (0.33, 0.22, 0.12)
SHELLS = np.array([(0.85, 0.72, 0.62), (0.85, 0.45, 0.40), (0.80, 0.80, 0.76)])


def furnish_beach(plot: Plot, rng: np.random.Generator) -> list[Mesh]:
    """Sea, palms and what the sea has left; in the studio, a piece of it."""
    shells, stars = plot.places(40, 4.5, rng), plot.places(12, 3.5, rng)
    tints = SHELLS[rng.integers(len(SHELLS), size=len(shells))]
    things = [
        scatter(sphere(1), shells, [0.07, 0.05, 0.06], 0.0, tints),
        scatter(_starfish(), stars, 0.2, rng.uniform(0, 6, len(stars)), (0.85, 0.28, 0.12)),
        _sea(plot, rng),
    ]
    side = 1 if rng.random() < 0.5 else -1
    if plot.radius is None:
        for x, z, size in ((side * 2.3, -0.6, 1.0), (-side * 3.6, 0.2, 1.15), (side * 5, -1, 0.9)):
            palm = _palm(rng).scaled(size, size, size)
            things.append(palm.moved(x + side * np.sign(x) * plot.clear * 0.5, -0.05, z))
    else:
        things.append(_palm(rng).scaled(0.42, 0.42, 0.42).moved(side * plot.radius * 0.78, 0, 0))
    return things


def _starfish() -> Mesh:
    arms = [cone(4).scaled(0.22, 1.0, 0.12).turned("x", 90).turned("y", 72 * i) for i in range(5)]
    return merge(arms)


def _sea(plot: Plot, rng: np.random.Generator) -> Mesh:
    """Water from a wavy line behind the subject to the horizon, with a strip of foam."""
    far = 80.0 if plot.radius is None else plot.radius
    across = np.linspace(-1, 1, 56)
    along = np.concatenate([[0, 0.1, 0.22], np.geomspace(0.5, far, 26)])
    shore = 0.45 * plot.clear + 0.22 * np.sin(across * 16 + rng.uniform(0, 6))
    reach = 80.0 if plot.radius is None else 1.0
    x = np.sign(across) * np.abs(across) ** (2.2 if plot.radius is None else 1.0) * reach
    if plot.radius is not None:
        half = np.sqrt(np.maximum(far**2 - (0.45 * plot.clear) ** 2, 0.1))
        x = across * half
    grid_x = np.broadcast_to(x, (len(along), len(x)))
    grid_z = -(shore[None] + along[:, None])
    if plot.radius is not None:
        limit = np.sqrt(np.maximum(far**2 - grid_x**2, 0.0))
        grid_z = np.maximum(grid_z, -limit)
    points = np.stack([grid_x, np.full_like(grid_z, 0.035), grid_z], -1).reshape(-1, 3)
    depth = np.clip(np.repeat(along, len(x)) / 9, 0, 1)[:, None]
    colours = SHALLOWS * (1 - depth) + DEEP * depth
    foam = np.repeat(along < 0.15, len(x))[:, None]
    swell = 0.12 + 0.25 * (waves(points * [0.5, 0, 2.0], rng, amplitude=1.0) > 1.1)[:, None] * ~foam
    colours = np.where(foam, FOAM, colours * (1 - swell * 0.4) + FOAM * swell * 0.4)
    return smooth_mesh(points, _ripples(points, rng), _grid(len(along), len(x))).painted(colours)


def _ripples(points: Floats, rng: np.random.Generator) -> Floats:
    calm = np.exp(-np.linalg.norm(points, axis=1, keepdims=True) / 14)
    slope = waves(points * [0.7, 0, 2.4], rng, amplitude=0.16)[:, None] * calm
    normals = np.concatenate([0 * slope, np.ones_like(slope), slope], 1)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _grid(rows: int, columns: int) -> np.ndarray:
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    second, below = first + 1, first + columns
    return np.concatenate(
        [np.stack([first, second, below], 1), np.stack([second, below + 1, below], 1)]
    )


def _palm(rng: np.random.Generator) -> Mesh:
    lean = rng.uniform(-0.35, 0.35)
    parts, height = [], 0.0
    for step in range(6):
        ring = cylinder(8).scaled(0.15 - 0.012 * step, 0.62, 0.15 - 0.012 * step)
        parts.append(ring.moved(lean * (step / 5) ** 2 * 1.6, height, 0).painted(TRUNK))
        height += 0.6
    top = np.array([lean * 1.6, height, 0])
    for turn in np.arange(8) * 45 + rng.uniform(0, 45):
        outline = [(0, 0, -0.08), (0, 0, 0.08), (0.8, 0.28, 0.24), (0.8, 0.28, -0.24)]
        leaf = flat_mesh([*outline, (1.6, -0.3, 0)], [(0, 1, 2), (0, 2, 3), (3, 2, 4)])
        parts.append(leaf.turned("y", float(turn)).moved(*top).painted(PALM))
    nuts = top + np.array([(0.14, -0.12, 0.1), (-0.12, -0.14, 0.08), (0.02, -0.15, -0.15)])
    parts.append(scatter(sphere(1), nuts, 0.12, tints=(0.20, 0.11, 0.05)))
    return merge(parts)
