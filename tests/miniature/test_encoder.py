from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from miniature.attributes import Attributes, sample
from miniature.captions import SAYABLE, claims, contrast, said_of
from miniature.classifier import HEADS, Classifier
from miniature.encoder import (
    CAPTIONS,
    CLAIMS_AT_ONCE,
    Texts,
    concepts_of,
    draw_batch,
    make_encoder,
)
from miniature.finish import draw_finish
from miniature.joint_space import see, train_heads
from miniature.states import Captions
from miniature.told import true_of
from miniature.training import Plan


@pytest.fixture(scope="module")
def attributes() -> list[Attributes]:
    return [sample(np.random.default_rng(number)) for number in range(12)]


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 128, 128, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def texts(attributes: list[Attributes]) -> Texts:
    rng = np.random.default_rng(1)
    finishes = [[draw_finish(rng) for _ in range(CAPTIONS)] for _ in attributes]
    pairs = [
        contrast(f.of(a), rng) for a, own in zip(attributes, finishes, strict=True) for f in own
    ]
    known = claims()
    said = [told for pair in pairs for told in (pair.said, pair.said_wrongly)]
    said += [claim.said for claim in known]
    lengths = rng.integers(3, 9, len(said) + 1)
    tokens = rng.standard_normal((lengths.sum(), 384)).astype(np.float16)
    states = Captions(tokens, np.concatenate([[0], np.cumsum(lengths)]))
    return Texts(states, np.array(said, np.int8), finishes, known)


PLAN = Plan(Path("none.pt"), steps=1, batch=6)


def test_two_processes_share_a_batch(
    pictures: np.ndarray,
    attributes: list[Attributes],
    texts: Texts,
    monkeypatch: pytest.MonkeyPatch,
):
    whole = draw_batch(pictures, attributes, texts, PLAN, 5)
    assert whole.pictures.shape == (6, 3, 128, 128)
    assert len(whole.asked.said) == 2 * 6 + CLAIMS_AT_ONCE
    assert whole.labels.shape == (6, len(HEADS))
    for part in (0, 1):
        monkeypatch.setattr("miniature.encoder.worker", lambda part=part: (part, 2))
        own = draw_batch(pictures, attributes, texts, PLAN, 5)
        torch.testing.assert_close(own.pictures, whole.pictures[part::2])
        torch.testing.assert_close(own.asked.states, whole.asked.states)
        for name in ("shown", "own", "labels"):
            assert torch.equal(getattr(own, name), getattr(whole, name)[part::2])


def test_texts_are_true_of_what_a_picture_shows(
    pictures: np.ndarray, attributes: list[Attributes], texts: Texts
):
    batch = draw_batch(pictures, attributes, texts, PLAN, 0)
    true = true_of(batch.asked.said, batch.shown)
    captions = true[:, : 2 * batch.asked.captions]
    for row, own in enumerate(batch.own.tolist()):
        assert captions[row, 2 * own]
        assert not captions[row, 2 * own + 1]
    heads = list(HEADS)
    for row, labels in enumerate(batch.labels.tolist()):
        shown = {name: HEADS[name][label] for name, label in zip(heads, labels, strict=True)}
        for number, said in enumerate(batch.asked.said.tolist()):
            told = {
                name: values[value] if value >= 0 else "what no scene shows"
                for (name, values), value in zip(SAYABLE.items(), said, strict=True)
                if value and name in ("subject", "lighting", "palette", "camera_angle")
            }
            if any(shown[name] != value for name, value in told.items()):
                assert not true[row, number]


def test_concepts_are_all_values_that_claims_speak_of(
    pictures: np.ndarray, attributes: list[Attributes], texts: Texts
):
    vision, heads = make_encoder(Classifier((8, 6, 12, 32)).body, 0)
    concepts = concepts_of(vision.eval(), heads.eval(), texts, pictures, attributes)
    spoken = {(c.attribute, c.value) for c in texts.claimed if c.value is not None}
    assert len(concepts.axis) == len(spoken)
    colours = sum(attribute == "colour" for attribute, _ in spoken)
    attributes_spoken = {attribute for attribute, _ in spoken}
    assert int(concepts.axis.max()) + 1 == len(attributes_spoken) - 1 + colours


def test_the_maps_alone_learn_which_caption_is_a_pictures_own(
    pictures: np.ndarray, attributes: list[Attributes], texts: Texts, tmp_path: Path
):
    vision, heads = make_encoder(Classifier((8, 6, 12, 32)).body, 0)
    seen = see(vision.eval(), pictures, attributes, texts, 0)
    assert len(seen.features) == len(attributes) * CAPTIONS
    named = texts.finishes[3][1].of(attributes[3])
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
