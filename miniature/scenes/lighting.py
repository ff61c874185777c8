"""The ten lightings: a sky, lamps and an exposure.

    >>> rig = light("moonlight", stage, rng)

A sky is a picture of all directions (Mitsuba's ``envmap``); discs of sun and moon are painted
there, while a separate directional lamp casts the shadows, which keeps the noise low.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from scipy.ndimage import zoom

from miniature import attributes
from miniature.scenes.camera import Camera
from miniature.scenes.geometry import Colour, Floats, Mesh, cylinder, merge

SKY_SHAPE = (160, 320)
_HIGH: dict[str, float] = {"low": 27, "worm's-eye": 50}
"""Where moons stand that a camera on the ground sees, in degrees."""
CYAN: Colour = (1.2, 26.0, 36.0)
MAGENTA: Colour = (42.0, 1.8, 25.0)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What a lighting has to know of the scene.

    Attributes:
        angle: the angle of view.
        camera: where the picture is taken from.
        centre: the middle of the subject.
        top: the height of its highest point.
        reach: how far the subject extends from the y axis.
        floor: the height of the ground below the subject.
    """

    angle: attributes.CameraAngle
    camera: Camera
    centre: Floats
    top: float
    reach: float
    floor: float

    @property
    def distance(self) -> float:
        """From the camera to the middle of the subject."""
        return float(np.linalg.norm(self.camera.origin - self.centre))

    @property
    def half_width(self) -> float:
        """Half of what the frame shows at the subject's distance."""
        return self.distance * float(np.tan(np.radians(self.camera.field_of_view / 2)))

    @property
    def seen_from_above(self) -> bool:
        """Whether the sky is out of the frame and the subject shows its top."""
        return self.angle in ("high", "bird's-eye")


@dataclass(frozen=True, kw_only=True)
class Rig:
    """Everything that shines, and how it is developed.

    Attributes:
        sky: radiance of all directions (height, width, 3).
        lamps: Mitsuba dictionaries by name.
        props: what carries the lamps: a candle.
        sky_weight: how often the sky is sampled compared to a lamp.
        exposure: what radiance is multiplied with before the tone curve.
        veil: the colour of stray light from the top of the frame.
    """

    sky: Floats
    lamps: dict[str, dict[str, Any]] = field(default_factory=dict)
    props: Mesh = field(default_factory=lambda: merge([]))
    sky_weight: float = 0.6
    exposure: float = 1.0
    veil: Colour | None = None


def light(name: attributes.Lighting, stage: Stage, rng: np.random.Generator) -> Rig:
    """Set up a lighting for a stage."""
    return RIGS[name](stage, rng)


@cache
def sky_directions() -> Floats:
    """The direction of every pixel of a sky (height, width, 3)."""
    height, width = SKY_SHAPE
    down = ((np.arange(height) + 0.5) / height * np.pi)[:, None]
    turn = ((np.arange(width) + 0.5) / width * 2 * np.pi)[None]
    x, z = np.sin(turn) * np.sin(down), -np.cos(turn) * np.sin(down)
    return np.stack([x, np.broadcast_to(np.cos(down), x.shape), z], -1)


def gradient(horizon: Colour, zenith: Colour, below: Colour) -> Floats:
    """A sky that changes from the horizon to the zenith."""
    height = sky_directions()[..., 1:2]
    blend = np.clip(height, 0, 1) ** 0.55
    return np.where(
        height > 0, np.array(horizon) * (1 - blend) + np.array(zenith) * blend, np.array(below)
    )


def disc(towards: Floats, radius: float, colour: Colour) -> Floats:
    """A round light in the sky: its radius in degrees, its rim soft."""
    cosine = np.clip(sky_directions() @ (towards / np.linalg.norm(towards)), -1, 1)
    return np.clip(radius + 0.5 - np.degrees(np.arccos(cosine)), 0, 1)[..., None] * np.array(colour)


