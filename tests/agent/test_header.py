import json
from collections.abc import Callable
from pathlib import Path

import PIL.Image
import pytest

from agent.builders import Parts
from agent.header import changed_parts, profile_digest
from agent.store import RunStore
from scorer import UserProfile


@pytest.fixture
def rated(tmp_path: Path) -> Path:
    """A profile with a rated picture."""
    PIL.Image.new("RGB", (4, 4), "red").save(tmp_path / "a.png")
    ratings = [{"image": "a.png", "score": 4}]
    (tmp_path / "me.json").write_text(json.dumps({"user_id": "me", "ratings": ratings}))
    return tmp_path / "me.json"


def test_profile_is_known_by_its_content_not_by_how_it_is_written(rated: Path):
    before = profile_digest(UserProfile.load(rated))
    rated.write_text(json.dumps(json.loads(rated.read_text()), indent=8))

    assert profile_digest(UserProfile.load(rated)) == before


def test_changed_picture_is_a_changed_profile(rated: Path):
    before = profile_digest(UserProfile.load(rated))
    PIL.Image.new("RGB", (4, 4), "blue").save(rated.with_name("a.png"))

    assert profile_digest(UserProfile.load(rated)) != before


def test_same_parts_have_not_changed(new_store: Callable[..., RunStore], parts: Parts):
    with new_store() as store:
        assert changed_parts(store.header, parts) == []


def test_other_weights_are_told_with_both_values(new_store: Callable[..., RunStore], parts: Parts):
    with new_store() as store:
        before = store.header.parts["renderer"]

    header = store.header.model_copy(
        update={"parts": {**store.header.parts, "renderer": {**before, "weights": "b2"}}}
    )

    assert changed_parts(header, parts) == [
        "resumed with another renderer: weights 'b2' is now None, results may differ"
    ]


def test_run_json_holds_what_the_run_started_from_and_no_secret(
    new_store: Callable[..., RunStore], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "very-secret-value")
    with new_store("mossy rocks", seed=7) as store:
        text = (store.folder / "run.json").read_text(encoding="utf-8")
    document = json.loads(text)

    assert (document["schema_version"], document["prompt"]) == (1, "mossy rocks")
    assert (document["config"]["seed"], document["profile"]["user_id"]) == (7, "night-owl")
    assert set(document["parts"]) == {"proposer", "renderer", "scorer"}
    assert document["packages"]["pillow"] == PIL.__version__
    assert "very-secret-value" not in text
