from pathlib import Path

import numpy as np
import pytest

from miniature.attributes import sample
from miniature.scenes import store
from miniature.scenes.store import load_scenes, render_scenes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few small scenes, first two and then three of them."""
    pytest.importorskip("mitsuba")
    made = tmp_path_factory.mktemp("scenes")
    for count in (2, 3):
        assert list(render_scenes(made, count=count, seed=4, size=16, workers=1)) == [*range(count)]
    return made


@pytest.mark.slow
def test_a_shard_that_was_cut_short_is_completed(folder: Path):
    pictures, attributes = load_scenes(folder)
    assert pictures.shape == (3, 16, 16, 3)
    assert attributes == [store.scene_attributes(4, number) for number in range(3)]


@pytest.mark.slow
def test_scenes_of_another_seed_are_not_mixed_in(folder: Path):
    with pytest.raises(ValueError, match="'seed': 5"):
        list(render_scenes(folder, count=3, seed=5, size=16, workers=1))


def test_the_attributes_of_a_scene_depend_on_seed_and_number_only():
    assert store.scene_attributes(1, 2) == sample(np.random.default_rng((1, 2)))


def test_a_folder_without_scenes_says_how_to_render_some(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"python -m miniature\.scenes"):
        load_scenes(tmp_path)
