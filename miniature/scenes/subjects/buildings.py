"""What people build and live in."""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from miniature.scenes.geometry import (
    Colour,
    Floats,
    Mesh,
    box,
    cone,
    cylinder,
    flat_mesh,
    merge,
    prism,
    revolve,
    scatter,
    sphere,
)
from miniature.scenes.subjects.parts import (
    CLOTH,
    COLOURS,
    DARK,
    GLASS,
    STONE,
    WOOD,
    Builder,
    Subject,
    beam,
    boulder,
    shade,
)


def house(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A cottage with a gabled roof and a chimney."""
    wall = paint or (0.72, 0.64, 0.50)
    roof = shade(wall, 0.62) if paint else (0.42, 0.11, 0.06)
    trim = [
        beam((0.36, 0.66, 0.06), (0, 0, 0.66), WOOD),
        beam((0.26, 0.75, 0.26), (0.5, 1.35, -0.2), (0.34, 0.15, 0.10)),
        beam((0.34, 0.08, 0.34), (0.5, 2.1, -0.2), DARK),
        beam((0.12, 0.07, 1.7), (0, 1.92, 0), CLOTH),
        beam((0.6, 0.08, 0.3), (0, 0, 0.8), STONE),
    ]
    for x in (-0.56, 0.56):
        trim.append(beam((0.38, 0.38, 0.05), (x, 0.46, 0.65), CLOTH))
        trim.append(beam((0.30, 0.30, 0.06), (x, 0.50, 0.66), GLASS))
    for x in (-0.86, 0.86):
        trim.append(beam((0.05, 0.36, 0.4), (x, 0.46, 0), GLASS))
    body = [
        beam((1.7, 1.1, 1.3), (0, 0, 0), wall),
        prism().scaled(1.68, 0.82, 1.28).moved(0, 1.1, 0).painted(wall),
        *(_roof_side(side, roof) for side in (-1, 1)),
    ]
    return Subject(merge(body), merge(trim))


def _roof_side(side: int, colour: Colour) -> Mesh:
    slope = box().scaled(1.36, 0.09, 1.66).moved(0.66, 0, 0).painted(colour)
    return slope.turned("z", -43).moved(0, 1.87, 0).scaled(side, 1, 1)


def tower(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A castle's round tower with battlements and a pointed roof."""
    wall = paint or (0.46, 0.43, 0.38)
    roof = shade(wall, 0.5) if paint else (0.30, 0.08, 0.06)
    outline = ((0, 0), (0.72, 0), (0.62, 0.25), (0.54, 0.6), (0.52, 1.9), (0.74, 2.1), (0.74, 2.3))
    body = [
        revolve((*outline, (0.6, 2.3), (0.6, 2.16), (0, 2.16)), 20).painted(wall),
        cylinder().scaled(0.38, 0.4, 0.38).moved(0, 2.16, 0).painted(shade(wall, 0.85)),
        cone(16).scaled(0.5, 0.62, 0.5).moved(0, 2.5, 0).painted(roof),
    ]
    turns = np.arange(8) / 8 * 2 * np.pi
    places = np.stack([0.67 * np.cos(turns), np.full(8, 2.3), 0.67 * np.sin(turns)], 1)
    body.append(scatter(box().painted(wall), places, [0.14, 0.2, 0.26], -turns))
    trim = [beam((0.34, 0.55, 0.2), (0, 0, 0.5), WOOD)]
    for degrees, height in ((0, 1.3), (25, 0.9), (-35, 1.6), (60, 1.45)):
        slit = beam((0.13, 0.3, 0.1), (0, height, 0.5), DARK)
        trim.append(slit.turned("y", degrees))
    return Subject(merge(body), merge(trim))


def lighthouse(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A white tower with broad bands, a lantern above its gallery and rocks round its foot."""
    red = paint or COLOURS["red"]
    white, foot, head, top = (0.84, 0.83, 0.80), rng.uniform(0.47, 0.54), 0.31, 1.5
    rail = ((0.45, 0), (0.5, 0), (0.5, 0.05), (0.45, 0.05), (0.45, 0))
    trim = [
        revolve(((0, 0), (0.66, 0), (0.64, 0.1), (0, 0.1)), 20).painted(STONE),
        revolve(((foot, 0.08), (head, top)), 20).painted(white),
        revolve(((head, top - 0.12), (0.5, top), (0.5, top + 0.07), (0, top + 0.07)), 20).painted(
            white
        ),
        cylinder().scaled(0.25, 0.4, 0.25).moved(0, top + 0.05, 0).painted((0.9, 0.72, 0.12)),
        revolve(rail, 20).moved(0, top + 0.26, 0).painted(DARK),
    ]
    for count, radius, height, width in ((10, 0.475, 0.28, 0.05), (6, 0.25, 0.42, 0.045)):
        turns = np.arange(count) / count * 2 * np.pi
        places = np.stack(
            [radius * np.cos(turns), np.full(count, top + 0.03), radius * np.sin(turns)], 1
        )
        trim.append(scatter(box().painted(DARK), places, [width, height, width], -turns))
    for turn in np.radians(90 + np.linspace(45, 315, 8) + rng.uniform(-9, 9, 8)):
        size = rng.uniform(0.18, 0.27)
        rock = boulder(rng, STONE, mossy=False, subdivisions=2).scaled(size, size, size)
        trim.append(rock.moved(0.78 * np.cos(turn), size * 0.65, 0.78 * np.sin(turn)))
    bands = []
    for low, high in ((0.1, 0.38), (0.66, 0.94), (1.18, 1.4)):
        radii = [foot + (head - foot) * (y - 0.08) / (top - 0.08) + 0.015 for y in (low, high)]
        bands.append(revolve(((radii[0], low), (radii[1], high)), 20))
    dome = ((0, 0), (0.33, 0), (0.33, 0.06), (0.29, 0.2), (0.16, 0.31), (0.05, 0.35), (0, 0.36))
    bands.append(revolve(dome, 16).moved(0, top + 0.43, 0))
    trim.append(sphere(1).scaled(0.07, 0.09, 0.07).moved(0, top + 0.84, 0).painted(DARK))
    trim.append(beam((0.36, 0.56, 0.16), (0, 0.08, foot - 0.1), white))
    trim.append(beam((0.24, 0.47, 0.16), (0, 0.08, foot - 0.08), DARK))
    for height in (0.74, 1.0):
        trim.append(beam((0.12, 0.17, 0.3), (0, height, 0.28), GLASS))
    return Subject(merge(bands).painted(red), merge(trim))


def windmill(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A tapering mill with a cap and four sails that form an X."""
    wall = paint or (0.46, 0.20, 0.10)
    foot = rng.uniform(0.58, 0.66)
    shell = revolve(((0, 0), (foot, 0), (0.36, 1.42), (0, 1.42)), 8).turned("y", 22.5)
    brown, wood = (0.13, 0.07, 0.035), (0.26, 0.14, 0.07)
    dome = revolve(((0, 0), (0.44, 0), (0.43, 0.12), (0.32, 0.32), (0.12, 0.44), (0, 0.46)), 12)
    trim = [
        dome.scaled(0.95, 1, 1.15).moved(0, 1.4, 0).painted(brown),
        revolve(((0, 0), (foot + 0.06, 0), (foot + 0.03, 0.12), (0, 0.12)), 8)
        .turned("y", 22.5)
        .painted(STONE),
        _strut((0, 1.5, -0.4), (0, 0.1, -0.95), 0.08, wood),
    ]
    for side in (-1, 1):
        trim.append(_strut((0.36 * side, 1.5, -0.15), (0, 0.45, -0.82), 0.06, wood))
    apothem = foot * np.cos(np.pi / 8)
    trim.append(beam((0.36, 0.56, 0.2), (0, 0, apothem - 0.14), CLOTH))
    trim.append(beam((0.27, 0.5, 0.2), (0, 0, apothem - 0.12), DARK))
    for degrees in (0, 90, -90, 180):
        pane = beam((0.17, 0.22, 0.2), (0, 0.85, 0.36), CLOTH)
        trim += [part.turned("y", degrees) for part in (pane, _inset(pane))]
    hub = cylinder(10).scaled(0.1, 0.42, 0.1).turned("x", 90).moved(0, 0, -0.3).painted(brown)
    sails = [hub]
    for degrees in 45 + rng.uniform(-6, 6) + np.arange(4) * 90:
        sails.append(_sail(wood).turned("y", 16).turned("z", degrees))
    trim.append(merge(sails).turned("x", -8).moved(0, 1.52, 0.64))
    return Subject(shell.painted(wall), merge(trim))


def _inset(pane: Mesh) -> Mesh:
    """The dark glass in a window frame that looks along +z."""
    centre = (pane.vertices.min(0) + pane.vertices.max(0)) / 2
    glass = pane.moved(*-centre).scaled(0.7, 0.75, 1.1)
    return glass.moved(*centre).painted(GLASS)


def _sail(wood: Colour) -> Mesh:
    """A sail that rises from the hub: a spar, cloth on its one side and bars over it."""
    reach = 1.12
    parts = [
        beam((0.075, reach, 0.07), (0, 0, 0), wood),
        beam((0.38, reach - 0.26, 0.04), (0.12, 0.25, 0), (0.84, 0.80, 0.70)),
        beam((0.045, reach - 0.24, 0.06), (0.31, 0.24, 0), wood),
    ]
    for height in np.linspace(0.24, reach - 0.05, 4):
        parts.append(beam((0.42, 0.045, 0.06), (0.12, height, 0), wood))
    return merge(parts)


def _strut(start: ArrayLike, end: ArrayLike, width: float, colour: Colour) -> Mesh:
    """A square bar from one point to another."""
    way = np.subtract(end, start)
    length = float(np.linalg.norm(way))
    lean = float(np.degrees(np.arccos(way[1] / length)))
    turn = float(np.degrees(np.arctan2(way[0], way[2])))
    bar = box().scaled(width, length, width).turned("x", lean).turned("y", turn)
    return bar.moved(*np.asarray(start)).painted(colour)


def tent(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A ridge tent, open in front, with poles and guy-lines."""
    canvas = paint or (0.85, 0.30, 0.03)
    high, rope, pole = rng.uniform(1.5, 1.7), (0.78, 0.72, 0.58), (0.40, 0.27, 0.14)
    across = np.linspace(-1, 1, 13)
    along = np.linspace(0, 1, 5)
    slope = 1 - np.abs(across)
    height = high * (0.75 * slope + 0.25 * slope**2)
    front, rear = 0.95 - 0.2 * slope, -0.95 + 0.4 * slope
    sag = 1 - 0.28 * along * (1 - along)
    roof = np.stack(
        [
            np.broadcast_to(across * 0.96, (5, 13)),
            height * sag[:, None],
            rear + (front - rear) * along[:, None],
        ],
        -1,
    )
    opening = roof[-1] * [0.5, 1, 1]
    body = [
        _sheet(roof[row : row + 2, first : last + 1]).painted(shade(canvas, tint - 0.2 * (row % 2)))
        for row in range(4)
        for first, last, tint in ((0, 2, 0.6), (2, 10, 1.0), (10, 12, 0.6))
    ]
    body += [
        _sheet(np.stack([roof[0], roof[0] * [0, 1, 1]])).painted(shade(canvas, 0.75)),
        _sheet(np.stack([opening, roof[-1]])).painted(shade(canvas, 1.25)),
    ]
    inner = opening - [0, 0, 0.12]
    trim = [
        _sheet(np.stack([inner, inner * [0, 1, 1]])).painted(DARK),
        _sheet(np.stack([inner, opening])).painted(DARK),
    ]
    trim += [
        _strut(lower, upper, 0.08, rope) for lower, upper in pairwise(roof[:, 6] + [0, 0.01, 0])
    ]
    trim.append(_strut((0, 0, 0.98), (0, high + 0.18, 0.74), 0.07, pole))
    trim.append(_strut((0, 0, -0.55), (0, high + 0.18, -0.55), 0.07, pole))
    lines = (
        ((0, high + 0.06, 0.75), (0.75, 0.06, 1.2)),
        ((0, high + 0.06, -0.55), (0.75, 0.06, -1.12)),
        (roof[2, 9], (1.15, 0.06, roof[2, 9, 2])),
    )
    for start, (x, y, z) in lines:
        for part in (
            _strut(start, (x, y, z), 0.04, rope),
            beam((0.08, 0.14, 0.08), (x, 0, z), WOOD),
        ):
            trim += [part, part.scaled(-1, 1, 1)]
    return Subject(merge(body), merge(trim))


def _sheet(grid: Floats) -> Mesh:
    """Rows of points (m, n, 3) with cloth between them, seen from both sides."""
    rows, columns = grid.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (
        part.ravel() for part in (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:])
    )
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
    corners = grid.reshape(-1, 3)[faces]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=-1
    )
    return flat_mesh(grid.reshape(-1, 3), faces[area > 1e-9])


BUILDERS: dict[str, Builder] = {
    "house": house,
    "tower": tower,
    "lighthouse": lighthouse,
    "windmill": windmill,
    "tent": tent,
}
