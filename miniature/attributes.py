"""What a scene is made of: the vocabulary and one point in it.

    >>> attributes = sample(np.random.default_rng(0))
    >>> from_json(to_json(attributes)) == attributes
    True

Palette and look are made of the finished picture (`miniature.palette`, `miniature.look`), so
:func:`sample` leaves them "natural" and "photographic".
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar, get_args

import numpy as np

Subject = Literal[
    "rock",
    "floating island",
    "tree",
    "cactus",
    "mushroom",
    "sunflower",
    "house",
    "tower",
    "lighthouse",
    "windmill",
    "tent",
    "boat",
    "car",
    "bicycle",
    "hot-air balloon",
    "person",
    "snowman",
    "robot",
    "horse",
    "penguin",
    "chair",
    "umbrella",
    "teapot",
    "cake",
]
Environment = Literal["meadow", "desert", "lake", "snow", "room", "forest", "beach", "street"]
Lighting = Literal[
    "golden hour",
    "overcast",
    "moonlight",
    "neon",
    "candle-light",
    "softbox",
    "backlit",
    "blue hour",
    "midday sun",
    "spotlight",
]
CameraAngle = Literal["low", "eye level", "high", "bird's-eye", "dutch tilt", "worm's-eye"]
Shot = Literal["close", "medium", "full", "wide"]
Viewpoint = Literal["front", "three-quarter", "side", "back"]
Weather = Literal["clear", "fog", "snowfall"]
Colour = Literal["red", "orange", "yellow", "green", "blue", "purple", "white", "pink"]
Material = Literal["matte", "glossy", "metallic"]
Palette = Literal["natural", "warm", "cool", "muted", "vivid", "monochrome", "pastel"]
Look = Literal["photographic", "digital art"]

SUBJECTS: tuple[Subject, ...] = get_args(Subject)
ENVIRONMENTS: tuple[Environment, ...] = get_args(Environment)
LIGHTINGS: tuple[Lighting, ...] = get_args(Lighting)
CAMERA_ANGLES: tuple[CameraAngle, ...] = get_args(CameraAngle)
SHOTS: tuple[Shot, ...] = get_args(Shot)
VIEWPOINTS: tuple[Viewpoint, ...] = get_args(Viewpoint)
WEATHERS: tuple[Weather, ...] = get_args(Weather)
COLOURS: tuple[Colour, ...] = get_args(Colour)
MATERIALS: tuple[Material, ...] = get_args(Material)
PALETTES: tuple[Palette, ...] = get_args(Palette)
LOOKS: tuple[Look, ...] = get_args(Look)

ROUND: frozenset[Subject] = frozenset(
    ("rock", "floating island", "tree", "cactus", "mushroom", "tower", "hot-air balloon", "cake")
)
"""Subjects that look alike from all sides: nothing is said of their viewpoint."""
AIRBORNE: frozenset[Subject] = frozenset(("floating island", "hot-air balloon"))
"""Subjects that hover by nature."""

T = TypeVar("T")

MOSSY_SHARE = 0.5
COLOURED_SHARE = 0.45
SHINY_SHARE = 0.4
FLOATING_SHARE = 0.1
FLOATING_ROCK_SHARE = 0.4
WEATHER_SHARE = 0.24
SHALLOW_SHARE = 0.15
SEVERAL_SHARE = 0.12


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """Everything that is said about one scene; what is left open, the seed decides."""

    subject: Subject
    environment: Environment
    lighting: Lighting
    camera_angle: CameraAngle
    shot: Shot
    viewpoint: Viewpoint = "three-quarter"
    weather: Weather = "clear"
    colour: Colour | None = None
    material: Material = "matte"
    mossy: bool = False
    floating: bool = False
    several: bool = False
    """Three of the subject instead of one."""
    shallow: bool = False
    """Shallow depth of field: what is before and behind the subject is blurred."""
    palette: Palette = "natural"
    look: Look = "photographic"


def _pick(options: tuple[T, ...], rng: np.random.Generator) -> T:
    return options[int(rng.integers(len(options)))]


def sample(rng: np.random.Generator) -> Attributes:
    """Draw one scene: uniform over subject, environment, lighting, angle, shot and viewpoint."""
    subject: Subject = _pick(SUBJECTS, rng)
    environment: Environment = _pick(ENVIRONMENTS, rng)
    lighting: Lighting = _pick(LIGHTINGS, rng)
    mossy = subject == "rock" and bool(rng.random() < MOSSY_SHARE)
    coloured = not mossy and bool(rng.random() < COLOURED_SHARE)
    shiny = coloured and bool(rng.random() < SHINY_SHARE)
    floating_share = FLOATING_ROCK_SHARE if subject == "rock" else FLOATING_SHARE
    outdoors = environment != "room" and lighting not in ("softbox", "spotlight")
    return Attributes(
        subject=subject,
        environment=environment,
        lighting=lighting,
        camera_angle=_pick(CAMERA_ANGLES, rng),
        shot=_pick(SHOTS, rng),
        viewpoint=_pick(VIEWPOINTS, rng),
        weather=_pick(WEATHERS[1:], rng) if outdoors and rng.random() < WEATHER_SHARE else "clear",
        colour=_pick(COLOURS, rng) if coloured else None,
        material=_pick(MATERIALS[1:], rng) if shiny else "matte",
        mossy=mossy,
        floating=subject not in AIRBORNE and bool(rng.random() < floating_share),
        several=bool(rng.random() < SEVERAL_SHARE),
        shallow=bool(rng.random() < SHALLOW_SHARE),
    )


def to_json(attributes: Attributes) -> dict[str, Any]:
    """The attributes as a plain dictionary, ready for ``json.dumps``."""
    return asdict(attributes)


def from_json(values: dict[str, Any]) -> Attributes:
    """The attributes from :func:`to_json`'s dictionary."""
    return Attributes(**values)
