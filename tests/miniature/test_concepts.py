from dataclasses import replace

import pytest
import torch

from miniature.attributes import Attributes
from miniature.classifier import Classifier, Shown
from miniature.concepts import (
    ALONE,
    calibrate,
    concept_values,
    concepts_of,
    concepts_shown,
    look,
)
from miniature.encoder import make_encoder
from miniature.told import Texts


def test_a_scale_makes_what_is_too_sure_as_sure_as_it_is_right():
    generator = torch.Generator().manual_seed(0)
    honest = 2 * torch.randn(4000, 3, generator=generator)
    picked = torch.multinomial(honest.softmax(1), 1, generator=generator)[:, 0]
    true = torch.nn.functional.one_hot(picked, 3).bool()
    scale, offset = calibrate(4 * honest, true)
    assert scale == pytest.approx(0.25, rel=0.1)
    assert offset == 0
    shown = torch.rand(4000, 1, generator=generator) < (honest[:, :1] - 1).sigmoid()
    scale, offset = calibrate(5 * honest[:, :1], shown)
    assert scale == pytest.approx(0.2, rel=0.1)
    assert offset == pytest.approx(-1, abs=0.2)


def test_what_nothing_shows_cannot_be_calibrated():
    with pytest.raises(ValueError, match="no picture shows any"):
        calibrate(torch.zeros(4, 3), torch.zeros(4, 3, dtype=torch.bool))


def test_concepts_of_a_scene_are_the_values_that_it_shows():
    plain = Attributes(
        subject="rock", environment="lake", lighting="neon", camera_angle="low", shot="wide"
    )
    scene = replace(plain, colour="red", mossy=True)
    shown = {v for v, true in zip(concept_values(), concepts_shown(scene), strict=True) if true}
    assert {("subject", "rock"), ("environment", "lake"), ("lighting", "neon")} <= shown
    assert {v for v in shown if v[0].startswith("colour")} == {("colour red", "red")}
    assert not any(axis.startswith(("weather", "palette", "material")) for axis, _ in shown)
    foggy = concepts_shown(replace(scene, weather="fog", palette="warm"))
    more = {v for v, true in zip(concept_values(), foggy, strict=True) if true} - shown
    assert more == {("weather fog", "fog"), ("palette warm", "warm")}
    assert ("mossy", "True") in shown
    assert ("floating", "True") not in shown
    assert sum(axis == "subject" for axis, _ in shown) == 1


def test_concepts_are_all_values_that_claims_speak_of(scenes: Shown, texts: Texts, varied: Shown):
    vision, heads = make_encoder(Classifier((8, 6, 12, 32)).body, 0)
    looked = look(vision.eval(), heads.eval(), varied)
    concepts = concepts_of(vision, heads, texts, scenes, looked)
    spoken = {(c.attribute, c.value) for c in texts.claimed if c.value is not None}
    assert len(concepts.axis) == len(spoken)
    alone = sum(attribute in ALONE for attribute, _ in spoken)
    attributes_spoken = {attribute for attribute, _ in spoken}
    assert int(concepts.axis.max()) + 1 == len(attributes_spoken) - len(ALONE) + alone
    assert len(concepts.scale) == len(concepts.offset) == int(concepts.axis.max()) + 1
    assert len(concept_values()) == len(concepts.axis)
