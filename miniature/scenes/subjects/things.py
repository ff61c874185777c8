"""Furniture, food and things of daily use."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from miniature.scenes.geometry import (
    Colour,
    Mesh,
    cylinder,
    flat_mesh,
    grid_faces,
    merge,
    revolve,
    scatter,
    sphere,
)
from miniature.scenes.subjects.parts import (
    CLOTH,
    COLOURS,
    DARK,
    WOOD,
    Builder,
    Subject,
    beam,
    shade,
)

RIBS = 8
CREAM: Colour = (0.86, 0.78, 0.62)
CHOCOLATE: Colour = (0.16, 0.07, 0.03)


def chair(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A wooden chair with a barred back."""
    wood = paint or (0.40, 0.21, 0.09)
    dark = shade(wood, 0.75)
    body = [beam((1.1, 0.12, 1.05), (0, 0.9, 0), wood)]
    for x in (-0.46, 0.46):
        body.append(beam((0.13, 0.92, 0.13), (x, 0, 0.44), dark))
        body.append(beam((0.13, 2.05, 0.13), (x, 0, -0.46), dark))
        body.append(beam((0.07, 0.08, 0.9), (x, 0.35, 0), dark))
    body += [beam((0.11, 0.75, 0.06), (x, 1.1, -0.46), wood) for x in (-0.22, 0, 0.22)]
    body.append(beam((1.05, 0.28, 0.12), (0, 1.78, -0.46), wood))
    return Subject(merge(body), merge([]))