def glow(towards: Floats, width: float, colour: Colour) -> Floats:
    """A wide soft light in the sky: its width in degrees."""
    cosine = np.clip(sky_directions() @ (towards / np.linalg.norm(towards)), -1, 1)
    spread = np.exp(-np.degrees(np.arccos(cosine)) / width)
    return spread[..., None] * np.array(colour)


def clouds(rng: np.random.Generator, cover: float) -> Floats:
    """How much of each pixel of the sky is cloud (height, width, 1)."""
    height, width = SKY_SHAPE
    total = np.zeros(SKY_SHAPE)
    for cells in (5, 10, 20, 40):
        noise = rng.normal(size=(cells, cells))
        noise = np.concatenate([noise, noise[:, :1]], axis=1)
        factors = (height / cells, width / (cells + 1))
        octave = zoom(noise, factors, order=1, grid_mode=True, mode="nearest")
        total += np.asarray(octave) / cells
    rise = np.clip(sky_directions()[..., 1] * 6, 0, 1)
    return (np.clip(total / total.std() * 0.5 + cover, 0, 1) * rise)[..., None]


def direction(azimuth: float, elevation: float) -> Floats:
    """A unit vector: azimuth in degrees to the right of what the camera looks at."""
    turn, rise = np.radians(azimuth), np.radians(elevation)
    return np.array([np.sin(turn) * np.cos(rise), np.sin(rise), -np.cos(turn) * np.cos(rise)])


def _sun(towards: Floats, colour: Colour) -> dict[str, Any]:
    return {
        "type": "directional",
        "direction": [float(-x) for x in towards],
        "irradiance": _rgb(colour),
    }


def _rgb(colour: Colour) -> dict[str, Any]:
    return {"type": "rgb", "value": [float(channel) for channel in colour]}


def _area(colour: Colour, weight: float = 1.0) -> dict[str, Any]:
    return {"type": "area", "radiance": _rgb(colour), "sampling_weight": weight}


def _side(rng: np.random.Generator) -> int:
    return 1 if rng.random() < 0.5 else -1


def _golden(stage: Stage, rng: np.random.Generator) -> Rig:
    towards = direction(_side(rng) * rng.uniform(70, 112), rng.uniform(11, 16))
    sky = gradient((0.95, 0.36, 0.09), (0.17, 0.18, 0.36), (0.12, 0.07, 0.04))
    sky += clouds(rng, 0.1) * np.array([0.26, 0.09, 0.05]) + glow(towards, 22, (1.2, 0.6, 0.18))
    lamps = {"sun": _sun(towards, (7.2, 3.5, 1.2))}
    return Rig(sky=sky + disc(towards, 3, (12, 8, 3)), lamps=lamps, exposure=1.05)


def _overcast(stage: Stage, rng: np.random.Generator) -> Rig:
    sky = gradient((0.80, 0.83, 0.86), (0.95, 0.98, 1.02), (0.35, 0.36, 0.36))
    return Rig(sky=sky * (1.05 - 0.3 * clouds(rng, 0.5)), exposure=0.85)


def _moonlight(stage: Stage, rng: np.random.Generator) -> Rig:
    side = _side(rng)
    sky = gradient((0.03, 0.055, 0.15), (0.006, 0.012, 0.05), (0.01, 0.015, 0.03))
    stars = (rng.random(SKY_SHAPE) < 0.007) * rng.uniform(0.05, 0.35, SKY_SHAPE)
    stars = np.where(sky_directions()[..., 1] > 0.03, stars, 0)
    sky += stars[..., None] * np.array([0.7, 0.8, 1.0])
    seen = direction(side * rng.uniform(9, 14), _HIGH.get(stage.angle, rng.uniform(7, 11)))
    sky = sky * 1.5 + disc(seen, 2.6, (0.62, 0.66, 0.72)) + glow(seen, 6, (0.05, 0.08, 0.16))
    key = direction(side * rng.uniform(55, 100), rng.uniform(35, 50))
    return Rig(sky=sky, lamps={"moon": _sun(key, (0.18, 0.42, 1.45))}, exposure=1.5)


