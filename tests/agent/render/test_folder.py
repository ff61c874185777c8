import os
from pathlib import Path

import pytest

from agent.errors import InputError
from agent.render.folder import content_digest, fetch_pipeline, find_pipeline


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pipeline = tmp_path / "pipeline"
    (pipeline / "unet").mkdir(parents=True)
    (pipeline / "model_index.json").write_text("{}")
    (pipeline / "unet" / "weights.safetensors").write_bytes(b"12345678")
    return pipeline


def test_a_pipeline_folder_is_found(folder: Path):
    assert find_pipeline(str(folder)) == str(folder)


def test_a_hub_id_is_left_to_the_hub():
    assert find_pipeline("stabilityai/sdxl-turbo") == "stabilityai/sdxl-turbo"


@pytest.mark.parametrize("name", ["nowhere", "./no/where", "/no/where", "a/b/c", "../a", "~x/y"])
def test_a_folder_that_is_missing_is_named(name: str):
    with pytest.raises(InputError, match="no folder"):
        find_pipeline(name)


def test_a_folder_without_an_index_is_no_pipeline(tmp_path: Path):
    with pytest.raises(InputError, match=r"model_index\.json is missing"):
        find_pipeline(str(tmp_path))


def test_a_model_that_the_hub_does_not_give_is_one_line():
    with pytest.raises(InputError, match=r"'nobody/nothing' can't be fetched") as caught:
        fetch_pipeline("nobody/nothing")

    assert "\n" not in str(caught.value)


def test_the_digest_follows_the_weights(folder: Path):
    before = content_digest(folder)
    (folder / "unet" / "weights.safetensors").write_bytes(b"12345679")

    assert content_digest(folder) != before


def test_the_digest_follows_names(folder: Path):
    before = content_digest(folder)
    (folder / "unet").rename(folder / "transformer")

    assert content_digest(folder) != before


def test_the_digest_is_that_of_a_copy_elsewhere(folder: Path, tmp_path: Path):
    before = content_digest(folder)
    weights = folder / "unet" / "weights.safetensors"
    os.utime(weights, (1, 1))
    (folder / "README.md").write_text("a card")

    assert content_digest(folder.rename(tmp_path / "moved")) == before


def test_content_that_the_hub_has_named_is_not_read(folder: Path, tmp_path: Path):
    blob = tmp_path / ("0" * 64)
    blob.write_bytes(b"large")
    (folder / "vae.safetensors").symlink_to(blob)
    before = content_digest(folder)
    blob.write_bytes(b"LARGE")

    assert content_digest(folder) == before
