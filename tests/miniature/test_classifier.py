"""What the perception trains on: scenes of its own, and pictures that the diffusion model draws."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from miniature import drawn_scenes as drawing
from miniature.attributes import Attributes, sample
from miniature.captions import MEDIUM, PLAIN, SUBJECT, TABLES, fully
from miniature.classifier import HEADS, UNKNOWN, Role, Shown, accuracy, of_drawn, train_classifier
from miniature.drawn_scenes import ASKED, drawn_scenes
from miniature.finish import draw_finish
from miniature.training import Plan

WORLDS = [draw_finish(rng).of(sample(rng)) for rng in (np.random.default_rng(n) for n in range(60))]


@pytest.mark.parametrize("number", range(0, 60, 4))
def test_a_full_caption_says_everything_in_plain_words(number: int):
    attributes = replace(WORLDS[number], several=False)
    said = fully(attributes, np.random.default_rng(number))
    assert any(word in said for word in SUBJECT[attributes.subject][:PLAIN])
    for axis in ("environment", "lighting", "camera_angle", "shot", "palette"):
        plain = TABLES[axis].get(getattr(attributes, axis), ())[:PLAIN]
        assert not plain or any(words in said for words in plain), (axis, said)
    media = [*MEDIUM[attributes.look], *TABLES["look"][attributes.look]]
    assert any(words.removesuffix(" of") in said for words in media)


def test_of_a_drawn_picture_only_what_was_asked_and_is_obeyed_is_known():
    pictures = np.random.default_rng(0).integers(0, 256, (3, 128, 128, 3), dtype=np.uint8)
    drawn = Shown(pictures, WORLDS[:3])
    made, labels = of_drawn(drawn, np.array([2, 0, 1]), np.random.default_rng(1))
    assert len(made) == 3
    for row, named in zip(labels, (WORLDS[2], WORLDS[0], WORLDS[1]), strict=True):
        known = {name for name, label in zip(HEADS, row, strict=True) if label != UNKNOWN}
        assert known == set(ASKED)
        assert HEADS["subject"][row[0]] == named.subject


def test_a_classifier_learns_from_drawn_pictures_too(tmp_path: Path):
    rng = np.random.default_rng(0)
    scenes = Shown(rng.integers(0, 256, (6, 128, 128, 3), dtype=np.uint8), WORLDS[:6])
    worlds: list[Attributes] = [replace(WORLDS[9], subject=s) for s in ("rock", "boat", "cake")]
    colours = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200]], np.uint8)
    pictures = np.broadcast_to(colours[:, None, None], (3, 128, 128, 3)).copy()
    role = Role(5, (8, 8, 16, 16), lambda _: True, 60)
    plan = Plan(tmp_path / "tiny.pt", steps=60, rate=5e-3, batch=12)
    model = train_classifier(scenes, role, plan, Shown(pictures, worlds))
    assert accuracy(model, pictures, worlds)["subject"] == 1
    without = train_classifier(scenes, role, replace(plan, checkpoint=tmp_path / "other.pt"))
    assert accuracy(without, pictures, worlds)["subject"] < 1


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers' own
def test_drawing_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(drawing, "SHARD", 2)
    monkeypatch.setattr("miniature.scenes.store.SHARD", 2)
    drawn_scenes(tmp_path, 2)
    first = (tmp_path / "scenes-00000.npz").stat().st_mtime_ns
    pictures, attributes = drawn_scenes(tmp_path, 3)
    assert pictures.shape == (3, 128, 128, 3)
    assert len(attributes) == 3
    assert (tmp_path / "scenes-00000.npz").stat().st_mtime_ns == first
    assert pictures.std() > 10
    (tmp_path / "scenes.json").write_text('{"seed": 1}')
    with pytest.raises(ValueError, match="holds scenes of"):
        drawn_scenes(tmp_path, 2)
