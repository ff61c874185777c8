"""Captions of scenes, in many phrasings: what the embedded models learn to read.

    caption(attributes, np.random.default_rng(0))   # "close-up of a mossy boulder, in moonlight"

A caption is drawn anew every time, leaves attributes out at random, ordinary ones more often, and
orders them freely, so that prompts that users write and edits that are appended to them both look
familiar, and a plain prompt is a request for an ordinary picture.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from miniature.attributes import COLOURS, ROUND, SUBJECTS, Attributes
from miniature.words import (
    ABSENT,
    CAMERA_ANGLE,
    ENVIRONMENT,
    FLOATING,
    LIGHTING,
    LOOK,
    MATERIAL,
    MEDIUM,
    MOSSY,
    PALETTE,
    PLURAL,
    SEVERAL,
    SHALLOW,
    SHOT,
    SUBJECT,
    VIEWPOINT,
    WEATHER,
)

NAMED = {
    "environment": 0.85,
    "lighting": 0.97,
    "camera_angle": 0.97,
    "shot": 0.97,
    "viewpoint": 0.9,
    "weather": 0.95,
    "shallow": 0.9,
    "palette": 0.97,
    "look": 0.95,
}
"""How often a caption names an attribute that is out of the ordinary."""
ADJECTIVE_NAMED = {"floating": 0.85, "material": 0.8, "colour": 0.8, "mossy": 0.85}
TABLES = {
    "environment": ENVIRONMENT,
    "lighting": LIGHTING,
    "camera_angle": CAMERA_ANGLE,
    "shot": SHOT,
    "weather": WEATHER,
    "palette": PALETTE,
    "look": LOOK,
    "viewpoint": VIEWPOINT,
}
SAYABLE: dict[str, tuple[str, ...]] = {
    "subject": ("", *SUBJECTS),
    "colour": ("", *COLOURS),
    "material": ("", *MATERIAL),
    **{name: ("", *table) for name, table in TABLES.items()},
    **dict.fromkeys(("mossy", "floating", "several", "shallow"), ("False", "True")),
}
"""What a caption may say of each attribute; the first is what saying nothing of it says."""
ORDINARY = {
    "lighting": ("overcast", "midday sun"),
    "camera_angle": ("eye level",),
    "shot": ("medium",),
    "viewpoint": ("three-quarter",),
}
"""What goes without saying (docs/decisions/0012-what-goes-without-saying.md)."""
ORDINARY_NAMED = 0.4
"""How often a caption names what is ordinary."""
COMMON = 6
"""So many ways to say something are common."""
PLAIN = 3
"""So many, the first of a list, everybody knows."""
MEDIUM_NAMED = 0.4
"""How often a caption begins with what kind of picture it is."""
SAID_OF_PHOTOS = 0.15
"""How often a photographic picture's caption says at its end that it is one."""
SHORT_SHARE, SUBJECT_CHANGED = 0.25, 0.3
"""How often a caption with a wrong counterpart is a short prompt, and is wrong in its subject."""
CHANGED = (*TABLES, "material", "colour")
"""What else may be wrong in it."""


def named_share(attribute: str, value: str) -> float:
    """How often a caption of a scene with this value names it."""
    return ORDINARY_NAMED if value in ORDINARY.get(attribute, ()) else NAMED[attribute]


@lru_cache
def _zipf(count: int) -> np.ndarray:
    """Cumulated shares of so many words, each said as often as its rank is low (Zipf 1949)."""
    shares = np.cumsum(1 / np.arange(1, count + 1))
    return shares / shares[-1]


def commonly(words: tuple[str, ...], rng: np.random.Generator) -> str:
    """One way to say it: the common ones stand first, and are said most often."""
    return words[int(np.searchsorted(_zipf(len(words)), rng.random()))]


def evenly(words: tuple[str, ...], rng: np.random.Generator) -> str:
    """One way to say it, the uncommon ones as often as the others."""
    return words[int(rng.integers(len(words)))]


def plainly(words: tuple[str, ...], rng: np.random.Generator) -> str:
    """One of the few ways to say it that everybody knows."""
    return evenly(words[:PLAIN], rng)


Wording = Callable[[tuple[str, ...], np.random.Generator], str]


