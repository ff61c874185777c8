"""The ground of each environment, and the floor of the studio.

    >>> land("desert", rng)

Outdoors the ground is a round that rises to hills far out; in the studio it is a disc with a rim.
"""

import numpy as np

from miniature.attributes import Environment
from miniature.scenes.geometry import (
    Colour,
    Floats,
    Mesh,
    flat_mesh,
    grid_faces,
    revolve,
    smooth_mesh,
    waves,
)

HORIZON = 80.0
GREY: Colour = (0.16, 0.16, 0.165)
GROUND: dict[Environment, tuple[Colour, Colour]] = {
    "meadow": ((0.08, 0.26, 0.03), (0.22, 0.36, 0.06)),
    "desert": ((0.66, 0.42, 0.19), (0.80, 0.55, 0.28)),
    "lake": ((0.015, 0.07, 0.12), (0.02, 0.10, 0.15)),
    "snow": ((0.80, 0.84, 0.90), (0.88, 0.90, 0.93)),
    "room": ((0.10, 0.16, 0.05), (0.16, 0.22, 0.08)),
    "forest": ((0.055, 0.085, 0.02), (0.17, 0.115, 0.05)),
    "beach": ((0.80, 0.68, 0.46), (0.88, 0.78, 0.58)),
    "street": ((0.075, 0.075, 0.082), (0.11, 0.11, 0.115)),
}
HILLS: dict[Environment, float] = {
    "meadow": 3.5,
    "desert": 4.5,
    "lake": 0,
    "snow": 3,
    "room": 0,
    "forest": 3,
    "beach": 0,
    "street": 0,
}


def land(name: Environment, rng: np.random.Generator, *, radius: float | None = None) -> Mesh:
    """A round of ground, rising to hills far out; with a radius, a disc with a rim."""
    sections = 64
    rings = np.concatenate([[0.01], np.linspace(0.4, 6, 18), np.geomspace(6.5, HORIZON, 18)])
    if radius is not None:
        rings = np.concatenate([[0.01], np.linspace(0.3, radius, 16), [radius * 0.97]])
    turns = np.arange(sections) / sections * 2 * np.pi
    away = np.repeat(rings, sections)
    x, z = (rings[:, None] * np.cos(turns)).ravel(), (rings[:, None] * np.sin(turns)).ravel()
    flat = np.stack([x, np.zeros_like(x), z], 1)
    rise = np.clip((away - 15) / 22, 0, 1) * HILLS[name]
    height = rise * (waves(flat * 0.08, rng, amplitude=0.5) + 0.25) + _relief(name, flat, rng)
    if radius is not None:
        height[-sections:] = -0.3
    vertices = np.stack([x, height, z], 1)
    faces = grid_faces(len(rings), sections)[:, ::-1]
    blend = np.clip(0.5 + waves(flat * 0.6, rng, amplitude=0.6), 0, 1)[:, None]
    dark, light = np.array(GROUND[name])
    colours = dark * (1 - blend) + light * blend
    if name == "lake":
        return smooth_mesh(vertices, _ripples(flat, rng), faces).painted(colours)
    return flat_mesh(vertices, faces).painted(colours[faces].reshape(-1, 3))


def _relief(name: str, flat: Floats, rng: np.random.Generator) -> Floats:
    near = np.clip((np.linalg.norm(flat, axis=1) - 0.6), 0, 1) * 0.03
    if name == "desert":
        bend = waves(flat * 0.12, rng, amplitude=1.2)
        return near * np.sin(flat[:, 0] * 2.2 + flat[:, 2] * 4.0 + bend * 3)
    return (
        near * waves(flat, rng, amplitude=1.0) if name in ("meadow", "snow", "forest") else 0 * near
    )


def _ripples(flat: Floats, rng: np.random.Generator) -> Floats:
    calm = np.exp(-np.linalg.norm(flat, axis=1, keepdims=True) / 12)
    slopes = np.stack([waves(flat, rng, amplitude=each) for each in (0.06, 0.09)], 1) * calm
    normals = np.stack([slopes[:, 0], np.ones(len(flat)), slopes[:, 1]], 1)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def studio_floor(drop: float, distance: float) -> Mesh:
    """A grey floor that bends up into a wall all round, seen from its inside at a distance."""
    outline = ((0.01, 0), (18, 0), (20.5, 0.7), (22, 2.5), (22.5, 5), (22.5, 40))
    size = max(1.0, (distance + 2) / 20)
    bowl = revolve(outline, 48).scaled(size, size, size).moved(0, -drop, 0).painted(GREY)
    return smooth_mesh(bowl.vertices, -bowl.normals, bowl.faces[:, ::-1]).painted(GREY)
