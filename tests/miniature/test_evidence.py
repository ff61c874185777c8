import pytest
import torch

from miniature.captions import SAYABLE
from miniature.classifier import Classifier, Shown
from miniature.concepts import concept_values, concepts_of, look
from miniature.encoder import make_encoder
from miniature.evidence import make_evidence, train_naming
from miniature.told import Texts
from scorer.evidence import FLOOR
from scorer.miniature_encoder import GATHERED, QUERIES


def test_naming_learns_what_is_said_and_what_never_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("miniature.evidence.STEPS", 400)
    generator = torch.Generator().manual_seed(0)
    said = torch.zeros(300, len(SAYABLE), dtype=torch.int8)
    said[:100, 0], said[100:200, 0] = 3, -1
    gathered = 0.1 * torch.randn(300, QUERIES, GATHERED, generator=generator)
    for rows in range(3):
        gathered[100 * rows : 100 * (rows + 1), 0, 10 * rows : 10 * (rows + 1)] += 3
    naming = train_naming(gathered, said, 0)
    with torch.no_grad():
        found = naming.heads[0](gathered[:, 0]).argmax(1)
    assert (found[:100] == 3).all()
    assert (found[100:200] == len(SAYABLE["subject"])).all()
    assert (found[200:] == 0).all()


def test_evidence_stands_for_the_values_that_texts_are_asked_for(
    scenes: Shown,
    texts: Texts,
    varied: Shown,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("miniature.evidence.STEPS", 2)
    vision, heads = make_encoder(Classifier((8, 6, 12, 32)).body, 0)
    looked = look(vision.eval(), heads.eval(), varied)
    concepts = concepts_of(vision, heads, texts, scenes, looked)
    evidence = make_evidence(heads, concepts, texts, looked[1], seed=0)
    values = [
        (name, value) for name, known in SAYABLE.items() for value in (None, *known[1:], "never")
    ]
    assert len(values) == len(evidence.concept)
    nothing, never = len(evidence.prior), len(evidence.prior) + 1
    for (name, value), concept, worth in zip(
        values, evidence.concept.tolist(), evidence.worth.tolist(), strict=True
    ):
        if value == "never":
            assert concept == never
        elif value is None or name in ("viewpoint", "several"):
            assert concept == nothing
        else:
            assert concept_values()[concept][1] == value
            assert concept_values()[concept][0].startswith(name)
        assert worth == (0.5 if name == "subject" else 0.375 if name == "lighting" else 0.25)
    prior = dict(zip(concept_values(), evidence.prior.tolist(), strict=True))
    assert prior["subject", "rock"] == pytest.approx(1 / 24)
    mossy = sum(one.mossy for one in varied.attributes) / len(varied.attributes)
    assert prior["mossy", "True"] == pytest.approx(max(mossy, FLOOR))
    true = dict(zip(concept_values(), looked[1].float().mean(0).tolist(), strict=True))
    assert prior["palette warm", "warm"] == pytest.approx(max(true["palette warm", "warm"], FLOOR))
    found = evidence.shown(torch.full((2, len(evidence.prior)), 0.5))
    assert torch.isfinite(found).all()
