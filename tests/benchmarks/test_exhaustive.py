from benchmarks.exhaustive import SEEDS, TRIED, combinations, palettes_of
from miniature.attributes import PALETTES


def test_everything_is_tried_that_a_prompt_leaves_open():
    scenes = combinations("a red boat", SEEDS[0])
    for name, values in TRIED.items():
        assert {getattr(scene, name) for scene in scenes} == set(values)
    assert len(scenes) == len(set(scenes)) == 240
    assert {(scene.subject, scene.colour) for scene in scenes} == {("boat", "red")}


def test_what_a_prompt_names_is_kept():
    scenes = combinations("a red boat in moonlight, black and white", SEEDS[0])
    assert {scene.lighting for scene in scenes} == {"moonlight"}
    assert palettes_of("a red boat in moonlight, black and white") == ("monochrome",)
    assert palettes_of("a red boat") == PALETTES
