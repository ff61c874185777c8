"""What the perception trains on: scenes of its own, and pictures that the diffusion model draws."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from miniature import drawn_scenes as drawing
from miniature.attributes import Attributes, sample
from miniature.augment import disturbed, to_tensor
from miniature.captions import MEDIUM, PLAIN, SUBJECT, TABLES, fully
from miniature.classifier import (
    HEADS,
    UNKNOWN,
    Role,
    Shown,
    accuracy,
    of_drawn,
    train_classifier,
)
from miniature.drawn_scenes import ASKED, drawn_scenes
from miniature.finish import Finish, draw_finish, finished
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
    made, labels = of_drawn(drawn, np.array([2, 0, 1]))
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


def test_a_classifier_goes_on_from_another(tmp_path: Path):
    rng = np.random.default_rng(3)
    scenes = Shown(rng.integers(0, 256, (6, 128, 128, 3), dtype=np.uint8), WORLDS[:6])
    role = Role(5, (8, 8, 16, 16), lambda _: True, 1)
    plan = Plan(tmp_path / "one.pt", steps=1, batch=6, rate=1e-9)
    first = train_classifier(scenes, role, plan)
    plan, other = replace(plan, checkpoint=tmp_path / "two.pt"), replace(role, seed=6)
    again = train_classifier(scenes, other, plan, begin=first)
    for own, before in zip(again.parameters(), first.parameters(), strict=True):
        assert (own - before).abs().max() < 1e-6


def test_a_kept_look_is_the_look():
    rng = np.random.default_rng(4)
    scenes = Shown(rng.integers(0, 256, (2, 128, 128, 3), dtype=np.uint8), WORLDS[:2])
    for finish in (Finish("digital art", "cool"), Finish("photographic", "pastel"), Finish()):
        picture, named = scenes.under(1, finish)
        assert np.array_equal(picture, finished(scenes.pictures[1], finish))
        assert named == finish.of(WORLDS[1])


def test_pictures_are_disturbed_by_little():
    rows, columns = np.mgrid[:128, :128]
    disc = np.hypot(rows - 40, columns - 90) < 12
    picture = np.where(disc[..., None], 250, 20).astype(np.uint8).repeat(3, -1)
    made = disturbed([picture] * 64, np.random.default_rng(0)).numpy()
    left = 0
    for each in made:
        bright = np.argwhere(each[0] > 0)
        down, across = bright.mean(0)
        left += across < 64
        assert np.hypot(down - 40, min(abs(across - 90), abs(across - 37))) < 13
        assert 0.8 * disc.sum() < len(bright) < 1.25 * disc.sum()
    assert 20 < left < 44
    assert (made[:, :, 60:68, 60:68].std((1, 2, 3)) < 1e-3).all()
    plain = (made == to_tensor(picture[None])[0].numpy()).all((1, 2, 3))
    assert 0 < plain.sum() < 20


def test_what_is_erased_is_one_square():
    picture = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    with_all = disturbed([picture] * 64, np.random.default_rng(1))
    erased = disturbed([picture] * 64, np.random.default_rng(1), erase=True)
    changed = (with_all != erased).any(1).numpy()
    assert 20 < changed.any((1, 2)).sum() < 44
    for gone in changed[changed.any((1, 2))]:
        rows, columns = np.flatnonzero(gone.any(1)), np.flatnonzero(gone.any(0))
        assert len(rows) <= 48
        assert gone[np.ix_(rows, columns)].mean() > 0.95


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers' own
def test_drawing_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(drawing, "SHARD", 2)
    monkeypatch.setattr("miniature.scenes.store.SHARD", 2)
    drawn_scenes(tmp_path, 2, seed=11)
    first = (tmp_path / "scenes-00000.npz").stat().st_mtime_ns
    pictures, attributes = drawn_scenes(tmp_path, 3, seed=11)
    assert pictures.shape == (3, 128, 128, 3)
    assert len(attributes) == 3
    assert (tmp_path / "scenes-00000.npz").stat().st_mtime_ns == first
    assert pictures.std() > 10
    (tmp_path / "scenes.json").write_text('{"seed": 1}')
    with pytest.raises(ValueError, match="holds scenes of"):
        drawn_scenes(tmp_path, 2, seed=11)
