"""The eight subjects, each about two units high and standing on y = 0.

    >>> subject = build_subject("house", "red", mossy=False, rng=rng)

A subject has a body, which takes the colour and the material, and a trim that keeps its own.
Each has a top of its own, so that it can be told from the others seen from above.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from miniature import attributes
from miniature.scenes.geometry import (
    Colour,
    Floats,
    Mesh,
    blob,
    box,
    cone,
    cylinder,
    flat_mesh,
    grid_faces,
    merge,
    prism,
    revolve,
    scatter,
    sphere,
    waves,
)

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


def build_subject(
    name: attributes.Subject,
    colour: attributes.Colour | None,
    *,
    mossy: bool,
    rng: np.random.Generator,
) -> Subject:
    """Build a subject, turned at random; without a colour it has its natural one."""
    paint = None if colour is None else COLOURS[colour]
    subject = _rock(paint, rng, mossy=mossy) if name == "rock" else BUILDERS[name](paint, rng)
    yaw = rng.uniform(-45, 45)
    return Subject(subject.body.turned("y", yaw), subject.trim.turned("y", yaw))


def shade(colour: Colour, factor: float) -> Colour:
    """A lighter or darker version of a colour."""
    red, green, blue = (min(channel * factor, 0.9) for channel in colour)
    return red, green, blue


def _beam(size: Colour, place: Colour, colour: Colour) -> Mesh:
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


def _rock(paint: Colour | None, rng: np.random.Generator, *, mossy: bool) -> Subject:
    colour = paint or STONE
    stones = [boulder(rng, colour, mossy=mossy).scaled(1.15, 1.15, 1.15).moved(0, 0.72, 0)]
    for turn in rng.uniform(0, 2 * np.pi) + np.array([0, 1.9, 3.6]):
        size, away = rng.uniform(0.22, 0.42), rng.uniform(1.15, 1.35)
        small = boulder(rng, colour, mossy=mossy, subdivisions=2).scaled(size, size, size)
        stones.append(small.moved(away * np.cos(turn), size * 0.6, away * np.sin(turn)))
    return Subject(merge(stones), merge([]))


def _house(paint: Colour | None, rng: np.random.Generator) -> Subject:
    wall = paint or (0.72, 0.64, 0.50)
    roof = shade(wall, 0.62) if paint else (0.42, 0.11, 0.06)
    trim = [
        _beam((0.36, 0.66, 0.06), (0, 0, 0.66), WOOD),
        _beam((0.26, 0.75, 0.26), (0.5, 1.35, -0.2), (0.34, 0.15, 0.10)),
        _beam((0.34, 0.08, 0.34), (0.5, 2.1, -0.2), DARK),
        _beam((0.12, 0.07, 1.7), (0, 1.92, 0), CLOTH),
        _beam((0.6, 0.08, 0.3), (0, 0, 0.8), STONE),
    ]
    for x in (-0.56, 0.56):
        trim.append(_beam((0.38, 0.38, 0.05), (x, 0.46, 0.65), CLOTH))
        trim.append(_beam((0.30, 0.30, 0.06), (x, 0.50, 0.66), GLASS))
    for x in (-0.86, 0.86):
        trim.append(_beam((0.05, 0.36, 0.4), (x, 0.46, 0), GLASS))
    body = [
        _beam((1.7, 1.1, 1.3), (0, 0, 0), wall),
        prism().scaled(1.68, 0.82, 1.28).moved(0, 1.1, 0).painted(wall),
        *(_roof_side(side, roof) for side in (-1, 1)),
    ]
    return Subject(merge(body), merge(trim))


def _roof_side(side: int, colour: Colour) -> Mesh:
    slope = box().scaled(1.36, 0.09, 1.66).moved(0.66, 0, 0).painted(colour)
    return slope.turned("z", -43).moved(0, 1.87, 0).scaled(side, 1, 1)


def _tree(paint: Colour | None, rng: np.random.Generator) -> Subject:
    leaf = paint or (0.07, 0.26, 0.05)
    trunk = revolve(((0.34, 0), (0.2, 0.2), (0.15, 1.5)), 10).painted(WOOD)
    if rng.random() < 0.5:
        star = revolve(((0, 0.15), (1, 0), (0, 1)), 20, 0.28)
        tiers = [
            star.scaled(1.02 - 0.24 * i, 0.95, 1.02 - 0.24 * i)
            .turned("y", 9 * i)
            .moved(0, 0.5 + 0.5 * i, 0)
            .painted(shade(leaf, 0.6 + 0.3 * i))
            for i in range(4)
        ]
        return Subject(merge(tiers), trunk)
    crown = []
    for turn in np.arange(6) / 6 * 2 * np.pi + rng.uniform(0, 1):
        puff = blob(rng, roughness=0.14, subdivisions=2).scaled(*[rng.uniform(0.5, 0.6)] * 3)
        tint = shade(leaf, rng.uniform(0.75, 1.3))
        height = rng.uniform(1.35, 1.65)
        crown.append(puff.painted(tint).moved(0.55 * np.cos(turn), height, 0.55 * np.sin(turn)))
    crown.append(blob(rng, subdivisions=2).scaled(0.68, 0.6, 0.68).moved(0, 1.95, 0).painted(leaf))
    return Subject(merge(crown), merge([trunk, _apples(rng, red=paint != COLOURS["red"])]))


def _apples(rng: np.random.Generator, *, red: bool) -> Mesh:
    turns, rise = rng.uniform(0, 2 * np.pi, 22), rng.uniform(-0.3, 0.9, 22)
    across = np.sqrt(1 - rise**2) * 1.08
    places = np.stack([across * np.cos(turns), 1.6 + rise * 0.9, across * np.sin(turns)], 1)
    return scatter(sphere(1), places, 0.09, tints=COLOURS["red" if red else "yellow"])


def _tower(paint: Colour | None, rng: np.random.Generator) -> Subject:
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
    trim = [_beam((0.34, 0.55, 0.2), (0, 0, 0.5), WOOD)]
    for degrees, height in ((0, 1.3), (25, 0.9), (-35, 1.6), (60, 1.45)):
        slit = _beam((0.13, 0.3, 0.1), (0, height, 0.5), DARK)
        trim.append(slit.turned("y", degrees))
    return Subject(merge(body), merge(trim))


def _boat(paint: Colour | None, rng: np.random.Generator) -> Subject:
    hull = paint or (0.40, 0.19, 0.08)
    stripe = paint or (0.62, 0.08, 0.06)
    along = np.linspace(-1, 1, 9)
    beam = 0.52 * (1 - np.clip(along, -0.35, 1) ** 2 * 0.9) * np.where(along > 0.99, 0.25, 1)
    sheer = 0.55 + 0.22 * along**2
    inside = [_section(along, beam * s, y) for s, y in ((0.86, sheer), (0.6, sheer * 0.45))]
    hull_lines = ((0.35, sheer * 0), (0.85, sheer * 0.5), (1, sheer))
    outside = [_section(along, beam * s, y) for s, y in hull_lines]
    rings = np.concatenate(outside + inside + [_section(along, beam * 0, sheer * 0.45)])
    sides = 2 * len(along)
    shell = flat_mesh(rings, grid_faces(6, sides)).painted(hull)
    shell = shell.painted(np.where(shell.normals[:, 1:2] > 0.75, np.array((0.5, 0.34, 0.18)), hull))
    trim = [
        cylinder(8).scaled(0.045, 2.0, 0.045).moved(0.1, 0.2, 0).painted(WOOD),
        cylinder(8).scaled(0.03, 0.95, 0.03).turned("z", 90).moved(0.08, 0.78, 0).painted(WOOD),
        _beam((0.12, 0.05, 0.8), (-0.5, 0.5, 0), WOOD),
        _sail((0.03, 0.85), (-0.88, 0.85), (0.03, 2.1), CLOTH),
        _sail((0.17, 0.8), (0.95, 0.85), (0.14, 1.95), CLOTH),
    ]
    pennant = _sail((0.08, 2.2), (-0.3, 2.12), (0.08, 2.04), stripe)
    return Subject(merge([shell, pennant]).turned("y", 10), merge(trim).turned("y", 10))


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


def _cactus(paint: Colour | None, rng: np.random.Generator) -> Subject:
    green = paint or (0.08, 0.30, 0.09)
    stem = ((0, 0), (0.3, 0), (0.36, 0.5), (0.36, 1.7), (0.31, 1.95), (0.18, 2.12), (0, 2.18))
    limb = ((0, 0), (0.14, 0.02), (0.19, 0.15), (0.19, 0.65), (0.14, 0.8), (0, 0.88))
    body = [revolve(stem, 24, 0.2)]
    tips = [(0.0, 2.2)]
    for side, height in ((1, 0.75), (-1, 1.05)):
        reach = 0.74 * side
        elbow = cylinder(12).scaled(0.16, 0.7, 0.16).turned("z", -90 * side)
        body.append(elbow.moved(0.1 * side, height + 0.05, 0))
        body.append(revolve(limb, 20, 0.2).moved(reach, height - 0.1, 0))
        tips.append((reach, height + 0.79))
    bloom = (0.85, 0.75, 0.2) if paint == COLOURS["pink"] else (0.85, 0.18, 0.42)
    petals = [
        scatter(sphere(1), np.array([[x, y, 0.0]]), [0.1, 0.08, 0.1], tints=bloom) for x, y in tips
    ]
    return Subject(merge(body).painted(green), merge(petals))


def _snowman(paint: Colour | None, rng: np.random.Generator) -> Subject:
    snow = paint or (0.84, 0.86, 0.90)
    scarf = COLOURS["blue"] if paint == COLOURS["red"] else COLOURS["red"]
    balls = ((0.70, 0.6), (0.50, 1.48), (0.36, 2.1))
    body = [sphere().scaled(r, r, r).moved(0, y, 0).painted(snow) for r, y in balls]
    carrot = cone(10).scaled(0.08, 0.45, 0.08).turned("x", 90).moved(0, 2.1, 0.3)
    trim = [
        carrot.painted((0.85, 0.3, 0.02)),
        revolve(((0.3, 0), (0.42, 0.07), (0.3, 0.14)), 20).moved(0, 1.76, 0).painted(scarf),
        _beam((0.16, 0.5, 0.07), (0.16, 1.38, 0.44), scarf),
        cylinder().scaled(0.42, 0.05, 0.42).moved(0, 2.34, 0).painted(DARK),
        cylinder().scaled(0.27, 0.4, 0.27).moved(0, 2.36, 0).painted(DARK),
        cylinder().scaled(0.275, 0.08, 0.275).moved(0, 2.4, 0).painted(scarf),
    ]
    dots = [(-0.13, 2.2, 0.33), (0.13, 2.2, 0.33), (0, 1.3, 0.47), (0, 1.52, 0.5), (0, 0.75, 0.69)]
    trim.append(scatter(sphere(1), np.array(dots), 0.055, tints=DARK))
    for side in (1, -1):
        arm = cylinder(8).scaled(0.04, 0.85, 0.04).turned("z", -62 * side)
        trim.append(arm.moved(0.4 * side, 1.5, 0).painted(WOOD))
    return Subject(merge(body), merge(trim))


def _chair(paint: Colour | None, rng: np.random.Generator) -> Subject:
    wood = paint or (0.40, 0.21, 0.09)
    dark = shade(wood, 0.75)
    body = [_beam((1.1, 0.12, 1.05), (0, 0.9, 0), wood)]
    for x in (-0.46, 0.46):
        body.append(_beam((0.13, 0.92, 0.13), (x, 0, 0.44), dark))
        body.append(_beam((0.13, 2.05, 0.13), (x, 0, -0.46), dark))
        body.append(_beam((0.07, 0.08, 0.9), (x, 0.35, 0), dark))
    body += [_beam((0.11, 0.75, 0.06), (x, 1.1, -0.46), wood) for x in (-0.22, 0, 0.22)]
    body.append(_beam((1.05, 0.28, 0.12), (0, 1.78, -0.46), wood))
    return Subject(merge(body), merge([]))


BUILDERS: dict[str, Callable[[Colour | None, np.random.Generator], Subject]] = {
    "house": _house,
    "tree": _tree,
    "tower": _tower,
    "boat": _boat,
    "cactus": _cactus,
    "snowman": _snowman,
    "chair": _chair,
}
