"""People, animals and their likenesses."""

from dataclasses import replace

import numpy as np

from miniature.scenes.geometry import (
    Colour,
    Mesh,
    cone,
    cylinder,
    merge,
    revolve,
    scatter,
    sphere,
)
from miniature.scenes.subjects.parts import COLOURS, DARK, WOOD, Builder, Subject, beam, shade

ORANGE: Colour = (0.90, 0.34, 0.02)
SNOW: Colour = (0.84, 0.86, 0.90)


def _ball(size: Colour, place: Colour, colour: Colour, *, pitch: float = 0.0) -> Mesh:
    """An ellipsoid of radii (x, y, z), its front dipped by `pitch` degrees, about a place."""
    smooth = sphere(2 if max(size) > 0.16 else 1)
    return smooth.scaled(*size).turned("x", pitch).moved(*place).painted(colour)


def _limb(start: Colour, end: Colour, radii: tuple[float, float], colour: Colour) -> Mesh:
    """A rod with round ends that tapers from the first radius to the second."""
    along = np.subtract(end, start)
    length = float(np.linalg.norm(along))
    pole = cylinder(16)
    width = radii[0] + (radii[1] - radii[0]) * pole.vertices[:, 1]
    stretched = pole.vertices * np.stack([width, np.full_like(width, length), width], axis=1)
    rod = replace(pole, vertices=stretched)
    rod = rod.turned("x", float(np.degrees(np.arccos(along[1] / length))))
    rod = rod.turned("y", float(np.degrees(np.arctan2(along[0], along[2]))))
    ends = [_ball((r, r, r), at, colour) for at, r in zip((start, end), radii, strict=True)]
    return merge([rod.moved(*start).painted(colour), *ends])


