from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from miniature.attributes import sample
from miniature.captions import SAYABLE, said_of
from miniature.classifier import HEADS, UNKNOWN, Classifier, Shown, labels_of
from miniature.encoder import CLAIMS_AT_ONCE, draw_batch, make_encoder
from miniature.joint_space import see, train_heads
from miniature.told import CAPTIONS, Texts, true_of
from miniature.training import Plan


def test_two_processes_share_a_batch(scenes: Shown, texts: Texts, monkeypatch: pytest.MonkeyPatch):
    plan = Plan(Path("none.pt"), steps=1, batch=6)
    whole = draw_batch(scenes, scenes, texts, plan, 5)
    assert whole.pictures.shape == (6, 3, 128, 128)
    assert len(whole.asked.said) == 2 * 4 + CLAIMS_AT_ONCE
    assert whole.labels.shape == (6, len(HEADS))
    assert (whole.labels[4:] == UNKNOWN).any(1).all()
    for part in (0, 1):
        monkeypatch.setattr("miniature.encoder.worker", lambda part=part: (part, 2))
        own = draw_batch(scenes, scenes, texts, plan, 5)
        assert len(own.pictures) == 3
        torch.testing.assert_close(own.asked.states, whole.asked.states)
        assert torch.equal(own.shown, whole.shown[part::2])
        assert torch.equal(own.own, whole.own[part::2])
        assert torch.equal(own.labels[:2], whole.labels[:4][part::2])


def test_texts_are_true_of_what_a_picture_shows(scenes: Shown, texts: Texts):
    made = [
        finish.of(named)
        for named, finishes in zip(scenes.attributes, texts.finishes, strict=True)
        for finish in finishes
    ]
    asked = texts.ask(np.arange(len(made)), np.arange(0, len(texts.claimed), 60))
    true = true_of(asked.said, torch.tensor([said_of(named) for named in made]))
    for row, named in enumerate(made):
        assert true[row, 2 * row]
        assert not true[row, 2 * row + 1]
        values = zip(HEADS.items(), labels_of(named), strict=True)
        shown = {name: known[label] for (name, known), label in values if label >= 0}
        for number, said in enumerate(asked.said.tolist()):
            told = {
                name: values[value] if value >= 0 else "what no scene shows"
                for (name, values), value in zip(SAYABLE.items(), said, strict=True)
                if value and name in ("subject", "lighting", "palette", "camera_angle")
            }
            if any(shown[name] != value for name, value in told.items()):
                assert not true[row, number]


def test_the_maps_alone_learn_which_caption_is_a_pictures_own(
    scenes: Shown, texts: Texts, tmp_path: Path
):
    vision, heads = make_encoder(Classifier((8, 6, 12, 32)).body, 0)
    seen = see(vision.eval(), scenes, texts, 0)
    assert len(seen.features) == len(scenes.attributes) * CAPTIONS
    named = texts.finishes[3][1].of(scenes.attributes[3])
    assert seen.shown[3 * CAPTIONS + 1].tolist() == list(said_of(named))
    told_apart = torch.randn(seen.features.shape, generator=torch.Generator().manual_seed(0))
    seen = replace(seen, features=told_apart)
    plan = Plan(tmp_path / "heads.pt", steps=60, rate=5e-3, batch=24)
    train_heads(heads, seen, texts, plan)
    rows = np.arange(len(seen.features))
    asked = texts.ask(rows, np.arange(1))
    with torch.no_grad():
        told = heads.text(asked.states, asked.mask)[: 2 * len(rows)]
        logits = heads.logits(heads.picture(seen.features), told)
    right, wrong = logits[:, ::2].diagonal(), logits[:, 1::2].diagonal()
    assert (right > wrong).float().mean() > 0.95
    assert right.mean() > logits.mean() + 1


def test_what_no_scene_shows_is_never_true(texts: Texts):
    absent = [n for n, claim in enumerate(texts.claimed) if claim.value is None]
    asked = texts.ask(np.zeros(0, int), np.array(absent))
    shown = torch.tensor([said_of(sample(np.random.default_rng(n))) for n in range(50)])
    assert not true_of(asked.said, shown).any()
