"""Captions of scenes, in many phrasings: what the embedded models learn to read.

    caption(attributes, np.random.default_rng(0))   # "close-up of a mossy boulder, in moonlight"

A caption is drawn anew every time, leaves attributes out at random, and orders them freely, so
that prompts that users write and edits that are appended to them both look familiar.
"""

from dataclasses import dataclass

import numpy as np

from miniature.attributes import Attributes

SUBJECT = {
    "rock": ("rock", "boulder", "rocks", "stone", "large rock", "boulders"),
    "house": ("house", "cottage", "cabin", "small house"),
    "tree": ("tree", "tree", "leafy tree", "pine tree"),
    "tower": ("tower", "stone tower", "watchtower", "castle tower"),
    "boat": ("boat", "sailboat", "sailing boat", "small boat"),
    "cactus": ("cactus", "cactus", "saguaro cactus"),
    "snowman": ("snowman", "snowman with a hat", "snowman"),
    "chair": ("chair", "wooden chair", "chair"),
}
ENVIRONMENT = {
    "meadow": (
        "in a green meadow",
        "in a grassy field",
        "on the grass",
        "in a meadow",
        "meadow",
        "grass field",
        "set in a flowering meadow",
    ),
    "desert": (
        "in the desert",
        "on sand",
        "among sand dunes",
        "in a sandy desert",
        "desert",
        "sand dunes",
        "set in a desert",
    ),
    "lake": (
        "on a lake",
        "in the middle of a calm lake",
        "on the water",
        "by the water",
        "lake",
        "still water",
        "set on a mountain lake",
    ),
    "snow": (
        "in the snow",
        "in a snowy landscape",
        "in winter",
        "on a snowfield with mountains",
        "snow",
        "winter landscape",
        "set in deep snow",
    ),
    "room": (
        "in a room",
        "indoors",
        "on a wooden floor",
        "inside a house",
        "indoor room",
        "interior",
        "set in a room with a wooden floor",
    ),
}
LIGHTING = {
    "golden hour": (
        "at golden hour",
        "at sunset",
        "in warm evening sunlight",
        "golden hour lighting",
        "low warm sun",
        "golden light",
    ),
    "overcast": (
        "under an overcast sky",
        "on a cloudy day",
        "in soft overcast light",
        "overcast lighting",
        "flat grey daylight",
        "overcast",
    ),
    "moonlight": (
        "in moonlight",
        "on a moonlit night",
        "at night under the moon",
        "moonlight",
        "lit by the moon",
        "moonlit",
    ),
    "neon": (
        "lit by neon lights",
        "in pink and cyan neon light",
        "with neon glow",
        "neon lighting",
        "neon",
        "in neon light",
    ),
    "candle-light": (
        "by candlelight",
        "lit by a candle",
        "in dim candle light",
        "candle-lit",
        "candle-light",
        "in the glow of a single candle",
    ),
    "softbox": (
        "studio softbox lighting",
        "in studio lighting",
        "lit by a softbox",
        "soft studio light",
        "softbox",
        "in a photo studio with a softbox",
    ),
    "backlit": (
        "backlit",
        "with strong backlight",
        "against the light",
        "with rim light",
        "backlighting",
        "lit from behind",
    ),
}
CAMERA_ANGLE = {
    "low": (
        "low angle",
        "seen from below",
        "low-angle shot",
        "from a low camera angle",
        "looking up",
        "from a low angle",
    ),
    "eye level": (
        "eye level",
        "at eye level",
        "eye-level view",
        "straight-on view",
        "eye-level shot",
    ),
    "high": (
        "high angle",
        "seen from above",
        "high-angle shot",
        "looking down",
        "from a high angle",
        "from a high camera angle",
    ),
    "bird's-eye": (
        "bird's-eye view",
        "top-down view",
        "from directly overhead",
        "aerial view",
        "seen from straight above",
        "overhead shot",
    ),
}
SHOT = {
    "close": ("close-up", "close-up shot", "tight framing", "a close-up view", "up close"),
    "medium": ("medium shot", "mid shot", "medium framing"),
    "wide": ("wide shot", "long shot", "distant view", "wide framing", "far away"),
}
PALETTE = {
    "warm": ("warm palette", "warm tones", "in warm colours", "warm colors"),
    "cool": ("cool palette", "cool blue tones", "in cool colours", "cool colors"),
    "muted": ("muted colors", "desaturated palette", "muted colours", "faded colours"),
    "vivid": ("vivid colors", "vibrant palette", "vivid colours", "saturated colours"),
    "monochrome": ("black and white", "monochrome", "in black and white"),
    "pastel": ("pastel palette", "pastel colors", "pastel colours", "soft pastel tones"),
}
MATERIAL = {"glossy": ("glossy", "shiny"), "metallic": ("metallic", "chrome")}
MOSSY = ("mossy", "moss-covered", "mossy")
FLOATING = ("floating", "hovering", "levitating", "floating")
MEDIUM = ("a photo of", "a picture of", "an image of", "a photograph of", "")