def snowman(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """Three balls of snow with a hat, a scarf and a carrot."""
    snow = paint or SNOW
    scarf = COLOURS["blue"] if paint == COLOURS["red"] else COLOURS["red"]
    balls = ((0.70, 0.6), (0.50, 1.48), (0.36, 2.1))
    body = [sphere().scaled(r, r, r).moved(0, y, 0).painted(snow) for r, y in balls]
    carrot = cone(10).scaled(0.08, 0.45, 0.08).turned("x", 90).moved(0, 2.1, 0.3)
    trim = [
        carrot.painted((0.85, 0.3, 0.02)),
        revolve(((0.3, 0), (0.42, 0.07), (0.3, 0.14)), 20).moved(0, 1.76, 0).painted(scarf),
        beam((0.16, 0.5, 0.07), (0.16, 1.38, 0.44), scarf),
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


def person(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A standing figurine in a coloured jacket and dark trousers, a backpack on its back."""
    coat = paint or ((0.02, 0.30, 0.30), (0.62, 0.36, 0.03))[rng.integers(2)]
    skin = ((0.74, 0.44, 0.30), (0.52, 0.28, 0.16), (0.22, 0.11, 0.06))[rng.integers(3)]
    hair = ((0.03, 0.02, 0.015), (0.14, 0.06, 0.025), (0.50, 0.28, 0.06))[rng.integers(3)]
    if skin[0] < 0.3:
        hair = (0.02, 0.015, 0.012)
    trousers, sole, pack = (0.03, 0.04, 0.09), (0.10, 0.045, 0.02), (0.34, 0.10, 0.04)
    chest = (
        (0, 0.76),
        (0.34, 0.76),
        (0.31, 1.0),
        (0.34, 1.3),
        (0.27, 1.41),
        (0.1, 1.46),
        (0, 1.46),
    )
    body = [revolve(chest, 24).scaled(1, 1, 0.72).painted(coat)]
    trim = [
        _ball((0.22, 0.25, 0.22), (0, 1.7, 0.03), skin),
        _ball((0.24, 0.22, 0.23), (0, 1.77, -0.03), hair),
        _ball((0.21, 0.2, 0.13), (0, 1.63, -0.1), hair),
        _ball((0.05, 0.05, 0.07), (0, 1.67, 0.26), shade(skin, 0.9)),
        beam((0.12, 0.05, 0.06), (0, 1.54, 0.18), (0.40, 0.06, 0.05)),
        revolve(((0.16, 0), (0.19, 0.06), (0.13, 0.12)), 20)
        .moved(0, 1.4, 0)
        .painted(shade(coat, 0.5)),
        beam((0.05, 0.6, 0.05), (0, 0.8, 0.225), shade(coat, 0.35)),
        beam((0.44, 0.56, 0.24), (0, 0.86, -0.32), pack),
        beam((0.48, 0.12, 0.3), (0, 1.34, -0.33), shade(pack, 1.5)),
        _limb((-0.24, 1.5, -0.38), (0.24, 1.5, -0.38), (0.1, 0.1), (0.10, 0.24, 0.06)),
        beam((0.32, 0.24, 0.1), (0, 0.9, -0.47), shade(pack, 1.5)),
    ]
    swing = rng.uniform(-0.14, 0.14)
    for side in (1, -1):
        stride = 0.5 * swing * side
        shoulder, hand = (0.36 * side, 1.32, 0.0), (0.7 * side, 0.9, 0.12 - swing * side)
        body.append(_limb(shoulder, hand, (0.125, 0.095), coat))
        palm = (hand[0] + 0.06 * side, 0.81, hand[2] + 0.02)
        foot = (0.17 * side, 0.14, stride)
        trim += [
            _ball((0.09, 0.11, 0.09), palm, skin),
            _limb((0.15 * side, 0.8, 0), foot, (0.165, 0.12), trousers),
            _ball((0.13, 0.1, 0.23), (0.18 * side, 0.1, stride + 0.08), sole),
            beam((0.07, 0.6, 0.05), (0.19 * side, 0.84, 0.2), pack),
            _ball((0.04, 0.05, 0.03), (0.095 * side, 1.73, 0.235), DARK),
        ]
    return Subject(merge(body), merge(trim))


def _robot_front(steel: Colour, dark: Colour, knobs: tuple[Colour, Colour, Colour]) -> list[Mesh]:
    """A robot's neck, grilles, chest plate, dials and antenna; the first knob's colour on top."""
    dial = cylinder(16).scaled(0.07, 0.06, 0.07).turned("x", 90)
    return [
        cylinder().scaled(0.2, 0.14, 0.2).moved(0, 1.24, 0).painted(dark),
        beam((0.54, 0.13, 0.06), (0, 1.42, 0.27), dark),
        beam((0.62, 0.4, 0.06), (0, 0.7, 0.29), (0.66, 0.66, 0.62)),
        beam((0.5, 0.1, 0.06), (0, 0.75, 0.31), dark),
        beam((0.56, 0.46, 0.05), (0, 0.68, -0.305), steel),
        beam((0.6, 0.12, 0.44), (0, 0.47, 0), dark),
        cylinder(12).scaled(0.04, 0.28, 0.04).moved(0, 1.88, 0).painted(steel),
        cylinder().scaled(0.16, 0.06, 0.16).moved(0, 1.88, 0).painted(steel),
        _ball((0.11, 0.11, 0.11), (0, 2.2, 0), knobs[0]),
        *(beam((0.05, 0.13, 0.05), (x, 1.42, 0.29), steel) for x in (-0.18, -0.06, 0.06, 0.18)),
        *(beam((0.44, 0.05, 0.04), (0, y, -0.32), dark) for y in (0.76, 0.88, 1.0)),
        *(
            dial.moved(x, 0.98, 0.3).painted(colour)
            for x, colour in zip((-0.18, 0, 0.18), knobs, strict=True)
        ),
    ]


def _claw(wrist: Colour, colour: Colour) -> list[Mesh]:
    """Two bent fingers."""
    made = []
    for finger in (1, -1):
        x, y, z = wrist[0] + 0.1 * finger, wrist[1], wrist[2] + 0.12
        knuckle = (x + 0.06 * finger, y, z + 0.08)
        made.append(_limb((x, y, z), knuckle, (0.06, 0.06), colour))
        made.append(_limb(knuckle, (x - 0.02 * finger, y, z + 0.2), (0.06, 0.05), colour))
    return made


def robot(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A boxy toy robot with glowing eyes, an antenna and claws."""
    metal = paint or (0.36, 0.45, 0.52)
    steel, dark, glow = (0.20, 0.21, 0.23), (0.05, 0.055, 0.065), (0.9, 0.78, 0.08)
    knob = COLOURS["green"] if paint == COLOURS["red"] else COLOURS["red"]
    wide = rng.uniform(0.84, 0.96)
    half = wide / 2
    body = [
        beam((0.7, 0.52, 0.52), (0, 1.36, 0.02), metal),
        beam((wide, 0.7, 0.6), (0, 0.56, 0), metal),
    ]
    trim = _robot_front(steel, dark, (knob, glow, COLOURS["blue"]))
    for side in (1, -1):
        swing = rng.uniform(-0.05, 0.15)
        eye = cylinder().turned("x", 90)
        elbow, wrist = (side * (half + 0.24), 0.84, 0.0), (side * (half + 0.22), 0.74, 0.3 + swing)
        leg = 0.25 * side
        body += [
            beam((0.3, 0.22, 0.4), (leg, 0.12, 0), metal),
            beam((0.38, 0.16, 0.58), (leg, 0, 0.06), metal),
        ]
        ear = cylinder().scaled(0.13, 0.1, 0.13).turned("z", -90 * side)
        trim += [
            eye.scaled(0.16, 0.16, 0.05).moved(0.17 * side, 1.71, 0.26).painted(dark),
            eye.scaled(0.12, 0.12, 0.1).moved(0.17 * side, 1.71, 0.26).painted(glow),
            ear.moved(0.34 * side, 1.62, 0.02).painted(knob),
            beam((0.24, 0.24, 0.26), (leg, 0.3, 0), steel),
            _ball((0.17, 0.17, 0.17), (side * (half + 0.08), 1.1, 0), dark),
            _limb((side * (half + 0.1), 1.1, 0), elbow, (0.1, 0.1), steel),
            _limb(elbow, wrist, (0.1, 0.1), steel),
        ]
        cuff = cylinder().scaled(0.15, 0.14, 0.15).turned("x", 90)
        body.append(cuff.moved(wrist[0], wrist[1], wrist[2] - 0.02).painted(metal))
        trim += _claw(wrist, dark)
    return Subject(merge(body), merge(trim))


def horse(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """A standing horse with a saddle, a dark mane and a dark tail."""
    coat = paint or (0.34, 0.12, 0.035)
    mane, leather = (0.025, 0.018, 0.015), (0.10, 0.035, 0.015)
    cloth = COLOURS["red"] if paint == COLOURS["blue"] else COLOURS["blue"]
    lift = rng.uniform(-0.08, 0.06)
    poll = (0.0, 1.82 + lift, 0.74)
    nose = (0.0, 1.5 + lift, 1.04)
    body = [
        _limb((0, 1.08, 0.36), (0, 1.1, -0.46), (0.36, 0.35), coat),
        _limb((0, 1.16, 0.42), poll, (0.31, 0.16), coat),
        _limb(poll, nose, (0.175, 0.115), coat),
    ]
    trim = [
        _ball((0.135, 0.125, 0.12), (0, nose[1] - 0.02, nose[2] + 0.03), shade(coat, 0.35)),
        _limb((0, 1.87 + lift, 0.89), (0, 1.66 + lift, 1.08), (0.065, 0.05), SNOW),
        _ball((0.385, 0.3, 0.27), (0, 1.2, -0.02), cloth),
        _ball((0.3, 0.1, 0.2), (0, 1.48, -0.02), leather),
        _ball((0.16, 0.11, 0.07), (0, 1.54, -0.2), leather),
        _ball((0.09, 0.12, 0.07), (0, 1.55, 0.16), leather),
        _limb((0, 1.34, -0.74), (0, 1.22, -0.9), (0.09, 0.12), mane),
        _limb((0, 1.22, -0.9), (0, 0.62, -0.95), (0.12, 0.08), mane),
    ]
    for step in np.linspace(0, 1, 6):
        place = (0.0, 1.46 + step * (0.5 + lift), 0.26 + step * 0.36)
        trim.append(_ball((0.085, 0.14, 0.13), place, mane))
    trim.append(_ball((0.09, 0.09, 0.13), (0, poll[1] + 0.17, poll[2] + 0.06), mane, pitch=35))
    for side in (1, -1):
        ear = cone(10).scaled(0.075, 0.22, 0.06).turned("z", -14 * side)
        body.append(ear.moved(0.1 * side, poll[1] + 0.11, poll[2]).painted(coat))
        trim.append(_ball((0.04, 0.05, 0.05), (0.15 * side, poll[1] - 0.02, poll[2] + 0.12), DARK))
        for hip, thick in ((0.46, 0.15), (-0.56, 0.16)):
            step = hip + rng.uniform(-0.1, 0.1)
            knee = (0.2 * side, 0.55, (hip + step) / 2 + 0.03)
            body.append(_limb((0.19 * side, 1.0, hip), knee, (thick, 0.105), coat))
            body.append(_limb(knee, (0.2 * side, 0.2, step), (0.1, 0.08), coat))
            hoof = revolve(((0, 0), (0.13, 0), (0.1, 0.2), (0, 0.2)), 14)
            trim.append(hoof.moved(0.2 * side, 0, step + 0.02).painted(DARK))
    return Subject(merge(body), merge(trim))


def penguin(paint: Colour | None, rng: np.random.Generator) -> Subject:
    """An upright penguin: a dark back and flippers, a white front, an orange beak and feet."""
    black = paint or (0.022, 0.024, 0.032)
    gold = (0.9, 0.55, 0.04)
    girth = rng.uniform(0.95, 1.06)
    body = [
        sphere().scaled(0.56 * girth, 0.78, 0.54 * girth).moved(0, 0.84, 0).painted(black),
        _ball((0.37, 0.4, 0.37), (0, 1.6, 0.06), black),
        _ball((0.2, 0.1, 0.28), (0, 0.2, -0.5), black, pitch=-20),
    ]
    trim = [
        _ball((0.47 * girth, 0.7, 0.44 * girth), (0, 0.8, 0.17), SNOW),
        cone(14).scaled(0.13, 0.48, 0.11).turned("x", 94).moved(0, 1.55, 0.36).painted(ORANGE),
    ]
    for side in (1, -1):
        spread = rng.uniform(32, 48)
        flipper = sphere(2).moved(0, -0.85, 0).scaled(0.09, 0.42, 0.22).turned("z", spread * side)
        body.append(flipper.moved(0.43 * side * girth, 1.28, 0).painted(black))
        trim += [
            _ball((0.2, 0.26, 0.18), (0.16 * side, 1.58, 0.27), SNOW),
            _ball((0.055, 0.07, 0.05), (0.16 * side, 1.65, 0.425), DARK),
            _ball((0.1, 0.16, 0.16), (0.31 * side, 1.37, 0.14), gold),
            _ball((0.24, 0.1, 0.36), (0.36 * side, 0.1, 0.28), ORANGE),
        ]
        for toe in (-0.13, 0, 0.13):
            trim.append(_ball((0.08, 0.07, 0.12), (0.36 * side + toe, 0.08, 0.6), ORANGE))
    return Subject(merge(body), merge(trim))


BUILDERS: dict[str, Builder] = {
    "person": person,
    "snowman": snowman,
    "robot": robot,
    "horse": horse,
    "penguin": penguin,
}
