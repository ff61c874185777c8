"""The words of the captions: for every value of an attribute, in how many ways it can be said.

    LIGHTING["moonlight"][0]    # "in moonlight"

They lie in `words.toml`; the first few of each value are those that people use most.
"""

import tomllib
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_suffix(".toml")
Ways = tuple[str, ...]

_TOLD: dict[str, Any] = tomllib.loads(FILE.read_text(encoding="utf-8"))


def _table(attribute: str) -> dict[str, Ways]:
    return {value: tuple(ways) for value, ways in _TOLD[attribute].items()}


SUBJECT = _table("subject")
PLURAL = _table("plural")
"""How several of a subject are called."""
ENVIRONMENT = _table("environment")
LIGHTING = _table("lighting")
CAMERA_ANGLE = _table("camera_angle")
SHOT = _table("shot")
VIEWPOINT = _table("viewpoint")
WEATHER = _table("weather")
LOOK = _table("look")
PALETTE = _table("palette")
MATERIAL = _table("material")
MEDIUM = _table("medium")
"""What a caption may begin with, by look."""
SHALLOW: Ways = tuple(_TOLD["shallow"])
MOSSY: Ways = tuple(_TOLD["mossy"])
FLOATING: Ways = tuple(_TOLD["floating"])
SEVERAL: Ways = tuple(_TOLD["several"])

ABSENT = (
    "dog", "cat", "fish", "cow", "elephant", "lion", "butterfly", "dragon", "sheep", "rabbit",
    "snake", "turtle", "portrait of a woman", "dancer", "astronaut", "crowd", "football player",
    "train", "aeroplane", "bus", "motorcycle", "helicopter", "tractor", "submarine", "spaceship",
    "bridge", "skyscraper", "city skyline", "church", "market", "stadium", "pyramid", "fountain",
    "swimming pool", "waterfall", "volcano", "planet", "galaxy", "abstract pattern", "statue",
    "pizza", "apple", "bowl of fruit", "hamburger", "banana", "cup of coffee", "bottle of wine",
    "book", "guitar", "piano", "violin", "drum", "clock", "telephone", "laptop", "shoe",
    "handbag", "watch", "vase", "bouquet of roses", "bed", "sofa", "bench", "ladder", "kite",
    "sword", "fire engine",
)  # fmt: skip
"""Subjects that no scene shows: what the image-text encoder learns to answer no to."""
