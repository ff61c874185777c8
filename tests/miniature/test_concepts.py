import pytest
import torch

from miniature.classifier import Classifier, Shown
from miniature.concepts import calibrate, concept_values, concepts_of
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


def test_concepts_are_all_values_that_claims_speak_of(scenes: Shown, texts: Texts):
    vision, heads = make_encoder(Classifier((8, 6, 12, 32)).body, 0)
    concepts = concepts_of(vision.eval(), heads.eval(), texts, (scenes, scenes))
    spoken = {(c.attribute, c.value) for c in texts.claimed if c.value is not None}
    assert len(concepts.axis) == len(spoken)
    colours = sum(attribute == "colour" for attribute, _ in spoken)
    attributes_spoken = {attribute for attribute, _ in spoken}
    assert int(concepts.axis.max()) + 1 == len(attributes_spoken) - 1 + colours
    assert len(concepts.scale) == len(concepts.offset) == int(concepts.axis.max()) + 1
    assert len(concept_values()) == len(concepts.axis)