def _neon(stage: Stage, rng: np.random.Generator) -> Rig:
    sky = gradient((0.10, 0.04, 0.12), (0.09, 0.075, 0.12), (0.02, 0.02, 0.03))
    away = float(np.clip(0.8 * stage.half_width, stage.reach + 0.45, stage.reach + 1.5))
    flip = _side(rng)
    back = rng.uniform(0.2, 0.9)
    start = np.array([0, stage.floor + 0.06, back])
    along = np.array([0, 2.0, 0])
    if stage.seen_from_above:
        start, along = np.array([0, stage.top + 0.1, 1.1]), np.array([0, 0.3, -2.2])
    lamps = {}
    for name, side, colour in (("magenta", flip, MAGENTA), ("cyan", -flip, CYAN)):
        foot = start + np.array([side * away, 0, 0])
        lamps[name] = {
            "type": "cylinder",
            "p0": [float(x) for x in foot],
            "p1": [float(x) for x in foot + along],
            "radius": 0.06,
            "emitter": _area(colour),
        }
    return Rig(sky=sky, lamps=lamps, sky_weight=0.15, exposure=1.4)


def _candle(stage: Stage, rng: np.random.Generator) -> Rig:
    sky = gradient((0.030, 0.020, 0.014), (0.016, 0.012, 0.011), (0.010, 0.006, 0.005))
    height = stage.top - 0.4 if stage.seen_from_above else stage.centre[1] - 0.75
    lift = max(0.4, height - stage.floor)
    x, z = _candle_place(stage, stage.floor + lift + 0.2, side=_side(rng))
    stick = cylinder(14).scaled(0.13, lift, 0.13).painted((0.78, 0.70, 0.55))
    dish = cylinder(16).scaled(0.27, 0.06, 0.27).painted((0.35, 0.22, 0.08))
    top = stage.floor + lift
    lamps = {}
    for index, (rise, radius) in enumerate(((0.14, 0.095), (0.26, 0.06), (0.34, 0.03))):
        lamps[f"flame{index}"] = {
            "type": "sphere",
            "center": [x, top + rise, z],
            "radius": radius,
            "emitter": _area((84, 31, 6.0), 0.1 if index else 1.0),
        }
    props = merge([stick, dish]).moved(x, stage.floor, z)
    return Rig(sky=sky, lamps=lamps, props=props, sky_weight=0.15, exposure=1.8)


def _candle_place(stage: Stage, height: float, *, side: int) -> tuple[float, float]:
    """Beside and before the subject; nearer, if the flame would be out of the frame."""
    x = min(max(0.66 * stage.half_width, 0.6 * stage.reach), stage.reach + 0.7)
    place = np.array([side * x, height, stage.reach * 0.7 + 0.25])
    for _ in range(6):
        if np.abs(stage.camera.project(place[None])).max() < 0.85:
            break
        place[[0, 2]] *= 0.9
    return float(place[0]), float(place[2])


def _softbox(stage: Stage, rng: np.random.Generator) -> Rig:
    side = _side(rng)
    # The further away the camera, the larger and further the lamps: they stay out of the frame.
    size = max(1.0, stage.distance / 5.5)
    key = stage.centre + np.array([side * 3.4, 4.2, 2.6]) * size
    fill = stage.centre + np.array([-side * 4.5, 2.5, 2.0]) * size
    lamps = {
        "key": _panel(key, stage.centre, 1.25 * size, (21, 20.5, 20)),
        "fill": _panel(fill, stage.centre, 1.3 * size, (2.4, 2.5, 2.7)),
    }
    sky = gradient((0.05, 0.05, 0.05), (0.1, 0.1, 0.1), (0.02, 0.02, 0.02))
    return Rig(sky=sky, lamps=lamps, sky_weight=0.15, exposure=1.25)


