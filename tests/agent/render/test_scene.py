from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.render.base import RenderRequest
from agent.render.reading import mentions, split_words
from agent.render.scene import SceneRenderer, completed, named, phrase_book
from miniature.attributes import ENVIRONMENTS, LIGHTINGS
from miniature.captions import ORDINARY

READINGS: list[tuple[str, dict[str, Any]]] = [
    ("floating mossy rocks", {"subject": "rock", "mossy": True, "floating": True}),
    ("a snowman", {"subject": "snowman"}),
    ("a snowman in a meadow", {"subject": "snowman", "environment": "meadow"}),
    ("a house in the snow, at sunset", {"environment": "snow", "lighting": "golden hour"}),
    ("a yellow boat on a lake", {"subject": "boat", "colour": "yellow", "environment": "lake"}),
    ("a stone tower by the water", {"subject": "tower", "environment": "lake"}),
    ("A CACTUS IN THE DESERT!", {"subject": "cactus", "environment": "desert"}),
    ("a tree, black and white", {"subject": "tree", "palette": "monochrome"}),
    ("a chair inside a house", {"subject": "chair", "environment": "room"}),
    ("a rock, low angle, then seen from above", {"camera_angle": "high"}),
    ("a rock, bird’s-eye view", {"camera_angle": "bird's-eye"}),
    ("a rock, birds-eye view", {"camera_angle": "bird's-eye"}),
    ("a rock from directly overhead", {"camera_angle": "bird's-eye"}),
    ("close-up of a red chair", {"shot": "close", "colour": "red"}),
    ("camera angle: low; shot: wide; subject: tower", {"camera_angle": "low", "shot": "wide"}),
    ("a boat, candle-lit", {"lighting": "candle-light"}),
    ("a boat in cool blue tones", {"palette": "cool"}),
    ("a house with low warm sun", {"lighting": "golden hour"}),
    ("a tower in pink and cyan neon light", {"lighting": "neon"}),
    ("a tree in a meadow, set in deep snow", {"environment": "snow"}),
    ("a house without snow, in the desert", {"environment": "desert"}),
    ("a chair under a tree", {"subject": "chair"}),
    ("a shiny blue chair", {"material": "glossy", "colour": "blue"}),
    ("an armchair by the sea", {"subject": "chair", "environment": "beach"}),
    ("a lighthouse at night", {"subject": "lighthouse", "lighting": "moonlight"}),
    ("floating islands at dusk", {"subject": "floating island", "lighting": "blue hour"}),
    ("three red cars in the street", {"subject": "car", "several": True, "colour": "red"}),
    ("a horse in fog, side view", {"weather": "fog", "viewpoint": "side"}),
    ("a robot on stage, lit by a spotlight", {"subject": "robot", "lighting": "spotlight"}),
    ("a teapot with blurred background", {"subject": "teapot", "shallow": True}),
    ("digital painting of a penguin", {"subject": "penguin", "look": "digital art"}),
    ("a cake, worm's-eye view", {"subject": "cake", "camera_angle": "worm's-eye"}),
    ("a tent, dutch angle, full shot", {"camera_angle": "dutch tilt", "shot": "full"}),
    ("an oak on a hill, lit from behind", {"subject": "tree", "lighting": "backlit"}),
    ("a schooner", {"subject": "boat"}),
    ("a skyscraper, stormy clouds", {"subject": "tower", "lighting": "overcast"}),
    ("a rock, shallow depth of field, in a bedroom", {"environment": "room"}),
    ("a chair, oversaturated colours", {"palette": "vivid"}),
    ("a cosy cottage, studio softbox lighting", {"subject": "house", "lighting": "softbox"}),
]


@pytest.mark.parametrize(("prompt", "wanted"), READINGS)
def test_a_prompt_is_read(prompt: str, wanted: dict[str, Any]):
    attributes = asdict(named(prompt, seed=5))

    assert {name: attributes[name] for name in wanted} == wanted


def test_a_colour_that_belongs_to_something_else_colours_nothing():
    colours = {named("a boat, red sky, green hills", seed).colour for seed in range(12)}

    assert len(colours) > 2


def test_what_is_left_open_depends_on_the_seed_only():
    for seed in range(20):
        before = asdict(named("a boat", seed))
        after = asdict(named("a boat, low angle, lit by neon lights", seed))
        changed = {name for name in before if before[name] != after[name]}

        assert changed <= {"camera_angle", "lighting"}


def test_what_is_left_open_differs_between_seeds():
    scenes = [named("a boat", seed) for seed in range(300)]

    assert {scene.environment for scene in scenes} == set(ENVIRONMENTS)
    assert {scene.lighting for scene in scenes} == set(LIGHTINGS)


def test_what_is_left_open_is_mostly_ordinary():
    scenes = [named("a boat", seed) for seed in range(400)]

    for attribute, least in {"lighting": 0.75, "camera_angle": 0.7, "shot": 0.8}.items():
        values = ORDINARY[attribute]
        assert np.mean([getattr(scene, attribute) in values for scene in scenes]) > least
        said = [named(f"a boat, {attribute.replace('_', ' ')} {values[0]}", s) for s in range(20)]
        assert {getattr(scene, attribute) for scene in said} == {values[0]}


def test_nothing_floats_and_nothing_is_graded_unless_it_is_said():
    scenes = [named("a rock", seed) for seed in range(40)]

    assert not any(scene.floating for scene in scenes)
    assert {scene.palette for scene in scenes} == {"natural"}


def test_only_rocks_are_mossy():
    assert {named("a mossy rock", seed).mossy for seed in range(5)} == {True}
    assert {named("a rock", seed).mossy for seed in range(20)} == {True, False}
    assert {named("a mossy house", seed).mossy for seed in range(5)} == {False}


def test_a_mossy_rock_has_no_other_colour():
    scenes = [completed({"subject": "rock", "mossy": "yes"}, seed) for seed in range(20)]

    assert {(scene.colour, scene.material) for scene in scenes} == {(None, "matte")}


def test_a_prompt_without_words_gets_a_scene():
    assert named("🪨🪨 ../ <>", seed=1) == named("", seed=1)


@given(st.text(max_size=60))
def test_no_word_belongs_to_two_phrases(prompt: str):
    found = mentions(split_words(f"{prompt} snowman in a stone tower {prompt}"), phrase_book())

    for first, second in pairwise(found):
        assert first.end <= second.start


@pytest.fixture(scope="module")
def scenes():
    pytest.importorskip("mitsuba")
    pytest.importorskip("trimesh")
    renderer = SceneRenderer((64, 48), workers=1)
    yield renderer
    renderer.close()


@pytest.mark.slow
def test_a_scene_is_drawn_as_the_prompt_says(scenes: SceneRenderer):
    requests = [
        RenderRequest("a red house in the snow, overcast", 3),
        RenderRequest("a red house in the snow, overcast, black and white", 3),
        RenderRequest("a red house in the snow, overcast", 3, width=64, height=64),
    ]

    results = list(scenes.render(requests))

    assert [result.error for result in results] == [None] * 3
    colour, grey, square = (np.asarray(result.image).astype(int) for result in results)
    assert colour.shape == grey.shape == (48, 64, 3)
    assert (np.ptp(grey, axis=2) <= 1).all()
    assert (square[8:56] == colour).all()
    assert colour.std() > 10