def _sayable(attributes: Attributes) -> list[str]:
    """The attributes that there are words for, as they are in a scene."""
    there = {
        "floating": attributes.floating,
        "material": attributes.material in MATERIAL,
        "colour": attributes.colour is not None,
        "mossy": attributes.mossy,
        "shallow": attributes.shallow,
        **{axis: getattr(attributes, axis) in table for axis, table in TABLES.items()},
        "medium": True,
    }
    there["viewpoint"] &= attributes.subject not in ROUND
    return [name for name, is_there in there.items() if is_there]


def _named(attributes: Attributes, rng: np.random.Generator) -> set[str]:
    """The attributes that a caption names."""
    shares = NAMED | ADJECTIVE_NAMED | {"medium": MEDIUM_NAMED}
    sayable = _sayable(attributes)
    for axis in TABLES:
        if axis in sayable:
            shares[axis] = named_share(axis, getattr(attributes, axis))
    if attributes.look == "photographic":
        shares["look"] *= SAID_OF_PHOTOS
    return {name for name in sayable if rng.random() < shares[name]}


def _core(attributes: Attributes, named: set[str], rng: np.random.Generator, pick: Wording) -> str:
    """The subject with its adjectives: `floating mossy boulder`, `three red cars`."""
    words = [pick(FLOATING, rng)] if "floating" in named else []
    if "material" in named:
        words.append(pick(MATERIAL[attributes.material], rng))
    if attributes.colour and "colour" in named:
        words.append(attributes.colour)
    if "mossy" in named:
        words.append(pick(MOSSY, rng))
    name = attributes.subject
    if attributes.several:
        return " ".join([pick(SEVERAL, rng), *words, pick(PLURAL[name], rng)])
    return " ".join([*words, pick(SUBJECT[name], rng)])


def _with_article(words: str) -> str:
    if words.endswith(("rocks", "boulders", "mushrooms")) or words.startswith(SEVERAL):
        return words
    return ("an " if words[0] in "aeiou" else "a ") + words


def _worded(
    attributes: Attributes, named: set[str], rng: np.random.Generator, pick: Wording
) -> str:
    """A caption that names these attributes."""
    core = _core(attributes, named, rng, pick)
    phrases = {
        axis: pick(table[getattr(attributes, axis)], rng)
        for axis, table in TABLES.items()
        if axis in named
    }
    if "shallow" in named:
        phrases["shallow"] = pick(SHALLOW, rng)
    medium = pick(MEDIUM[attributes.look], rng) if "medium" in named else ""
    style = rng.random()
    if style < 0.08:
        if medium:
            phrases["medium"] = medium.removesuffix(" of")
        told = [f"{axis.replace('_', ' ')}: {words}" for axis, words in phrases.items()]
        return "; ".join([f"subject: {core}", *told])
    head = core if style < 0.4 else _with_article(core)
    if medium:
        head = f"{medium} {head}"
    if phrases.get("shot") in SHOT[attributes.shot][:COMMON] and style > 0.4 and rng.random() < 0.3:
        head = f"{phrases.pop('shot')} of {head}"
    if "environment" in phrases and style > 0.3 and rng.random() < 0.7:
        head = f"{head} {phrases.pop('environment')}"
    tail = list(phrases.values())
    rng.shuffle(tail)
    return ", ".join([head, *tail])


def caption(attributes: Attributes, rng: np.random.Generator, pick: Wording = commonly) -> str:
    """One caption of a scene, drawn from the grammar."""
    return _worded(attributes, _named(attributes, rng), rng, pick)


def fully(attributes: Attributes, rng: np.random.Generator) -> str:
    """A caption that leaves nothing open, in words that everybody knows."""
    named = set(_sayable(attributes))
    if attributes.look == "photographic":
        named.discard("look" if rng.random() < 0.7 else "medium")
    return _worded(attributes, named, rng, plainly)


@dataclass(frozen=True)
class Pair:
    """The same said twice, in words that everybody knows and in others."""

    plain: str
    other: str
    said: tuple[int, ...]
    """The number of what is said of each attribute of `SAYABLE`, 0 being nothing."""


