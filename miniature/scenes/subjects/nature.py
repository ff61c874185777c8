"""Stones and plants."""

import numpy as np

from miniature.scenes.geometry import (
    Colour,
    Mesh,
    blob,
    cylinder,
    flat_mesh,
    merge,
    revolve,
    scatter,
    sphere,
    waves,
)
from miniature.scenes.subjects.parts import (
    CLOTH,
    COLOURS,
    STONE,
    WOOD,
    Builder,
    Subject,
    boulder,
    shade,
)


def mossy_rock(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A boulder with moss on it, and small ones around."""
    return _rocks(paint, rng, mossy=True)


def rock(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A boulder and small ones around."""
    return _rocks(paint, rng, mossy=False)


def _rocks(paint: Colour | None, rng: np.random.Generator, *, mossy: bool) -> Subject:
    colour = paint or STONE
    stones = [boulder(rng, colour, mossy=mossy).scaled(1.15, 1.15, 1.15).moved(0, 0.72, 0)]
    for turn in rng.uniform(0, 2 * np.pi) + np.array([0, 1.9, 3.6]):
        size, away = rng.uniform(0.22, 0.42), rng.uniform(1.15, 1.35)
        small = boulder(rng, colour, mossy=mossy, subdivisions=2).scaled(size, size, size)
        stones.append(small.moved(away * np.cos(turn), size * 0.6, away * np.sin(turn)))
    return Subject(merge(stones), merge([]))


def tree(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A fir or an apple tree."""
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


def cactus(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A saguaro with two arms and a flower on every tip."""
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


def floating_island(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A round meadow with trees and stones, on a rock that tapers to a point below."""
    rock_colour = paint or (0.25, 0.18, 0.13)
    outline = ((0, 0), (0.16, 0.12), (0.4, 0.45), (0.6, 0.8), (0.86, 1.05), (0.98, 1.2), (0, 1.2))
    body = [_crag(revolve(outline, 20), rock_colour, rng)]
    hang = revolve(((0, 0), (0.45, 0.4), (0.8, 0.8), (0.9, 1), (0, 1.2)), 9)
    for turn in rng.uniform(0, 2 * np.pi) + np.arange(5) / 5 * 2 * np.pi:
        spike = hang.scaled(0.32, rng.uniform(0.55, 0.8), 0.32)
        spike = spike.moved(0.52 * np.cos(turn), rng.uniform(0.38, 0.5), 0.52 * np.sin(turn))
        body.append(_crag(spike, shade(rock_colour, rng.uniform(0.7, 1.25)), rng))
    meadow = ((0, 1.2), (1.0, 1.16), (1.08, 1.24), (1.04, 1.33), (0.7, 1.4), (0, 1.44))
    trim = [_crag(revolve(meadow, 20, 0.04), (0.13, 0.38, 0.03), rng)]
    facing = rng.uniform(0, 2 * np.pi)
    for turn, away, size in ((0.0, 0.35, 1.0), (2.5, 0.5, 0.65)):
        plant = _small_tree(rng).scaled(size, size, size)
        x, z = away * np.cos(facing + turn), away * np.sin(facing + turn)
        trim.append(plant.moved(x, 1.36, z))
    for turn in facing + np.array([1.2, 3.9, 5.0]):
        x, z = 0.7 * np.cos(turn), 0.7 * np.sin(turn)
        size = rng.uniform(0.1, 0.17)
        stone = boulder(rng, (0.42, 0.40, 0.38), mossy=False, subdivisions=1)
        trim.append(stone.scaled(size, size, size).moved(x, 1.42, z))
    return Subject(merge(body), merge(trim))


def _crag(mesh: Mesh, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A mesh pushed about sideways by noise, in a grainy colour."""
    push = 1 + waves(mesh.vertices, rng, amplitude=0.025, low=1, high=4)[:, None]
    rough = flat_mesh(mesh.vertices * np.concatenate([push, push**0, push], 1), mesh.faces)
    centres = rough.vertices[rough.faces].mean(1)
    grain = np.repeat(1 + waves(centres, rng, amplitude=0.2, low=2, high=8), 3)[:, None]
    return rough.painted(np.clip(np.asarray(colour) * grain, 0.01, 0.9))


def _small_tree(rng: np.random.Generator) -> Mesh:
    crown = blob(rng, roughness=0.12, subdivisions=2).scaled(0.36, 0.36, 0.36)
    trunk = cylinder(8).scaled(0.08, 0.4, 0.08).painted(WOOD)
    return merge([trunk, crown.moved(0, 0.58, 0).painted((0.05, 0.22, 0.05))])


def mushroom(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A fat toadstool with dots on its cap, and two small ones beside it."""
    cap = paint or COLOURS["red"]
    turn = rng.uniform(20, 70)
    parts = [_toadstool(cap, rng, height=1.25 * rng.uniform(0.95, 1.05))]
    for degrees, size in ((turn, 0.42), (turn + rng.uniform(130, 190), 0.3)):
        child = _toadstool(cap, rng, height=rng.uniform(0.9, 1.2))
        parts.append(
            Subject(
                *(
                    part.scaled(size, size, size).moved(0, 0, 0.85).turned("y", degrees)
                    for part in (child.body, child.trim)
                )
            )
        )
    return Subject(merge([part.body for part in parts]), merge([part.trim for part in parts]))


def _toadstool(cap: Colour, rng: np.random.Generator, *, height: float) -> Subject:
    cream = (0.80, 0.72, 0.54)
    across, rise = 1.02, 0.86
    dome = [
        (across * np.cos(angle), height + rise * np.sin(angle))
        for angle in np.radians([-12, 0, 15, 30, 45, 60, 75, 90])
    ]
    gills = ((0.0, height + 0.05), (0.2, height + 0.05), (0.95, height - 0.16))
    stem = ((0, 0), (0.42, 0), (0.46, 0.15), (0.34, 0.5), (0.28, height + 0.05))
    top = height - 0.28
    ring = ((0.3, top - 0.12), (0.5, top - 0.2), (0.52, top - 0.13), (0.28, top + 0.08))
    trim = [
        revolve(stem, 16).painted(cream),
        revolve(ring, 18, 0.08).painted(CLOTH),
        revolve(gills, 32, 0.05).painted(shade(cream, 0.75)),
    ]
    dot = (0.45, 0.16, 0.06) if cap == COLOURS["white"] else (0.86, 0.85, 0.80)
    phase = rng.uniform(0, 360)
    for count, angle, size in ((1, 86, 0.22), (5, 52, 0.19), (9, 18, 0.15)):
        for place in np.arange(count) / count * 360 + phase + angle * 2:
            lean = np.radians(90 - angle + rng.uniform(-5, 5))
            away, up = across * np.sin(lean), rise * np.cos(lean)
            slope = np.degrees(np.arctan2(rise * np.sin(lean), across * np.cos(lean)))
            spot = sphere(1).scaled(*[size * rng.uniform(0.85, 1.15)] * 3).scaled(1, 0.35, 1)
            spot = spot.turned("x", slope).moved(0, height + up, away)
            trim.append(spot.turned("y", place).painted(dot))
    return Subject(revolve(tuple(dome), 24).painted(cap), merge(trim))


def sunflower(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A sunflower whose head looks a little upwards, with three leaves on its stem."""
    yellow = paint or (0.88, 0.56, 0.02)
    green, brown = (0.09, 0.30, 0.04), (0.10, 0.045, 0.02)
    blade = revolve(((0, 0), (0.6, 0.2), (1, 0.5), (0.75, 0.78), (0, 1)), 6)
    petals, back = [], []
    for ring, tint in ((0, 1.0), (1, 0.8)):
        for degrees in np.arange(9) / 9 * 360 + ring * 20 + rng.uniform(-4, 4, 9):
            petal = blade.scaled(0.135, rng.uniform(0.38, 0.45), 0.04).turned("x", 30 - 22 * ring)
            petals.append(
                petal.moved(0, 0.28, -0.05 * ring)
                .turned("z", degrees)
                .painted(shade(yellow, tint * rng.uniform(0.92, 1.08)))
            )
    for degrees in np.arange(9) / 9 * 360:
        sepal = blade.scaled(0.12, 0.34, 0.04).turned("x", -14).moved(0, 0.16, -0.13)
        back.append(sepal.turned("z", degrees).painted(shade(green, 0.8)))
    bowl = revolve(((0, -0.3), (0.16, -0.28), (0.36, -0.08), (0, 0)), 14).turned("x", 90)
    disc = revolve(((0, -0.04), (0.38, -0.02), (0.37, 0.08), (0.26, 0.16), (0, 0.18)), 20)
    back += [bowl.painted(green), disc.turned("x", 90).painted(brown), _seeds(brown)]
    height = rng.uniform(1.4, 1.55)
    petal_part, back_part = (
        merge(part).turned("x", -24).moved(0, height, 0.16) for part in (petals, back)
    )
    trim = [back_part, cylinder(10).scaled(0.075, height - 0.15, 0.075).painted(green)]
    neck = cylinder(10).scaled(0.075, 0.26, 0.075).turned("x", 38)
    trim.append(neck.moved(0, height - 0.18, -0.02).painted(green))
    start = rng.uniform(50, 80)
    for turn, at, size in ((0, 0.32, 1.0), (165, 0.5, 1.0), (280, 0.7, 0.75)):
        leaf = blade.scaled(0.3 * size, 0.85 * size, 0.045).turned("x", 62)
        leaf = leaf.moved(0, at, 0.03).turned("y", start + turn)
        trim.append(leaf.painted(shade(green, rng.uniform(1.0, 1.3))))
    return Subject(petal_part, merge(trim))


def _seeds(colour: Colour) -> Mesh:
    """Seeds in a spiral over the disc of a sunflower that looks along +z."""
    order = np.arange(1, 46)
    turns, away = order * np.radians(137.5), 0.35 * np.sqrt(order / 46)
    height = np.where(away > 0.26, 0.16 - (away - 0.26) * 0.73, 0.18 - away * 0.08)
    places = np.stack([away * np.cos(turns), away * np.sin(turns), height], 1)
    tints = np.where(away < 0.17, 1.0, 2.6)[:, None] * np.asarray(colour)
    return scatter(sphere(0), places, 0.035, tints=tints)


BUILDERS: dict[str, Builder] = {
    "rock": rock,
    "floating island": floating_island,
    "tree": tree,
    "cactus": cactus,
    "mushroom": mushroom,
    "sunflower": sunflower,
}
