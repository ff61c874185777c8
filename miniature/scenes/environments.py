"""The eight environments: a ground to stand on and what grows, lies or hangs around.

    >>> place = build_environment("meadow", Plot(), rng)

Outdoors the ground reaches to the horizon. In the studio (``Plot.radius`` is finite) it is cut to
a round or square model on a grey seamless floor, with only what is near.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from miniature import attributes
from miniature.scenes.beach import furnish_beach
from miniature.scenes.forest import furnish_forest
from miniature.scenes.geometry import (
    Colour,
    Mesh,
    cone,
    cylinder,
    flat_mesh,
    merge,
    revolve,
    scatter,
    sphere,
)
from miniature.scenes.ground import land, studio_floor
from miniature.scenes.plot import Plot
from miniature.scenes.room import furnish_room
from miniature.scenes.street import furnish_street
from miniature.scenes.subjects.parts import STONE, WOOD, boulder

LEAF: Colour = (0.06, 0.22, 0.05)
ISLAND = 0.14


@dataclass(frozen=True)
class Place:
    """A ground of its own surface, and things upon it."""

    ground: Mesh
    decor: Mesh


def build_environment(name: attributes.Environment, plot: Plot, rng: np.random.Generator) -> Place:
    """Build the ground and the decor of an environment."""
    decor = DECOR[name](plot, rng)
    if plot.radius is None:
        if name in ("meadow", "lake", "snow"):
            decor.append(_horizon(name, rng))
        drop = 0.4 if name == "room" else 0.0
        return Place(land(name, rng).moved(0, -drop, 0), merge(decor))
    if name == "room":
        return Place(studio_floor(0.08, plot.distance), merge(decor))
    return Place(
        land(name, rng, radius=plot.radius), merge([*decor, studio_floor(0.3, plot.distance)])
    )


def _horizon(name: str, rng: np.random.Generator) -> Mesh:
    if name == "meadow":
        return _woods(rng, count=14, snowy=False, near=16, far=34)
    count = 16
    turns = np.arange(count) / count * 2 * np.pi + rng.uniform(0, 0.3, count)
    away = rng.uniform(36, 50, count)
    places = np.stack([away * np.cos(turns), np.full(count, -0.5), away * np.sin(turns)], 1)
    tall, broad = rng.uniform(6, 15, count), rng.uniform(7, 11, count)
    tint = {"lake": (0.12, 0.19, 0.15), "snow": (0.34, 0.37, 0.44)}[name]
    tints = np.array(tint) * rng.uniform(0.7, 1.3, (count, 1))
    scales = np.stack([broad, tall, broad], 1)
    rock = scatter(cone(7), places, scales, turns * 5, tints)
    caps = scales * 0.45 if name == "snow" else scales * 0.28
    lift = np.stack([0 * tall, tall - caps[:, 1] + 0.12, 0 * tall], 1)
    snow = scatter(cone(7), places + lift, caps * [1.06, 1, 1.06], turns * 5, (0.8, 0.82, 0.88))
    return merge([rock, snow])


def _woods(rng: np.random.Generator, *, count: int, snowy: bool, near: float, far: float) -> Mesh:
    turns, away = rng.uniform(0, 2 * np.pi, count), rng.uniform(near, far, count)
    places = np.stack([away * np.cos(turns), np.full(count, -0.1), away * np.sin(turns)], 1)
    ahead = places[~((places[:, 2] > 0) & (np.abs(places[:, 0]) < 4))]
    sizes = rng.uniform(1.4, 2.8, (len(ahead), 1))
    return scatter(_fir(snowy=True) if snowy else _round_tree(), ahead, sizes)


def _round_tree() -> Mesh:
    trunk = cylinder(8).scaled(0.14, 1, 0.14).painted(WOOD)
    return merge([trunk, sphere(2).scaled(0.8, 1, 0.8).moved(0, 1.6, 0).painted(LEAF)])


def _fir(*, snowy: bool) -> Mesh:
    tiers = []
    for i in range(3):
        size = 0.75 - 0.2 * i
        tier = cone(9).scaled(size, 0.9, size).moved(0, 0.2 + 0.5 * i, 0)
        tiers.append(tier.painted((0.05, 0.15, 0.09)))
        if snowy:
            cap = cone(9).scaled(size * 0.62, 0.56, size * 0.62).moved(0, 0.56 + 0.5 * i, 0)
            tiers.append(cap.painted((0.85, 0.88, 0.92)))
    return merge(tiers)


def _meadow(plot: Plot, rng: np.random.Generator) -> list[Mesh]:
    near, wide = plot.places(260, 4.5, rng), plot.places(160, 10, rng)
    tufts = np.concatenate([near, wide])
    count = len(tufts)
    scales = rng.uniform([0.7, 0.14, 0.7], [1.2, 0.34, 1.2], (count, 3))
    greens = rng.uniform([0.06, 0.24, 0.02], [0.18, 0.42, 0.06], (count, 3))
    flowers = plot.places(60, 6, rng)
    kinds = np.array([(0.85, 0.75, 0.1), (0.85, 0.85, 0.85), (0.8, 0.12, 0.3), (0.45, 0.25, 0.75)])
    heads = flowers + np.array([0, 0.2, 0])
    petals = kinds[rng.integers(4, size=len(heads))]
    return [
        scatter(_tuft(), tufts, scales, rng.uniform(0, 6.3, count), greens),
        scatter(sphere(1), heads, [0.075, 0.05, 0.075], 0.0, petals),
        scatter(cone(3), flowers, [0.02, 0.2, 0.02], 0.0, LEAF),
    ]


def _tuft() -> Mesh:
    blades = []
    for turn in np.arange(4) / 4 * 2 * np.pi:
        blade = flat_mesh([(0.02, 0, 0.03), (0.02, 0, -0.03), (0.1, 1, 0)], [(0, 1, 2)])
        blades.append(blade.turned("y", np.degrees(turn)))
    return merge(blades)


def _stones(
    plot: Plot, rng: np.random.Generator, *, count: int, reach: float, colour: Colour
) -> Mesh:
    places = plot.places(count, reach, rng)
    sizes = rng.uniform(0.07, 0.24, (len(places), 1)) * [1, 0.8, 1]
    stone = boulder(rng, colour, mossy=False, subdivisions=1)
    return scatter(stone, places, sizes, rng.uniform(0, 6.3, len(places)))


def _desert(plot: Plot, rng: np.random.Generator) -> list[Mesh]:
    dry = plot.places(40, 6, rng)
    straw = scatter(_tuft(), dry, [1.2, 0.3, 1.2], rng.uniform(0, 6, len(dry)), (0.5, 0.38, 0.12))
    things = [_stones(plot, rng, count=60, reach=7, colour=(0.50, 0.27, 0.14)), straw]
    if plot.radius is None:
        count = 8
        turns, away = rng.uniform(0, 2 * np.pi, count), rng.uniform(36, 55, count)
        places = np.stack([away * np.cos(turns), np.full(count, -1.0), away * np.sin(turns)], 1)
        broad, tall = rng.uniform(4, 9, (2, count))
        mesa = revolve(((1.3, 0), (0.95, 0.45), (0.9, 1), (0, 1)), 9).painted((0.52, 0.24, 0.11))
        things.append(scatter(mesa, places, np.stack([broad, tall, broad], 1), turns))
    return things


def _lake(plot: Plot, rng: np.random.Generator) -> list[Mesh]:
    pads = plot.places(26, 5.5, rng)
    pads = pads[np.linalg.norm(pads, axis=1) > plot.clear + 0.55] + [0, 0.015, 0]
    sizes = rng.uniform(0.16, 0.32, (len(pads), 1)) * [1, 0, 1] + [0, 0.02, 0]
    things = [scatter(cylinder(10), pads, sizes, 0.0, (0.09, 0.34, 0.08))]
    blooms = pads[::3] + np.array([0, 0.05, 0])
    things.append(scatter(sphere(1), blooms, [0.09, 0.07, 0.09], 0.0, (0.85, 0.5, 0.65)))
    if plot.island:
        reach = plot.clear + 0.35
        shore = ((reach * 1.18, -0.05), (reach, 0.08), (reach * 0.85, ISLAND), (0, ISLAND))
        things.append(revolve(shore, 28).painted((0.55, 0.45, 0.27)))
        lawn = ((reach * 0.82, ISLAND), (reach * 0.7, ISLAND + 0.02), (0, ISLAND + 0.02))
        grass = revolve(lawn, 28)
        things.append(grass.painted((0.14, 0.28, 0.06)))
    return [*things, _stones(plot, rng, count=8, reach=8, colour=STONE)]


def _snow(plot: Plot, rng: np.random.Generator) -> list[Mesh]:
    saplings = plot.places(9, 4.5 if plot.radius else 9, rng)
    saplings = saplings[np.linalg.norm(saplings, axis=1) > plot.clear + 0.5]
    sizes = rng.uniform(0.35, 0.6, (len(saplings), 1))
    things = [
        scatter(_fir(snowy=True), saplings, sizes),
        _stones(plot, rng, count=8, reach=6, colour=(0.8, 0.83, 0.88)),
    ]
    if plot.radius is None:
        things.append(_woods(rng, count=16, snowy=True, near=13, far=26))
    return things


DECOR: dict[attributes.Environment, Callable[[Plot, np.random.Generator], list[Mesh]]] = {
    "meadow": _meadow,
    "desert": _desert,
    "lake": _lake,
    "snow": _snow,
    "room": furnish_room,
    "forest": furnish_forest,
    "beach": furnish_beach,
    "street": furnish_street,
}
