from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from miniature.attributes import Attributes, sample
from miniature.captions import claims
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
    captions = rng.standard_normal((len(attributes), CAPTIONS, 384)).astype(np.float32)
    known = claims()
    return Texts(captions, finishes, torch.randn(len(known), 384), known)


PLAN = Plan(Path("none.pt"), steps=1, batch=6)


def test_two_processes_share_a_batch(
    pictures: np.ndarray,
    attributes: list[Attributes],
    texts: Texts,
    monkeypatch: pytest.MonkeyPatch,
):
    whole = draw_batch(pictures, attributes, texts, PLAN, 5)
    assert whole.pictures.shape == (6, 3, 128, 128)
    assert whole.claims.shape == (CLAIMS_AT_ONCE, 384)
    assert whole.labels.shape == (6, len(HEADS))
    for part in (0, 1):
        monkeypatch.setattr("miniature.encoder.worker", lambda part=part: (part, 2))
        own = draw_batch(pictures, attributes, texts, PLAN, 5)
        torch.testing.assert_close(own.pictures, whole.pictures[part::2])
        torch.testing.assert_close(own.captions, whole.captions)
        assert torch.equal(own.own, whole.own[part::2])
        assert torch.equal(own.true, whole.true[part::2])
        assert torch.equal(own.labels, whole.labels[part::2])


def test_claims_are_true_of_what_a_picture_shows(
    pictures: np.ndarray, attributes: list[Attributes], texts: Texts
):
    batch = draw_batch(pictures, attributes, texts, PLAN, 0)
    heads = list(HEADS)
    asked = [int((texts.claims == claim).all(1).nonzero()[0]) for claim in batch.claims]
    for row, labels in enumerate(batch.labels.tolist()):
        shown = {name: HEADS[name][label] for name, label in zip(heads, labels, strict=True)}
        for place, number in enumerate(asked):
            claim = texts.claimed[number]
            if claim.attribute in ("subject", "lighting", "palette"):
                assert bool(batch.true[row, place]) == (claim.value == shown[claim.attribute])


def test_concepts_are_all_values_that_claims_speak_of(
    pictures: np.ndarray, attributes: list[Attributes], texts: Texts
):
    vision, heads = make_encoder(Classifier((8, 6, 12, 32)), 0)
    concepts = concepts_of(vision.eval(), heads.eval(), texts, pictures, attributes)
    spoken = {(c.attribute, c.value) for c in texts.claimed if c.value is not None}
    assert len(concepts.axis) == len(spoken)
    colours = sum(attribute == "colour" for attribute, _ in spoken)
    attributes_spoken = {attribute for attribute, _ in spoken}
    assert int(concepts.axis.max()) + 1 == len(attributes_spoken) - 1 + colours


def test_the_maps_alone_learn_which_caption_is_a_pictures_own(
    pictures: np.ndarray, attributes: list[Attributes], texts: Texts, tmp_path: Path
):
    vision, heads = make_encoder(Classifier((8, 6, 12, 32)), 0)
    seen = see(vision.eval(), pictures, attributes, texts, 0)
    assert len(seen.features) == len(attributes) * CAPTIONS
    own = texts.claimed[5]
    named = texts.finishes[3][1].of(attributes[3])
    assert bool(seen.true[3 * CAPTIONS + 1, seen.kinds[5]]) == own.holds(named)
    told_apart = torch.randn(seen.features.shape, generator=torch.Generator().manual_seed(0))
    seen = replace(seen, features=told_apart)
    plan = Plan(tmp_path / "heads.pt", steps=60, rate=5e-3, batch=24)
    train_heads(heads, seen, texts, plan)
    with torch.no_grad():
        logits = heads(seen.features, seen.captions)
    others = ~torch.eye(len(logits), dtype=torch.bool)
    assert logits.diagonal().mean() > logits[others].mean() + 1
