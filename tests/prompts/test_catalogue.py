"""The catalogue is complete, typed, and consistent with what the miniature was taught."""

from copy import deepcopy
from dataclasses import FrozenInstanceError
from typing import Any, get_args

import pytest

from agent.trajectory import Axis
from miniature import words
from prompts.catalogue import AXES, load_catalogue, parse_catalogue

SMALL: dict[str, Any] = {
    "lighting": {"values": {"neon": {"say": "use neon", "phrases": ["lit by neon"]}}},
    "setting": {"values": {"room": {"say": "go in", "phrases": ["in a room"]}}},
    "incompatible": [{"one": ["room"], "other": ["neon"]}],
    "vocabularies": {"tiny": ["room"]},
}


def changed(**parts: Any) -> dict[str, Any]:
    return {**deepcopy(SMALL), **parts}


def test_axes_are_those_of_an_edit_but_free():
    assert {*AXES, "free"} == set(get_args(Axis))


@pytest.mark.parametrize("axis", AXES)
def test_every_axis_has_at_least_ten_values_with_two_phrasings(axis: str):
    values = load_catalogue().axis(axis)

    assert len(values) >= 10
    assert all(2 <= len(value.phrases) <= 4 for value in values)


def test_phrases_can_be_appended_after_a_comma():
    for value in load_catalogue().values:
        for phrase in value.phrases:
            assert "," not in phrase or value.axis == "palette", phrase
            assert phrase == phrase.strip(" .;"), phrase


def test_incompatibility_holds_in_both_directions():
    catalogue = load_catalogue()

    assert not catalogue.compatible("room", "storm light")
    assert not catalogue.compatible("storm light", "room")
    assert catalogue.compatible("room", "candle-light")


def test_values_of_one_axis_never_go_together():
    assert not load_catalogue().compatible("neon", "moonlight")


def test_values_are_frozen():
    with pytest.raises(FrozenInstanceError):
        load_catalogue().value("neon").say = "no"  # pyright: ignore[reportAttributeAccessIssue]


def test_a_small_catalogue_is_read():
    catalogue = parse_catalogue(SMALL)

    assert catalogue.value("neon").phrase == "lit by neon"
    assert catalogue.vocabulary("tiny") == ("room",)
    assert catalogue.vocabulary("unheard of") == ()


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (changed(smell={"values": {}}), "unknown axes: 'smell'"),
        (changed(vocabularies={"tiny": ["fog"]}), "unknown names in the vocabulary 'tiny': 'fog'"),
        (changed(incompatible=[{"one": ["room"], "other": ["fog"]}]), "incompatible: 'fog'"),
        (changed(lighting={"values": {}, "colour": 1}), "unknown keys in axis 'lighting'"),
        (changed(lens={"values": {"room": {"say": "x", "phrases": ["x"]}}}), "twice: 'room'"),
        (changed(lens={"values": {"zoom": {"say": "x", "phrases": ["In a room"]}}}), "in a room"),
        (changed(lens={"values": {"zoom": {"say": "x"}}}), "'zoom' needs both"),
    ],
)
def test_mistakes_are_named(document: dict[str, Any], reason: str):
    with pytest.raises(ValueError, match=reason):
        parse_catalogue(document)


def test_pairs_within_one_axis_are_a_mistake():
    lighting = {name: {"say": name, "phrases": [f"with {name}"]} for name in ("neon", "moon")}
    document = changed(
        lighting={"values": lighting}, incompatible=[{"one": ["neon"], "other": ["moon"]}]
    )

    with pytest.raises(ValueError, match="within one axis: 'neon and moon'"):
        parse_catalogue(document)


def test_unknown_value_is_named():
    with pytest.raises(ValueError, match="no value 'gaslight'"):
        load_catalogue().value("gaslight")


def test_the_miniature_was_taught_the_phrases_that_are_written():
    tables = (
        words.LIGHTING,
        words.CAMERA_ANGLE,
        words.SHOT,
        words.PALETTE,
        words.ENVIRONMENT,
        {"digital art": words.LOOK["digital art"]},
    )
    taught = {phrase for table in tables for ways in table.values() for phrase in ways}
    catalogue = load_catalogue()
    names = set(catalogue.vocabulary("miniature"))

    assert {catalogue.value(name).phrase for name in names} <= taught
    assert len(names) == sum(map(len, tables))


def test_all_that_the_miniature_can_draw_can_be_combined():
    catalogue = load_catalogue()
    values = [catalogue.value(name) for name in catalogue.vocabulary("miniature")]

    for one in values:
        for other in values:
            assert one.axis == other.axis or catalogue.compatible(one.name, other.name)
