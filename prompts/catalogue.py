"""The catalogue of edits as typed, frozen values, read from `catalogue.toml` and checked.

    catalogue = load_catalogue()
    catalogue.value("moonlight").phrases[0]            # "in moonlight"
    catalogue.compatible("room", "blue hour")          # False, in either order
    catalogue.vocabulary("miniature")                  # what the small renderer knows

The one rule that is not obvious: a name belongs to one value and a phrase to one value in the
whole catalogue, so that a prompt can be read back into the values that it carries.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("catalogue.toml")
AXES = (
    "lighting",
    "camera_angle",
    "viewpoint",
    "composition",
    "lens",
    "palette",
    "mood",
    "setting",
    "medium",
)
AXIS_KEYS = {"weight", "values"}
VALUE_KEYS = {"say", "phrases", "cues"}


@dataclass(frozen=True)
class CatalogueValue:
    """One thing that a picture can be changed to."""

    name: str
    axis: str
    say: str
    """The edit as a short sentence."""
    phrases: tuple[str, ...]
    """What is added to a prompt; the first is the one that is written."""
    cues: tuple[str, ...] = ()
    """Words that only tell that a prompt speaks of this value already."""

    @property
    def phrase(self) -> str:
        """The canonical phrase."""
        return self.phrases[0]


@dataclass(frozen=True, eq=False)
class Catalogue:
    """All values, by axis, with what does not go together; equal only to itself."""

    values: tuple[CatalogueValue, ...]
    weights: Mapping[str, float]
    """How much an edit on an axis tends to change a picture."""
    incompatible: frozenset[frozenset[str]]
    """Pairs of names."""
    vocabularies: Mapping[str, tuple[str, ...]]

    @cached_property
    def _by_name(self) -> dict[str, CatalogueValue]:
        return {value.name: value for value in self.values}

    def value(self, name: str) -> CatalogueValue:
        """The value of that name.

        Raises:
            ValueError: there is none.
        """
        if name not in self._by_name:
            raise ValueError(f"the catalogue has no value {name!r}")
        return self._by_name[name]

    def axis(self, axis: str) -> tuple[CatalogueValue, ...]:
        """The values of one axis, in the order of the file."""
        return tuple(value for value in self.values if value.axis == axis)

    def compatible(self, one: str, other: str) -> bool:
        """Whether two different values can stand in one prompt; the order does not matter."""
        same_axis = self.value(one).axis == self.value(other).axis
        return not same_axis and frozenset((one, other)) not in self.incompatible

    def vocabulary(self, renderer: str) -> tuple[str, ...]:
        """The names that a renderer was trained to draw; empty if it isn't known to be limited."""
        return self.vocabularies.get(renderer, ())


@lru_cache(maxsize=1)
def load_catalogue() -> Catalogue:
    """The catalogue that ships with the project, read once."""
    return parse_catalogue(tomllib.loads(FILE.read_text(encoding="utf-8")))


def parse_catalogue(document: Mapping[str, Any]) -> Catalogue:
    """Checks a catalogue as TOML gives it.

    Raises:
        ValueError: an unknown axis, key or name, a name or phrase that is there twice, a value
            without words, or a pair within one axis.
    """
    axes = {k: v for k, v in document.items() if k not in ("incompatible", "vocabularies")}
    _none(set(axes) - set(AXES), "unknown axes")
    values = tuple(value for axis in AXES for value in _values(axis, axes.get(axis, {})))
    _unique((value.name for value in values), "names that are there twice")
    _unique(
        (phrase.casefold() for value in values for phrase in value.phrases),
        "phrases that are there twice",
    )
    axis_of = {value.name: value.axis for value in values}
    vocabularies = {k: tuple(names) for k, names in document.get("vocabularies", {}).items()}
    for renderer, names in vocabularies.items():
        _none(set(names) - set(axis_of), f"unknown names in the vocabulary {renderer!r}")
    return Catalogue(
        values=values,
        weights={axis: float(body.get("weight", 1.0)) for axis, body in axes.items()},
        incompatible=_pairs(document.get("incompatible", []), axis_of),
        vocabularies=vocabularies,
    )


def _values(axis: str, body: Mapping[str, Any]) -> Iterable[CatalogueValue]:
    _none(set(body) - AXIS_KEYS, f"unknown keys in axis {axis!r}")
    for name, entry in body.get("values", {}).items():
        _none(set(entry) - VALUE_KEYS, f"unknown keys in {name!r}")
        if not entry.get("say") or not entry.get("phrases"):
            raise ValueError(f"the catalogue's {name!r} needs both 'say' and 'phrases'")
        yield CatalogueValue(
            name=name,
            axis=axis,
            say=entry["say"],
            phrases=tuple(entry["phrases"]),
            cues=tuple(entry.get("cues", ())),
        )


def _pairs(
    groups: Iterable[Mapping[str, list[str]]], axis_of: Mapping[str, str]
) -> frozenset[frozenset[str]]:
    pairs = [pair for group in groups for pair in product(group["one"], group["other"])]
    _none({name for pair in pairs for name in pair} - set(axis_of), "unknown names in incompatible")
    within = {" and ".join(pair) for pair in pairs if axis_of[pair[0]] == axis_of[pair[1]]}
    _none(within, "needless pairs within one axis")
    return frozenset(frozenset(pair) for pair in pairs)


def _unique(names: Iterable[str], what: str) -> None:
    _none({name for name, count in Counter(names).items() if count > 1}, what)


def _none(names: set[str], what: str) -> None:
    if names:
        raise ValueError(f"the catalogue has {what}: {', '.join(map(repr, sorted(names)))}")
