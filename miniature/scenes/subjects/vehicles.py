"""What carries people."""

from dataclasses import replace

import numpy as np

from miniature.scenes.geometry import (
    Colour,
    Floats,
    Mesh,
    cylinder,
    flat_mesh,
    grid_faces,
    merge,
    revolve,
    sphere,
)
from miniature.scenes.subjects.parts import (
    CLOTH,
    COLOURS,
    DARK,
    GLASS,
    WOOD,
    Builder,
    Subject,
    beam,
    shade,
)

CHROME: Colour = (0.58, 0.58, 0.60)
LAMP: Colour = (0.90, 0.86, 0.62)
WICKER: Colour = (0.36, 0.19, 0.06)


def boat(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A sailing boat with a mast, two sails and a pennant."""
    hull = paint or (0.40, 0.19, 0.08)
    stripe = paint or (0.62, 0.08, 0.06)
    along = np.linspace(-1, 1, 9)
    width = 0.52 * (1 - np.clip(along, -0.35, 1) ** 2 * 0.9) * np.where(along > 0.99, 0.25, 1)
    sheer = 0.55 + 0.22 * along**2
    inside = [_section(along, width * s, y) for s, y in ((0.86, sheer), (0.6, sheer * 0.45))]
    hull_lines = ((0.35, sheer * 0), (0.85, sheer * 0.5), (1, sheer))
    outside = [_section(along, width * s, y) for s, y in hull_lines]
    rings = np.concatenate(outside + inside + [_section(along, width * 0, sheer * 0.45)])
    sides = 2 * len(along)
    shell = flat_mesh(rings, grid_faces(6, sides)).painted(hull)
    shell = shell.painted(np.where(shell.normals[:, 1:2] > 0.75, np.array((0.5, 0.34, 0.18)), hull))
    trim = [
        cylinder(8).scaled(0.045, 2.0, 0.045).moved(0.1, 0.2, 0).painted(WOOD),
        cylinder(8).scaled(0.03, 0.95, 0.03).turned("z", 90).moved(0.08, 0.78, 0).painted(WOOD),
        beam((0.12, 0.05, 0.8), (-0.5, 0.5, 0), WOOD),
        _sail((0.03, 0.85), (-0.88, 0.85), (0.03, 2.1), CLOTH),
        _sail((0.17, 0.8), (0.95, 0.85), (0.14, 1.95), CLOTH),
    ]
    pennant = _sail((0.08, 2.2), (-0.3, 2.12), (0.08, 2.04), stripe)
    return Subject(merge([shell, pennant]).turned("y", -90), merge(trim).turned("y", -90))


def _section(along: Floats, beam: Floats, height: Floats) -> Floats:
    # Once round the boat: down its far side, back along the near one (seen from above).
    x = np.concatenate([along[::-1], along]) * 1.15
    z = np.concatenate([beam[::-1], -beam])
    return np.stack([x, np.concatenate([height[::-1], height]), z], 1)


def _sail(
    foot: tuple[float, float], clew: tuple[float, float], head: tuple[float, float], colour: Colour
) -> Mesh:
    corners = np.array([foot, clew, head])
    outline = np.concatenate([corners, corners.mean(0, keepdims=True)])
    depth = np.array([0, 0.28, 0, 0.22])[:, None]
    faces = [(0, 1, 3), (1, 2, 3), (2, 0, 3)]
    return flat_mesh(np.concatenate([outline, depth], 1), faces).painted(colour)


def car(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A small round car with a cabin of glass and bulging mudguards."""
    colour = paint or COLOURS["red" if rng.random() < 0.5 else "blue"]
    roof = rng.uniform(1.22, 1.34)
    stations = (
        (-1.06, 0.32, 0.36, 0.54),
        (-1.00, 0.43, 0.28, 0.66),
        (-0.80, 0.49, 0.24, 0.76),
        (-0.40, 0.53, 0.22, 0.80),
        (0.40, 0.53, 0.22, 0.80),
        (0.75, 0.48, 0.24, 0.74),
        (0.98, 0.40, 0.28, 0.63),
        (1.06, 0.28, 0.36, 0.52),
    )
    foot = np.array([(x, 0.74, z) for x in (-0.47, 0.47) for z in (-0.78, -0.12, 0.56)])
    head = np.array([(x, roof - 0.08, z) for x in (-0.36, 0.36) for z in (-0.46, -0.12, 0.18)])
    ends = [0, 2, 5, 3]
    cabin = np.concatenate([foot[ends], head[ends]])
    cover = sphere(2).scaled(0.37, 0.10, 0.35).moved(0, roof - 0.09, -0.14)
    body = [_hull(stations).painted(colour), cover.painted(colour)]
    body.append(beam((0.78, 0.08, 0.72), (0, roof - 0.12, -0.14), colour))
    body += [_rod(low, high, 0.045, colour) for low, high in zip(foot, head, strict=True)]
    trim = [flat_mesh(cabin, grid_faces(2, 4)).painted(GLASS)]
    tyre = revolve(((0.15, -0.1), (0.26, -0.1), (0.3, -0.05), (0.3, 0.05), (0.26, 0.1), (0, 0.1)))
    hub = revolve(((0.17, 0.08), (0.15, 0.13), (0, 0.15)), 12).painted(CHROME)
    for side in (-1, 1):
        wheel = merge([tyre.painted(DARK), hub]).turned("z", -90 * side)
        for z in (-0.62, 0.66):
            guard = sphere(2).scaled(0.17, 0.36, 0.42).moved(0.43 * side, 0.38, z)
            body.append(guard.painted(shade(colour, 0.8)))
            trim.append(wheel.moved(0.5 * side, 0.3, z))
        lamp = sphere(2).scaled(0.13, 0.13, 0.09)
        trim.append(lamp.moved(0.36 * side, 0.60, 1.0).painted(LAMP))
        trim.append(lamp.moved(0.37 * side, 0.57, -1.02).painted((0.75, 0.02, 0.02)))
        trim.append(beam((0.3, 0.05, 0.06), (0.37 * side, 0.68, -1.0), CHROME))
    for z in (-1.1, 1.1):
        trim.append(beam((0.95, 0.1, 0.1), (0, 0.27, z), CHROME))
    trim.append(beam((0.34, 0.12, 0.06), (0, 0.40, 1.06), DARK))
    trim.append(beam((0.32, 0.12, 0.06), (0, 0.40, -1.06), CLOTH))
    return Subject(merge(body), merge(trim))


def _hull(stations: tuple[tuple[float, float, float, float], ...]) -> Mesh:
    # Each station along z has half a width, a bottom and a top; its outline is a rounded box.
    turns = np.arange(20) / 20 * 2 * np.pi
    up, across = (np.sign(f) * np.abs(f) ** 0.6 for f in (np.cos(turns), np.sin(turns)))
    z, width, bottom, top = np.array([stations[0], *stations, stations[-1]]).T[..., None]
    half = (top - bottom) / 2
    half[[0, -1]] = width[[0, -1]] = 0
    rings = np.stack([across * width, (bottom + top) / 2 + up * half, z + 0 * up], -1)
    return flat_mesh(rings.reshape(-1, 3), grid_faces(len(z), len(turns)))


def _rod(start: Floats, end: Floats, radius: float, colour: Colour) -> Mesh:
    x, y, z = end - start
    stick = cylinder(8).scaled(radius, float(np.hypot(np.hypot(x, z), y)), radius)
    stick = stick.turned("x", float(np.degrees(np.arctan2(np.hypot(x, z), y))))
    stick = stick.turned("y", float(np.degrees(np.arctan2(x, z))))
    return stick.moved(*(float(place) for place in start)).painted(colour)


def bicycle(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A bicycle with thick tyres, its handlebar turned a little to one side."""
    colour = paint or COLOURS["green"]
    steer = float(rng.uniform(18, 26) * rng.choice((-1, 1)))
    axle, pedals, seat = (
        np.array(place) for place in ((0, 0.5, -0.64), (0, 0.47, -0.1), (0, 1.1, -0.34))
    )
    low, high = np.array((0, 0.98, 0.42)), np.array((0, 1.18, 0.36))
    tubes = [(pedals, seat), (pedals, low), (seat, high), (seat, axle), (pedals, axle)]
    frame = [_rod(start, end, 0.055, colour) for start, end in tubes]
    fork = [_rod(np.array((0, 0.85, 0.46)), np.array((0, 1.36, 0.32)), 0.06, colour)]
    for x in (-0.1, 0.1):
        fork.append(_rod(np.array((x, 0.5, 0.64)), np.array((x, 0.92, 0.45)), 0.045, colour))
    fork.append(beam((0.27, 0.08, 0.1), (0, 0.88, 0.46), colour))
    bar = [_rod(np.array((-0.36, 1.4, 0.3)), np.array((0.36, 1.4, 0.3)), 0.045, CHROME)]
    for x in (-0.36, 0.36):
        bar.append(_rod(np.array((x, 1.4, 0.32)), np.array((x * 1.1, 1.36, 0.04)), 0.06, DARK))
    bar.append(sphere(2).scaled(0.11, 0.11, 0.09).moved(0, 1.2, 0.52).painted(LAMP))
    bar.append(_wheel().moved(0, 0.5, 0.64))
    trim = [part.moved(0, 0, -0.42).turned("y", steer).moved(0, 0, 0.42) for part in bar]
    frame += [part.moved(0, 0, -0.42).turned("y", steer).moved(0, 0, 0.42) for part in fork]
    trim += [
        _wheel().moved(*axle),
        _rod(seat, np.array((0, 1.26, -0.4)), 0.045, CHROME),
        sphere(2).scaled(0.17, 0.07, 0.16).moved(0, 1.3, -0.52).painted(DARK),
        sphere(2).scaled(0.08, 0.06, 0.24).moved(0, 1.3, -0.38).painted(DARK),
        cylinder(16).scaled(0.15, 0.06, 0.15).turned("z", -90).moved(0.06, 0.47, -0.1),
    ]
    trim[-1] = trim[-1].painted(CHROME)
    for side, turn in ((1, -50), (-1, 130)):
        crank = beam((0.06, 0.28, 0.07), (0, 0, 0), CHROME).turned("x", turn)
        tip = pedals + np.array((0.15 * side, *(0.26 * _circle(turn))))
        trim.append(crank.moved(0.14 * side, 0.47, -0.1))
        trim.append(beam((0.2, 0.07, 0.16), (0.24 * side, tip[1] - 0.03, tip[2]), DARK))
    return Subject(merge(frame), merge(trim))


def _circle(degrees: float) -> Floats:
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])


def _wheel() -> Mesh:
    # Of radius 0.5 about the origin; its axle runs along x.
    turns = np.linspace(-180, 180, 9)
    outline = [(0.43 + y * 0.07, x * 0.07) for x, y in (_circle(turn - 90) for turn in turns)]
    tyre = revolve(tuple((float(r), float(h)) for r, h in outline[::-1]), 24).painted(DARK)
    parts = [tyre, cylinder(10).scaled(0.08, 0.2, 0.08).moved(0, -0.1, 0).painted(CHROME)]
    spoke = cylinder(6).scaled(0.022, 0.8, 0.022).moved(0, -0.4, 0).turned("x", 90)
    parts += [spoke.turned("y", turn).painted(CHROME) for turn in (0, 36, 72, 108, 144)]
    return merge(parts).turned("z", 90)


def hot_air_balloon(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A striped balloon that carries a wicker basket on four ropes."""
    colours = [paint] if paint else [COLOURS["red"], COLOURS["yellow"], COLOURS["blue"]]
    cream = (0.84, 0.74, 0.55) if paint else (0.84, 0.80, 0.70)
    if paint == COLOURS["white"]:
        cream = (0.66, 0.44, 0.20)
    girth = rng.uniform(0.76, 0.84)
    outline = (
        (0.20, 0.60),
        (0.24, 0.66),
        (0.44, 0.86),
        (0.66, 1.10),
        (0.80, 1.36),
        (0.84, 1.58),
        (0.78, 1.82),
        (0.62, 2.02),
        (0.38, 2.15),
        (0.00, 2.20),
    )
    envelope = revolve(tuple((r * girth / 0.84, h) for r, h in outline), 24)
    centres = envelope.vertices[envelope.faces].mean(1)
    stripes = np.arctan2(centres[:, 2], centres[:, 0]) % (2 * np.pi) // (np.pi / 6)
    body = [
        replace(envelope.painted(colour), faces=envelope.faces[stripes % count == 2 * n])
        for count in (2 * len(colours),)
        for n, colour in enumerate(colours)
    ]
    trim = [
        replace(envelope.painted(cream), faces=envelope.faces[stripes % 2 == 1]),
        beam((0.36, 0.28, 0.36), (0, 0, 0), WICKER),
        beam((0.42, 0.07, 0.42), (0, 0.25, 0), shade(WICKER, 0.5)),
        beam((0.40, 0.06, 0.40), (0, 0.02, 0), shade(WICKER, 0.5)),
        beam((0.30, 0.02, 0.30), (0, 0.31, 0), DARK),
        cylinder(8).scaled(0.06, 0.12, 0.06).moved(0, 0.5, 0).painted(CHROME),
        sphere(1).scaled(0.06, 0.12, 0.06).moved(0, 0.66, 0).painted((0.9, 0.5, 0.04)),
    ]
    for x in (-1, 1):
        for z in (-1, 1):
            low, high = np.array((x * 0.18, 0.28, z * 0.18)), np.array((x * 0.15, 0.64, z * 0.15))
            trim.append(_rod(low, high, 0.024, WOOD))
    return Subject(merge(body), merge(trim))


BUILDERS: dict[str, Builder] = {
    "boat": boat,
    "car": car,
    "bicycle": bicycle,
    "hot-air balloon": hot_air_balloon,
}
