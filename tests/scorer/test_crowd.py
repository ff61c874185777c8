from typing import Any

import pytest
import torch

from scorer.crowd import People, Pictures, judge_crowd
from scorer.predictor import PamelaNetwork
from scorer.tokens import TokenBatch

FIELDS = ("person.age", "person.gender", "picture.year")


def network(layers: int, visual_tokens: int, apart: int = 0) -> PamelaNetwork:
    torch.manual_seed(0)
    made = PamelaNetwork(
        visual_dim=6,
        semantic_dim=4,
        fields=FIELDS,
        visual_tokens=visual_tokens,
        sentence_dim=5,
        width=16,
        heads=2,
        layers=layers,
        apart=apart,
    )
    made.line.normal_()
    return made.eval()


@pytest.mark.parametrize(
    ("layers", "visual_tokens", "apart"), [(1, 1, 0), (2, 1, 0), (3, 2, 0), (2, 1, 1), (3, 2, 2)]
)
def test_a_crowd_is_judged_as_one_by_one(layers: int, visual_tokens: int, apart: int):
    model = network(layers, visual_tokens, apart)
    visual, semantic = torch.randn(4, 6 * visual_tokens), torch.randn(4, 4)
    prompted = torch.tensor([True, False, True, True])
    fields = torch.randn(3, 3, 5)
    present = torch.tensor([[True, True, False], [False, True, False], [False, False, False]])

    score, cls = judge_crowd(model, Pictures(visual, semantic, prompted), People(fields, present))

    assert score.shape == (3, 4)
    for person in range(3):
        there = torch.cat([prompted[:, None], present[person].expand(4, -1)], dim=1)
        with torch.no_grad():
            expected, features = model(
                TokenBatch(visual, semantic, fields[person].expand(4, -1, -1), there)
            )
        torch.testing.assert_close(score[person], expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(cls[person], features, atol=1e-5, rtol=1e-5)


def test_a_crowd_that_is_judged_in_parts_is_the_same(monkeypatch: pytest.MonkeyPatch):
    model = network(2, 1)
    pictures = Pictures(torch.randn(4, 6), torch.randn(4, 4), torch.ones(4) > 0)
    people = People(torch.randn(5, 3, 5), torch.rand(5, 3) > 0.5)
    whole, _ = judge_crowd(model, pictures, people)
    for rows in (8, 3):
        monkeypatch.setattr("scorer.crowd.ROWS", rows)
        torch.testing.assert_close(judge_crowd(model, pictures, people)[0], whole)


def test_nobody_and_nothing_give_empty_tables():
    model = network(2, 1)
    one = People(torch.randn(1, 3, 5), torch.ones(1, 3) > 0)
    none = Pictures(torch.zeros(0, 6), torch.zeros(0, 4), torch.zeros(0) > 0)
    some = Pictures(torch.randn(2, 6), torch.randn(2, 4), torch.ones(2) > 0)
    nobody = People(torch.zeros(0, 3, 5), torch.zeros(0, 3) > 0)
    assert judge_crowd(model, none, one)[0].shape == (1, 0)
    assert judge_crowd(model, some, nobody)[0].shape == (0, 2)


def test_sides_that_are_kept_apart_are_computed_once_each():
    model = network(3, 1, 2)
    rows: list[int] = []

    def count(_module: Any, given: tuple[torch.Tensor], _made: Any) -> None:
        rows.append(len(given[0]))

    layers: Any = model.transformer.layers
    for layer in layers:
        layer.norm1.register_forward_hook(count)
    pictures = Pictures(torch.randn(7, 6), torch.randn(7, 4), torch.ones(7) > 0)
    people = People(torch.randn(5, 3, 5), torch.ones(5, 3) > 0)
    judge_crowd(model, pictures, people)
    assert sorted(rows) == [5, 5, 5, 7, 7, 7]  # never the 35 pairs


@pytest.mark.parametrize("apart", [-1, 2, 3])
def test_one_layer_at_least_has_to_join_the_sides(apart: int):
    with pytest.raises(ValueError, match=f"apart is {apart}: 0 to 1, of 2 layers"):
        network(2, 1, apart)