def umbrella(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """An open umbrella in two tones that stands, leaning a little, on its hooked handle."""
    colour = paint or (0.02, 0.38, 0.42)
    other = shade(colour, 0.45) if paint else CREAM
    canopy = _canopy(rng.uniform(0.98, 1.08), rng.uniform(0.5, 0.6))
    centres = canopy.vertices[canopy.faces].mean(1)
    angles = np.arctan2(centres[:, 2], centres[:, 0]) % (2 * np.pi)
    odd = angles // (2 * np.pi / RIBS) % 2 == 1
    tones = np.repeat(np.where(odd[:, None], other, colour), 3, axis=0)
    hook = [
        (0.2 - 0.2 * np.cos(turn), 0.26 - 0.2 * np.sin(turn)) for turn in np.linspace(0, 3.4, 9)
    ]
    parts = [
        _tube([(0, 0.5), (0, 2.0)], 0.05).painted((0.5, 0.5, 0.52)),
        _tube([(0, 0.62), *hook], 0.075).painted(WOOD),
        _tube([(0, 2.0), (0, 2.2)], [0.07, 0.03]).painted(DARK),
    ]
    for turn in np.arange(RIBS) * 360 / RIBS:
        stay = _tube([(0.03, 1.25), (0.52, 1.74)], 0.022)
        parts.append(stay.painted((0.5, 0.5, 0.52)).turned("y", float(turn)))
    lean = float(rng.uniform(6, 12) * rng.choice((-1, 1)))
    body, trim = (mesh.turned("z", lean) for mesh in (canopy.painted(tones), merge(parts)))
    across = (body.vertices[:, 0].min() + body.vertices[:, 0].max()) / 2
    low = float(trim.vertices[:, 1].min())
    return Subject(body.moved(-across / 2, -low, 0), trim.moved(-across / 2, -low, 0))


def _canopy(reach: float, depth: float) -> Mesh:
    # A dome whose cloth sags between the ribs, and its edge most of all.
    count = RIBS * 6
    turns = np.arange(count) / count * 2 * np.pi
    slack = np.abs(np.sin(turns * RIBS / 2))
    out = np.array([1, 0.86, 0.66, 0.44, 0.22, 0])[:, None]
    radius = reach * out * (1 - 0.16 * slack * out**2)
    height = 2.06 - depth * out**2 + 0.1 * slack * out**4
    rings = [radius * np.cos(turns), height + 0 * radius, radius * np.sin(turns)]
    return flat_mesh(np.stack(rings, -1).reshape(-1, 3), grid_faces(len(out), count))


def _tube(path: Sequence[ArrayLike], radius: ArrayLike, sections: int = 10) -> Mesh:
    # Along a curve in the plane of x and y, closed at its ends.
    points = np.array(path, float)
    ways = np.gradient(points, axis=0)
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    inner = [0, *range(len(points)), len(points) - 1]
    reach = np.broadcast_to(radius, len(points))[inner, None].copy()
    reach[[0, -1]] = 0
    x, y = points[inner].T[..., None]
    along_x, along_y = ways[inner].T[..., None]
    turns = np.arange(sections) / sections * 2 * np.pi
    side, deep = reach * np.cos(turns), reach * np.sin(turns)
    rings = np.stack([x + along_y * side, y - along_x * side, deep], -1)
    return flat_mesh(rings.reshape(-1, 3), grid_faces(len(inner), sections))


def teapot(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A round teapot, its spout to the right of who stands before it."""
    glaze = paint or (0.82, 0.84, 0.86)
    band = COLOURS["blue"] if paint in (None, COLOURS["white"]) else CREAM
    tall = rng.uniform(0.95, 1.08)
    belly = ((0, 0), (0.42, 0), (0.44, 0.07), (0.60, 0.24), (0.72, 0.48), (0.75, 0.70))
    belly += ((0.68, 0.94), (0.52, 1.14), (0.40, 1.22), (0, 1.22))
    lid = ((0.44, 1.20), (0.44, 1.26), (0.36, 1.36), (0.20, 1.44), (0, 1.47))
    spout = [(0.55, 0.42), (0.78, 0.50), (0.92, 0.70), (1.0, 0.95), (1.14, 1.16), (1.2, 1.2)]
    handle = [(0.42 * np.cos(t) - 0.68, 0.72 + 0.4 * np.sin(t)) for t in np.linspace(1.2, 5.1, 13)]
    body = [
        revolve(belly, 28).painted(glaze),
        revolve(lid, 28).painted(glaze),
        _tube(spout, [0.25, 0.23, 0.17, 0.13, 0.12, 0.13], 12).painted(glaze),
        _tube(handle, 0.1, 10).painted(shade(glaze, 0.8)),
    ]
    trim = [
        revolve(((0.735, 0.50), (0.765, 0.60), (0.775, 0.70), (0.735, 0.84)), 28).painted(band),
        revolve(((0.44, 1.19), (0.47, 1.22), (0.44, 1.27)), 28).painted(band),
        revolve(((0.43, 0), (0.47, 0.0), (0.47, 0.06), (0.43, 0.09)), 28).painted(band),
        sphere(2).scaled(0.13, 0.13, 0.13).moved(0, 1.56, 0).painted(band),
        _tube([(1.14, 1.16), (1.2, 1.205)], 0.09).moved(0.01, 0.01, 0).painted(DARK),
    ]
    spots = np.arange(14) / 14 * 2 * np.pi
    places = np.stack([0.745 * np.cos(spots), np.full(14, 0.68), 0.745 * np.sin(spots)], 1)
    trim.append(scatter(sphere(1), places, 0.065, tints=CHOCOLATE if band == CREAM else glaze))
    return Subject(*(merge(part).scaled(0.92, 0.92 * tall, 0.92) for part in (body, trim)))


def cake(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A cake of three tiers on a plate, with dripping icing, candles and a cherry."""
    icing = paint or (0.86, 0.36, 0.46)
    sponge = CHOCOLATE if paint == COLOURS["white"] else CREAM
    plate = ((0, 0), (0.6, 0), (1.06, 0.08), (1.08, 0.13), (0.9, 0.1), (0, 0.1))
    trim = [revolve(plate, 28).painted(CLOTH)]
    body: list[Mesh] = []
    low = 0.08
    for radius, height in ((0.86, 0.58), (0.60, 0.46), (0.36, 0.38)):
        tall = height * float(rng.uniform(0.94, 1.06))
        top = low + tall
        trim.append(cylinder().scaled(radius, tall, radius).moved(0, low, 0).painted(sponge))
        body.append(_drips(radius, top, tall, rng).painted(icing))
        count = int(radius * 18)
        spots = np.arange(count) / count * 2 * np.pi
        out = radius + 0.02
        ring = np.stack([out * np.cos(spots), low + 0.05 + 0 * spots, out * np.sin(spots)], 1)
        body.append(scatter(sphere(1), ring, 0.085, tints=shade(icing, 0.8)))
        trim.append(_sprinkles(radius, top + 0.04, rng))
        low = top
    for turn in np.arange(5) * 72 + 18:
        candle = merge(
            [
                cylinder(8).scaled(0.045, 0.3, 0.045).painted(COLOURS["blue"]),
                cylinder(8).scaled(0.048, 0.08, 0.048).moved(0, 0.11, 0).painted(CLOTH),
                sphere(1).scaled(0.06, 0.11, 0.06).moved(0, 0.41, 0).painted((0.9, 0.48, 0.03)),
            ]
        )
        trim.append(candle.moved(0.26, low, 0).turned("y", float(turn)))
    trim.append(sphere(2).scaled(0.12, 0.12, 0.12).moved(0, low + 0.12, 0).painted((0.6, 0, 0.03)))
    return Subject(merge(body), merge(trim))


def _drips(radius: float, top: float, tall: float, rng: np.random.Generator) -> Mesh:
    # A lid of icing that hangs down the side of a tier in tongues of different lengths.
    tongues = int(radius * 16)
    count = tongues * 4
    turns = np.arange(count) / count * 2 * np.pi
    lengths = np.repeat(rng.uniform(0.4, 0.72, tongues), 4) * np.tile(
        [0.35, 0.85, 1, 0.85], tongues
    )
    hang = tall * lengths
    outline = [(radius, hang), (radius + 0.035, hang - 0.02), (radius + 0.035, 0.02 + 0 * hang)]
    outline += [(radius - 0.02, -0.035 + 0 * hang), (0, -0.035 + 0 * hang)]
    rings = [np.stack([r * np.cos(turns), top - h, r * np.sin(turns)], -1) for r, h in outline]
    return flat_mesh(np.concatenate(rings), grid_faces(len(rings), count))


def _sprinkles(radius: float, height: float, rng: np.random.Generator) -> Mesh:
    count = int(radius * 24)
    turns = (np.arange(count) + rng.uniform(0, 0.6, count)) / count * 2 * np.pi
    out = (radius - 0.06) * rng.uniform(0.85, 1, count)
    places = np.stack([out * np.cos(turns), np.full(count, height), out * np.sin(turns)], 1)
    tints = np.array([COLOURS["white"], COLOURS["blue"], COLOURS["yellow"]])
    return scatter(sphere(0), places, [0.045, 0.03, 0.045], tints=tints[np.arange(count) % 3])


BUILDERS: dict[str, Builder] = {
    "chair": chair,
    "umbrella": umbrella,
    "teapot": teapot,
    "cake": cake,
}