ABSENT = (
    "dog", "cat", "horse", "bird", "fish", "cow", "elephant", "lion", "butterfly", "dragon",
    "man", "woman", "child", "portrait of a woman", "dancer", "astronaut", "robot", "crowd",
    "car", "bicycle", "train", "aeroplane", "bus", "motorcycle", "bridge", "street", "skyscraper",
    "city skyline", "church", "market", "stadium", "pizza", "apple", "bowl of fruit", "cake",
    "cup of coffee", "bottle of wine", "book", "guitar", "piano", "clock", "lamp", "telephone",
    "laptop", "shoe", "handbag", "watch", "vase", "bouquet of roses", "sunflower", "mushroom",
    "waterfall", "volcano", "planet", "galaxy", "abstract pattern", "statue", "bed", "table",
    "umbrella", "balloon", "kite", "football player", "swimming pool", "fire engine", "spaceship",
)  # fmt: skip
"""Subjects that no scene shows: what the image-text encoder learns to answer no to."""

KEEP = {"environment": 0.85, "lighting": 0.85, "camera_angle": 0.8, "shot": 0.75, "palette": 0.9}
"""How often a caption names an attribute."""


def _pick(words: tuple[str, ...], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]


def _core(attributes: Attributes, rng: np.random.Generator) -> str:
    """The subject with its adjectives: `floating mossy boulder`."""
    words = [_pick(FLOATING, rng)] if attributes.floating and rng.random() < 0.85 else []
    if attributes.material in MATERIAL and rng.random() < 0.8:
        words.append(_pick(MATERIAL[attributes.material], rng))
    if attributes.colour and rng.random() < 0.8:
        words.append(attributes.colour)
    if attributes.mossy and rng.random() < 0.85:
        words.append(_pick(MOSSY, rng))
    return " ".join([*words, _pick(SUBJECT[attributes.subject], rng)])


def _with_article(words: str) -> str:
    if words.endswith(("rocks", "boulders")):
        return words
    return ("an " if words[0] in "aeiou" else "a ") + words


def _phrases(attributes: Attributes, rng: np.random.Generator) -> dict[str, str]:
    """The attributes that this caption names, in words."""
    tables = {
        "environment": (ENVIRONMENT, attributes.environment),
        "lighting": (LIGHTING, attributes.lighting),
        "camera_angle": (CAMERA_ANGLE, attributes.camera_angle),
        "shot": (SHOT, attributes.shot),
        "palette": (PALETTE, attributes.palette),
    }
    return {
        axis: _pick(table[value], rng)
        for axis, (table, value) in tables.items()
        if value in table and rng.random() < KEEP[axis]
    }


def caption(attributes: Attributes, rng: np.random.Generator) -> str:
    """One caption of a scene, drawn from the grammar."""
    core, phrases = _core(attributes, rng), _phrases(attributes, rng)
    style = rng.random()
    if style < 0.08:
        named = [f"{axis.replace('_', ' ')}: {words}" for axis, words in phrases.items()]
        return "; ".join([f"subject: {core}", *named])
    head = core if style < 0.4 else _with_article(core)
    if style > 0.55:
        head = f"{_pick(MEDIUM, rng)} {head}".strip()
    if "shot" in phrases and style > 0.4 and rng.random() < 0.3:
        head = f"{phrases.pop('shot')} of {head}"
    if "environment" in phrases and style > 0.3 and rng.random() < 0.7:
        head = f"{head} {phrases.pop('environment')}"
    tail = list(phrases.values())
    rng.shuffle(tail)
    return ", ".join([head, *tail])


def short_prompt(attributes: Attributes, rng: np.random.Generator) -> str:
    """What a user would ask for before any edit: the subject and, half of the time, the place."""
    core = _with_article(_core(attributes, rng))
    if rng.random() < 0.5:
        return f"{core} {_pick(ENVIRONMENT[attributes.environment][:4], rng)}"
    return core


@dataclass(frozen=True)
class Claim:
    """A phrase that is true of a scene or not: `attribute` has `value`, None being never."""

    text: str
    attribute: str
    value: str | bool | None

    def holds(self, attributes: Attributes) -> bool:
        """Whether it is true of a scene."""
        return self.value is not None and getattr(attributes, self.attribute) == self.value


def claims() -> list[Claim]:
    """Every phrase of the grammar as a claim about one attribute, and what no scene shows."""
    tables = {
        "environment": ENVIRONMENT,
        "lighting": LIGHTING,
        "camera_angle": CAMERA_ANGLE,
        "shot": SHOT,
        "palette": PALETTE,
        "material": MATERIAL,
    }
    made = [
        Claim(text, attribute, value)
        for attribute, table in tables.items()
        for value, ways in table.items()
        for text in dict.fromkeys(ways)
    ]
    made += [
        Claim(text, "subject", value)
        for value, ways in SUBJECT.items()
        for word in dict.fromkeys(ways)
        for text in (word, _with_article(word))
    ]
    made += [Claim(word, "mossy", value=True) for word in dict.fromkeys(MOSSY)]
    made += [Claim(word, "floating", value=True) for word in dict.fromkeys(FLOATING)]
    return made + [Claim(_with_article(word), "subject", None) for word in ABSENT]
