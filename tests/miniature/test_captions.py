from dataclasses import replace

import numpy as np
import pytest

from miniature.attributes import PALETTES, Palette, from_json, sample, to_json
from miniature.captions import ABSENT, SUBJECT, Claim, caption, claims, short_prompt
from miniature.palette import grade


def scenes(count: int):
    return [sample(np.random.default_rng(seed)) for seed in range(count)]


def test_attributes_survive_json():
    assert all(from_json(to_json(scene)) == scene for scene in scenes(50))


def test_a_caption_names_the_subject_and_repeats_itself_for_a_seed():
    for number, scene in enumerate(scenes(100)):
        words = caption(scene, np.random.default_rng(number))
        assert any(name in words for name in SUBJECT[scene.subject])
        assert words == caption(scene, np.random.default_rng(number))


def test_captions_of_one_scene_differ():
    scene = scenes(1)[0]
    assert len({caption(scene, np.random.default_rng(seed)) for seed in range(50)}) > 40


def test_a_short_prompt_says_nothing_of_light_angle_or_palette():
    scene = replace(scenes(1)[0], lighting="moonlight", camera_angle="low", palette="monochrome")
    said = " ".join(short_prompt(scene, np.random.default_rng(seed)) for seed in range(100))
    assert not any(word in said for word in ("moon", "angle", "below", "black", "monochrome"))


def test_a_claim_holds_for_the_scenes_that_have_its_value():
    claim = Claim("in moonlight", "lighting", "moonlight")
    night, day = (replace(scenes(1)[0], lighting=light) for light in ("moonlight", "overcast"))
    assert claim.holds(night)
    assert not claim.holds(day)


def test_every_scene_has_true_claims_of_subject_place_light_angle_and_shot():
    named = ("subject", "environment", "lighting", "camera_angle", "shot")
    for scene in scenes(20):
        said = {claim.attribute for claim in claims() if claim.holds(scene)}
        assert said >= set(named)


def test_absent_subjects_are_in_no_scene_and_in_no_caption_word():
    assert not any(claim.holds(scene) for claim in claims()[-len(ABSENT) :] for scene in scenes(9))
    drawable = {word for ways in SUBJECT.values() for word in ways}
    assert not drawable & set(ABSENT)


@pytest.mark.parametrize("palette", PALETTES)
def test_a_grade_keeps_shape_and_type(palette: Palette):
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    graded = grade(picture, palette)
    assert graded.shape == picture.shape
    assert graded.dtype == np.uint8


def test_monochrome_has_no_colour_and_natural_changes_nothing():
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert np.ptp(grade(picture, "monochrome").astype(int), axis=-1).max() <= 1
    assert np.abs(grade(picture, "natural").astype(int) - picture).max() <= 1