def pair(attributes: Attributes, rng: np.random.Generator, pick: Wording) -> Pair:
    """Two captions of a scene that say the same."""
    named = _named(attributes, rng)
    plain, other = (_worded(attributes, named, rng, how) for how in (plainly, pick))
    return Pair(plain, other, said_of(attributes, _told(named)))


def _told(named: set[str]) -> set[str]:
    """What a caption says that names these attributes."""
    return named | {"subject", "several"} | ({"look"} if "medium" in named else set())


def said_of(attributes: Attributes, told: Collection[str] = frozenset(SAYABLE)) -> tuple[int, ...]:
    """The number of what is said of each attribute of `SAYABLE`; 0 is nothing, or nothing to say.

    A caption is true of a picture where each of its numbers is 0 or that of the picture, of which
    everything is told.
    """
    shown = {name: str(getattr(attributes, name)) for name in told if name in SAYABLE}
    return tuple(
        values.index(shown[name]) if shown.get(name) in values else 0
        for name, values in SAYABLE.items()
    )


@dataclass(frozen=True)
class Contrast:
    """A caption, and the same with one value changed to one that the picture does not show."""

    right: str
    wrong: str
    said: tuple[int, ...]
    said_wrongly: tuple[int, ...]
    """What the two say, as `said_of` has it."""


def contrast(attributes: Attributes, rng: np.random.Generator) -> Contrast:
    """A caption, or one time in four a short prompt, and what it would say of another scene.

    The other one differs in a single attribute that the caption names; half of the time the words
    of both are uncommon as often as not.
    """
    named = _named(attributes, rng)
    if rng.random() < SHORT_SHARE:
        place = {"environment"} if rng.random() < 0.5 else set()
        named = named & set(ADJECTIVE_NAMED) | place
    axes = sorted(named & set(CHANGED))
    axis = "subject"
    if axes and rng.random() >= SUBJECT_CHANGED:
        axis = axes[int(rng.integers(len(axes)))]
    own = str(getattr(attributes, axis))
    values = [value for value in SAYABLE[axis][1:] if value != own]
    changed: Any = {axis: values[int(rng.integers(len(values)))]}
    other = replace(attributes, **changed)
    if other.subject in ROUND:
        named.discard("viewpoint")
    pick = commonly if rng.random() < 0.5 else evenly
    seed = int(rng.integers(2**31))
    right, wrong = (
        _worded(scene, named, np.random.default_rng(seed), pick) for scene in (attributes, other)
    )
    told = _told(named)
    return Contrast(right, wrong, said_of(attributes, told), said_of(other, told))


def short_prompt(attributes: Attributes, rng: np.random.Generator) -> str:
    """What a user would ask for before any edit: the subject and, half of the time, the place."""
    adjectives = {name for name in _named(attributes, rng) if name in ADJECTIVE_NAMED}
    core = _with_article(_core(attributes, adjectives, rng, commonly))
    if rng.random() < 0.5:
        return f"{core} {evenly(ENVIRONMENT[attributes.environment][:4], rng)}"
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

    @property
    def said(self) -> tuple[int, ...]:
        """What it says, as `said_of` has it; -1, which no scene shows, for what never is."""
        values = SAYABLE[self.attribute]
        own = -1 if self.value is None else values.index(str(self.value))
        return tuple(own if name == self.attribute else 0 for name in SAYABLE)


def claims() -> list[Claim]:
    """Every phrase of the grammar as a claim about one attribute, and what no scene shows."""
    tables = {
        "environment": ENVIRONMENT,
        "lighting": LIGHTING,
        "camera_angle": CAMERA_ANGLE,
        "shot": SHOT,
        "palette": PALETTE,
        "material": MATERIAL,
        "weather": WEATHER,
        "look": LOOK,
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
    made += [
        Claim(text, "colour", colour) for colour in COLOURS for text in (colour, f"{colour} paint")
    ]
    made += [Claim(word, "mossy", value=True) for word in dict.fromkeys(MOSSY)]
    made += [Claim(word, "floating", value=True) for word in dict.fromkeys(FLOATING)]
    made += [Claim(word, "shallow", value=True) for word in SHALLOW]
    places = ("", *(f" {ways[0]}" for ways in ENVIRONMENT.values()))
    return made + [
        Claim(_with_article(word) + place, "subject", None) for word in ABSENT for place in places
    ]