def _panel(place: Floats, target: Floats, half: float, colour: Colour) -> dict[str, Any]:
    return {
        "type": "rectangle",
        "to_world": {"place": place, "target": target, "half": half},
        "emitter": _area(colour),
    }


def _backlit(stage: Stage, rng: np.random.Generator) -> Rig:
    level = rng.uniform(7, 11)
    rise = {"low": rng.uniform(21, 26), "eye level": level, "dutch tilt": level}
    elevation = {**rise, "worm's-eye": rng.uniform(42, 52)}.get(stage.angle, rng.uniform(20, 25))
    towards = direction(_side(rng) * rng.uniform(7, 14), elevation)
    sky = gradient((0.62, 0.58, 0.50), (0.16, 0.24, 0.40), (0.10, 0.10, 0.09))
    behind = np.clip(-sky_directions()[..., 2:3] * 0.5 + 0.4, 0.26, 0.8)
    sky = sky * behind + glow(towards, 13, (2.4, 2.25, 1.9)) + disc(towards, 3.2, (30, 28, 24))
    lamps = {"sun": _sun(towards, (7.8, 7.4, 6.7))}
    if not stage.seen_from_above:
        return Rig(sky=sky, lamps=lamps, exposure=0.85, veil=(0.08, 0.075, 0.06))
    return Rig(sky=sky * 0.35, lamps=lamps, exposure=0.95, veil=(0.20, 0.19, 0.16))


def _blue_hour(stage: Stage, rng: np.random.Generator) -> Rig:
    side = _side(rng)
    sky = gradient((0.15, 0.28, 0.66), (0.03, 0.08, 0.36), (0.03, 0.05, 0.12))
    sky += glow(direction(side * rng.uniform(0, 25), 1), 13, (0.62, 0.25, 0.10))
    size = max(1.0, stage.distance / 5.5)
    lamp = stage.centre + np.array([-side * 3.0, 0.6, 0.2]) * size
    lamps = {"lantern": _panel(lamp, stage.centre, 0.3 * size, (17, 6.8, 1.7))}
    return Rig(sky=sky, lamps=lamps, sky_weight=0.5, exposure=1.5)


def _midday(stage: Stage, rng: np.random.Generator) -> Rig:
    towards = direction(_side(rng) * rng.uniform(20, 140), rng.uniform(60, 74))
    sky = gradient((0.42, 0.62, 0.92), (0.06, 0.19, 0.62), (0.30, 0.30, 0.28))
    sky = sky * 0.75 + clouds(rng, -0.35) * np.array([0.9, 0.9, 0.92])
    return Rig(sky=sky, lamps={"sun": _sun(towards, (6.6, 6.2, 5.5))}, exposure=0.95)


def _spotlight(stage: Stage, rng: np.random.Generator) -> Rig:
    place = stage.centre + np.array([_side(rng) * 1.6, 5.2, 2.4]) * max(1.0, stage.reach / 1.2)
    away = float(np.linalg.norm(place - stage.centre))
    half = float(np.degrees(np.arctan((stage.reach + 0.55) / away)))
    lamp = {
        "type": "spot",
        "to_world": {"place": place, "target": stage.centre, "half": 1.0},
        "intensity": _rgb((7.4 * away**2, 7.2 * away**2, 6.6 * away**2)),
        "cutoff_angle": half,
        "beam_width": 0.82 * half,
    }
    sky = gradient((0.012, 0.012, 0.018), (0.02, 0.02, 0.028), (0.008, 0.008, 0.008))
    return Rig(sky=sky, lamps={"spot": lamp}, sky_weight=0.3, exposure=1.1)


RIGS: dict[attributes.Lighting, Callable[[Stage, np.random.Generator], Rig]] = {
    "golden hour": _golden,
    "overcast": _overcast,
    "moonlight": _moonlight,
    "neon": _neon,
    "candle-light": _candle,
    "softbox": _softbox,
    "backlit": _backlit,
    "blue hour": _blue_hour,
    "midday sun": _midday,
    "spotlight": _spotlight,
}
