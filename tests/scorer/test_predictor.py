from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from scorer.errors import PrerequisiteError
from scorer.predictor import PamelaNetwork, load_network, predict, save_network
from scorer.tokens import TokenBatch, Vocabulary, assemble, row_fields, sentence
from tests.scorer.synthetic import FIELDS, SyntheticEncoder, sentences


def network() -> PamelaNetwork:
    torch.manual_seed(0)
    return PamelaNetwork(
        visual_dim=5, semantic_dim=4, fields=FIELDS, sentence_dim=6, width=16, heads=2
    ).eval()


def batch(count: int = 3) -> TokenBatch:
    generator = torch.Generator().manual_seed(0)
    return TokenBatch(
        visual=torch.randn(count, 5, generator=generator),
        semantic=torch.randn(count, 4, generator=generator),
        fields=torch.randn(count, len(FIELDS), 6, generator=generator),
        present=torch.ones(count, 1 + len(FIELDS), dtype=torch.bool),
    )


def masked(tokens: TokenBatch, column: int) -> TokenBatch:
    present = tokens.present.clone()
    present[:, column] = False
    return replace(tokens, present=present)


def test_it_gives_a_score_and_features_for_each_picture() -> None:
    score, cls = network()(batch())
    assert score.shape == (3,)
    assert cls.shape == (3, 16)


def test_the_score_is_linear_in_the_features() -> None:
    net = network()
    score, cls = net(batch())
    assert torch.allclose(score, net.head(cls)[:, 0] * net.score_std + net.score_mean)


def test_a_line_through_the_picture_is_added_to_the_score() -> None:
    net, tokens = network(), batch()
    before, _ = net(tokens)
    net.line.copy_(torch.arange(5.0))
    after, _ = net(tokens)
    assert torch.allclose(after, before + tokens.visual @ torch.arange(5.0) * net.score_std)


@pytest.mark.parametrize("column", [0, 1])
def test_a_missing_token_is_not_read(column: int) -> None:
    net, tokens = network(), masked(batch(), column)
    changed = (
        replace(tokens, semantic=tokens.semantic + 9)
        if column == 0
        else replace(
            tokens, fields=torch.cat([tokens.fields[:, :1] + 9, tokens.fields[:, 1:]], dim=1)
        )
    )
    assert torch.equal(net(tokens)[0], net(changed)[0])


def test_a_token_that_is_there_is_read() -> None:
    net = network()
    assert not torch.allclose(net(batch())[0], net(masked(batch(), 1))[0])


def test_a_picture_has_the_same_score_alone_and_in_a_batch() -> None:
    net, together = network(), batch()
    alone = TokenBatch(**{name: value[1:2] for name, value in vars(together).items()})
    assert torch.allclose(net(together)[0][1:2], net(alone)[0], atol=1e-5)


def test_saved_in_sixteen_bit_and_loaded_it_scores_the_same(tmp_path: Path) -> None:
    net = network()
    net.line.normal_()
    save_network(net, tmp_path)
    again = load_network(tmp_path)
    assert again.fields == FIELDS
    assert next(again.parameters()).dtype == torch.float32
    assert torch.equal(net(batch())[0], again(batch())[0])


def test_loading_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    save_network(network(), tmp_path)
    load_network(tmp_path)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("broken", ["config.json", "model.safetensors"])
def test_a_broken_folder_says_how_to_train(tmp_path: Path, broken: str) -> None:
    save_network(network(), tmp_path)
    (tmp_path / broken).write_bytes(b"{")
    with pytest.raises(PrerequisiteError, match=r"miniature\.predictor"):
        load_network(tmp_path)


def test_an_age_is_said_with_its_decade() -> None:
    assert sentence("person.age", 34) == "age: 34, in the 30s"
    assert sentence("person.age_binned", "30-39") == "age binned: 30-39"
    assert sentence("picture.style", "Pop Art") == "style: Pop Art"


def test_the_prompt_is_no_field() -> None:
    assert row_fields({"age": 3}, {"prompt": "x", "group": "y"}) == {
        "person.age": 3,
        "picture.group": "y",
    }


def test_unknown_fields_and_missing_prompts_are_left_out() -> None:
    table = assemble(
        np.zeros((1, 5), np.float32),
        [0, 0],
        ["a boat", None],
        [{"person.age": 34, "person.shoe_size": 42}, {}],
        Vocabulary(SyntheticEncoder(), FIELDS, sentences),
    )
    assert table.batch(torch.arange(2)).present.tolist() == [[True, True, False], [False] * 3]
    score, _ = predict(network(), table)
    assert np.isfinite(score).all()


def test_a_table_without_rows_gives_no_scores() -> None:
    vocabulary = Vocabulary(SyntheticEncoder(), FIELDS, sentences)
    table = assemble(np.zeros((0, 5), np.float32), [], [], [], vocabulary)
    score, features = predict(network(), table)
    assert (score.shape, features.shape) == ((0,), (0, 16 + 5))
