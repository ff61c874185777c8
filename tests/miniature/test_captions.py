from dataclasses import replace

import numpy as np
import pytest

from miniature.attributes import PALETTES, Palette, from_json, sample, to_json
from miniature.captions import (
    NAMED,
    PLAIN,
    SAYABLE,
    Claim,
    caption,
    claims,
    evenly,
    pair,
    short_prompt,
)
from miniature.palette import grade
from miniature.words import (
    ABSENT,
    CAMERA_ANGLE,
    LIGHTING,
    MEDIUM,
    PALETTE,
    PLURAL,
    SHOT,
    SUBJECT,
    VIEWPOINT,
)


def scenes(count: int):
    return [sample(np.random.default_rng(seed)) for seed in range(count)]


def test_attributes_survive_json():
    assert all(from_json(to_json(scene)) == scene for scene in scenes(50))


def test_a_caption_names_the_subject_and_repeats_itself_for_a_seed():
    for number, scene in enumerate(scenes(100)):
        words = caption(scene, np.random.default_rng(number))
        ways = SUBJECT[scene.subject] + PLURAL.get(scene.subject, ())
        assert any(name in words for name in ways)
        assert words == caption(scene, np.random.default_rng(number))


def test_several_are_said_in_the_plural():
    scene = replace(scenes(1)[0], several=True, subject="person", mossy=False)
    said = [caption(scene, np.random.default_rng(seed)) for seed in range(30)]
    assert all(any(way in words for way in PLURAL["person"]) for words in said)


def test_nothing_is_said_of_the_viewpoint_of_what_is_round():
    said = " ".join(
        caption(
            replace(scenes(1)[0], subject="rock", viewpoint="back"), np.random.default_rng(seed)
        )
        for seed in range(100)
    )
    assert not any(words in said for words in VIEWPOINT["back"])


def test_captions_leave_out_what_is_ordinary():
    plain = replace(scenes(1)[0], lighting="overcast", camera_angle="eye level", shot="medium")
    odd = replace(plain, lighting="neon", camera_angle="dutch tilt", shot="wide")
    for attribute, ways in (("lighting", LIGHTING), ("camera_angle", CAMERA_ANGLE), ("shot", SHOT)):
        for scene, least, most in ((plain, 0.3, 0.5), (odd, 0.93, 1.0)):
            words = ways[getattr(scene, attribute)]
            said = [caption(scene, np.random.default_rng(seed)) for seed in range(400)]
            share = np.mean([any(word in text for word in words) for text in said])
            assert least < share <= most


def test_captions_of_one_scene_differ():
    scene = scenes(1)[0]
    assert len({caption(scene, np.random.default_rng(seed)) for seed in range(50)}) > 40


def test_a_plain_caption_says_what_the_other_says_in_the_first_few_words():
    scene = replace(scenes(1)[0], lighting="neon", palette="vivid", shot="wide")
    ways = {"lighting": LIGHTING["neon"], "palette": PALETTE["vivid"], "shot": SHOT["wide"]}
    uncommon = 0
    for seed in range(200):
        told = pair(scene, np.random.default_rng(seed), evenly)
        for attribute, words in ways.items():
            said = told.said[list(SAYABLE).index(attribute)] > 0
            assert any(word in told.plain for word in words[:PLAIN]) == said
            assert any(word in told.other for word in words) or not said
            uncommon += not any(word in told.other for word in words[:PLAIN])
    assert uncommon > 400


def test_a_caption_that_names_its_medium_says_the_look(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(NAMED, "look", 0)
    scene = replace(scenes(1)[0], look="digital art")
    ways = [words.removesuffix(" of") for words in MEDIUM["digital art"]]
    place, shares = list(SAYABLE).index("look"), []
    for seed in range(200):
        told = pair(scene, np.random.default_rng(seed), evenly)
        says = told.said[place] > 0
        assert any(word in told.plain for word in ways[:PLAIN]) == says
        assert any(word in told.other for word in ways) == says
        shares.append(says)
    assert 0.3 < np.mean(shares) < 0.5


def test_a_pair_knows_what_it_says():
    for number, scene in enumerate(scenes(50)):
        said = pair(scene, np.random.default_rng(number), evenly).said
        told = {name: ways[n] for (name, ways), n in zip(SAYABLE.items(), said, strict=True) if n}
        assert told["subject"] == scene.subject
        assert all(str(getattr(scene, name)) == value for name, value in told.items())
        assert 1 < len(told) < len(SAYABLE)


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


def test_the_common_words_are_said_most_often_and_all_of_them_sometimes():
    scene = replace(scenes(1)[0], subject="tree", several=False, mossy=False)
    said = [caption(scene, np.random.default_rng(seed)) for seed in range(3000)]
    counts = [sum(f" {way}," in f" {words}," for words in said) for way in SUBJECT["tree"]]
    assert counts[0] == max(counts)
    assert counts[0] > 5 * counts[10]
    assert sum(count > 0 for count in counts) > len(counts) / 2
