"""What a scene is made of: the vocabulary and one point in it.

    >>> attributes = sample(np.random.default_rng(0))
    >>> from_json(to_json(attributes)) == attributes
    True

The palette is a colour grade of the finished picture, so :func:`sample` leaves it "natural".
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar, get_args

import numpy as np

Subject = Literal["rock", "house", "tree", "tower", "boat", "cactus", "snowman", "chair"]
Environment = Literal["meadow", "desert", "lake", "snow", "room"]
Lighting = Literal[
    "golden hour", "overcast", "moonlight", "neon", "candle-light", "softbox", "backlit"
]
CameraAngle = Literal["low", "eye level", "high", "bird's-eye"]
Shot = Literal["close", "medium", "wide"]
Colour = Literal["red", "orange", "yellow", "green", "blue", "purple", "white", "pink"]
Material = Literal["matte", "glossy", "metallic"]
Palette = Literal["natural", "warm", "cool", "muted", "vivid", "monochrome", "pastel"]

SUBJECTS: tuple[Subject, ...] = get_args(Subject)
ENVIRONMENTS: tuple[Environment, ...] = get_args(Environment)
LIGHTINGS: tuple[Lighting, ...] = get_args(Lighting)
CAMERA_ANGLES: tuple[CameraAngle, ...] = get_args(CameraAngle)
SHOTS: tuple[Shot, ...] = get_args(Shot)
COLOURS: tuple[Colour, ...] = get_args(Colour)
MATERIALS: tuple[Material, ...] = get_args(Material)
PALETTES: tuple[Palette, ...] = get_args(Palette)

T = TypeVar("T")

MOSSY_SHARE = 0.5
COLOURED_SHARE = 0.5
SHINY_SHARE = 0.45
FLOATING_SHARE = 0.15
FLOATING_ROCK_SHARE = 0.4


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """Everything that is said about one scene; what is left open, the seed decides."""

    subject: Subject
    environment: Environment
    lighting: Lighting
    camera_angle: CameraAngle
    shot: Shot
    colour: Colour | None = None
    material: Material = "matte"
    mossy: bool = False
    floating: bool = False
    palette: Palette = "natural"


def _pick(options: tuple[T, ...], rng: np.random.Generator) -> T:
    return options[int(rng.integers(len(options)))]


def sample(rng: np.random.Generator) -> Attributes:
    """Draw one scene: uniform over subject, environment, lighting, angle and shot."""
    subject: Subject = _pick(SUBJECTS, rng)
    mossy = subject == "rock" and bool(rng.random() < MOSSY_SHARE)
    coloured = not mossy and bool(rng.random() < COLOURED_SHARE)
    shiny = coloured and bool(rng.random() < SHINY_SHARE)
    floating_share = FLOATING_ROCK_SHARE if subject == "rock" else FLOATING_SHARE
    return Attributes(
        subject=subject,
        environment=_pick(ENVIRONMENTS, rng),
        lighting=_pick(LIGHTINGS, rng),
        camera_angle=_pick(CAMERA_ANGLES, rng),
        shot=_pick(SHOTS, rng),
        colour=_pick(COLOURS, rng) if coloured else None,
        material=_pick(MATERIALS[1:], rng) if shiny else "matte",
        mossy=mossy,
        floating=bool(rng.random() < floating_share),
    )


def to_json(attributes: Attributes) -> dict[str, Any]:
    """The attributes as a plain dictionary, ready for ``json.dumps``."""
    return asdict(attributes)


def from_json(values: dict[str, Any]) -> Attributes:
    """The attributes from :func:`to_json`'s dictionary."""
    return Attributes(**values)
