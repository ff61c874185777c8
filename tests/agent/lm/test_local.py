"""A real Llama at tiny size, saved to disk, in this process: it talks nonsense, but reliably."""

import json
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from dspy.lm15 import Config, Message, Request

from agent.errors import InputError, PrerequisiteError
from agent.lm import make_lm
from agent.lm.constrained import LONGEST_ADDITION
from agent.lm.local import GumbelNoise, TransformersEngine
from agent.program import make_proposer
from agent.threads import concurrently
from tests.agent.lm.requests import asking
from tests.agent.lm.tiny_llama import TEMPLATE, save_llama

NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}" + TEMPLATE
)
SHORTER_THAN_A_FORWARD = 1e-5
"""Seconds."""


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if llguidance were not installed."""
    monkeypatch.setitem(sys.modules, "llguidance", None)


def question(name: str, seed: int = 0, tokens: int = 12) -> Request:
    document = f'{{"candidate_id": "{name}", "seed": {seed}}}'
    message = Message.user(f"[[ ## request ## ]]\n{document}\n\nAnswer, please.")
    return Request(
        model="tiny", messages=(message,), system="be brief", config=Config(max_tokens=tokens)
    )


def test_calls_that_come_together_are_one_batch_whoever_comes_first(llama: str):
    engine = TransformersEngine(llama, device="cpu")
    questions = [question("c0001", 5), question("c0002", 7), question("c0010", 6)]
    answers: list[list[str | None]] = []
    for order in ([0, 1, 2], [2, 0, 1]):
        engine.expect(3)
        got = concurrently([partial(engine.complete, questions[place]) for place in order])
        answers.append([got[order.index(place)].message.text for place in range(3)])

    assert answers[0] == answers[1]
    assert len(set(answers[0])) == 3


def test_another_seed_gives_another_answer(llama: str):
    engine = TransformersEngine(llama, device="cpu")
    texts = {engine.complete(question("c0001", seed)).message.text for seed in (1, 1, 2)}

    assert len(texts) == 2


def test_tokens_are_counted(llama: str):
    usage = TransformersEngine(llama, device="cpu").complete(question("c0001")).usage

    assert usage.input_tokens is not None
    assert usage.input_tokens > 60
    assert usage.output_tokens is not None
    assert 0 < usage.output_tokens <= 12


def test_torchs_own_random_state_is_left_alone(llama: str):
    engine = TransformersEngine(llama, device="cpu")
    before = torch.get_rng_state()
    engine.complete(question("c0001"))

    assert torch.equal(before, torch.get_rng_state())


def test_weights_are_held_in_bfloat16(llama: str):
    engine = TransformersEngine(llama, device="cpu")

    assert engine.load().dtype == torch.bfloat16


def test_a_beam_is_one_batch_from_the_first_token_to_the_last(
    llama: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("agent.lm.local.MAX_NEW_TOKENS", 8)
    proposer = make_proposer(f"transformers:{llama}", device="cpu")
    rows: list[int] = []

    def count(_model: Any, _inputs: Any, output: Any) -> None:
        rows.append(len(output.logits))

    engine: Any = proposer._lm.engine  # pyright: ignore[reportPrivateUsage]
    engine.load().register_forward_hook(count)
    proposer.propose([asking(candidate_id=f"c000{n}") for n in range(5)])

    assert set(rows) == {5}
    assert len(rows) == 2 * 8  # once, and once more with the errors


@pytest.mark.usefixtures("free")
def test_nonsense_is_a_failed_proposal_and_the_next_one_is_asked_for(
    llama: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("agent.lm.local.MAX_NEW_TOKENS", 8)
    proposer = make_proposer(f"transformers:{llama}", device="cpu")
    requests = [asking(candidate_id=name) for name in ("c0001", "c0002")]
    answers = proposer.propose(requests)

    assert [answer.edits for answer in answers] == [(), ()]
    assert [[event.type for event in answer.events] for answer in answers] == [
        ["retry", "proposal_failed"]
    ] * 2
    assert all(answer.llm_calls == 2 and answer.tokens_out > 0 for answer in answers)
    assert all(answer.cost_usd == 0 for answer in answers)
    again = make_proposer(f"transformers:{llama}", device="cpu").propose(requests)
    assert [a.events for a in again] == [a.events for a in answers]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_even_nonsense_keeps_to_the_form_that_is_asked_for(llama: str, seed: int):
    request = asking(count=2, axes=("lens", "mood"), seed=seed).model_dump_json()
    chat = Message.user(f"[[ ## request ## ]]\n{request}\n\nAnswer, please.")
    engine = TransformersEngine(llama, device="cpu")
    answer = engine.complete(Request(model="x", messages=(chat,), config=Config(max_tokens=3000)))

    head, listed, end = re.split(r"\n\n?(?=\[)", answer.message.text or "")
    edits = json.loads(listed)
    assert (head, end) == ("[[ ## edits ## ]]", "[[ ## completed ## ]]")
    assert 1 <= len(edits) <= 2
    assert all(set(edit) == {"axis", "instruction", "prompt"} for edit in edits)
    assert {edit["axis"] for edit in edits} <= {"lens", "mood"}
    assert all(len(edit["prompt"]) <= len("a rock") + LONGEST_ADDITION for edit in edits)


@pytest.mark.usefixtures("free")
def test_without_the_library_answers_are_free_and_that_is_said(llama: str):
    assert make_proposer(f"transformers:{llama}", device="cpu").describe()["form"] == "free"


def test_the_library_that_keeps_answers_to_a_form_is_part_of_what_proposes(llama: str):
    described = make_proposer(f"transformers:{llama}", device="cpu").describe()

    assert described["form"].startswith("llguidance 1.")


def test_a_chat_about_anything_else_is_not_constrained(llama: str):
    answer = TransformersEngine(llama, device="cpu").complete(question("c0001", tokens=3))

    assert not (answer.message.text or "").startswith("[[")


def test_generation_stops_when_the_time_is_up(llama: str):
    engine = TransformersEngine(llama, device="cpu")
    forwards: list[None] = []

    def count(*_: object) -> None:
        forwards.append(None)

    engine.load().register_forward_hook(count)
    engine.complete(question("c0001", tokens=40))
    in_peace = len(forwards)
    engine.keep_to(lambda: SHORTER_THAN_A_FORWARD)

    with pytest.raises(TimeoutError, match="no answer within the time limit of the run"):
        engine.complete(question("c0001", tokens=40))
    assert (in_peace > 1, len(forwards) - in_peace) == (True, 1)


def test_no_generation_begins_when_no_time_is_left(llama: str):
    engine = TransformersEngine(llama, device="cpu")
    engine.keep_to(lambda: 0.0)

    with pytest.raises(TimeoutError, match="no answer within the time limit of the run"):
        engine.complete(question("c0001"))


def test_a_model_that_is_too_slow_is_a_failed_proposal(llama: str):
    proposer = make_proposer(
        f"transformers:{llama}", device="cpu", time_left=lambda: SHORTER_THAN_A_FORWARD
    )
    (answer,) = proposer.propose([asking()])

    assert (answer.edits, answer.answered) == ((), False)
    assert [event.type for event in answer.events] == ["proposal_failed"]
    assert "no answer within the time limit of the run" in answer.events[0].message


def test_a_chat_that_is_too_long_is_a_failed_proposal(tmp_path: Path):
    proposer = make_proposer(f"transformers:{save_llama(tmp_path, context=64)}", device="cpu")
    (answer,) = proposer.propose([asking()])

    assert [event.type for event in answer.events] == ["proposal_failed"]
    assert "leave no room in 64" in answer.events[0].message


def test_a_template_without_a_system_role_gets_it_with_the_question(tmp_path: Path):
    engine = TransformersEngine(save_llama(tmp_path, template=NO_SYSTEM), device="cpu")

    assert engine.complete(question("c0001")).message.text


def test_a_model_that_cannot_chat_is_refused(tmp_path: Path):
    folder = save_llama(tmp_path, template=None)

    with pytest.raises(InputError, match="has no chat template"):
        make_lm(f"transformers:{folder}", device="cpu")


def test_a_folder_without_a_model_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"is no language model: it has no config\.json"):
        make_lm(f"transformers:{tmp_path}", device="cpu")


def test_a_model_that_is_not_here_says_how_to_get_it():
    with pytest.raises(PrerequisiteError, match="`hf download nobody/nothing`"):
        make_lm("transformers:nobody/nothing", device="cpu")


def test_a_folder_without_weights_ends_the_run(tmp_path: Path):
    folder = save_llama(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    proposer = make_proposer(f"transformers:{folder}", device="cpu")

    with pytest.raises(InputError, match="does not load"):
        proposer.propose([asking()])


def test_gumbel_noise_draws_from_the_softmax():
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0]]).repeat(4000, 1)
    noise = GumbelNoise(list(range(4000)), temperature=0.5)
    drawn = noise(torch.zeros(4000, 1, dtype=torch.long), logits).argmax(dim=1)

    shares = torch.bincount(drawn, minlength=4) / 4000
    expected = torch.softmax(logits[0] / 0.5, dim=0)
    torch.testing.assert_close(shares, expected, atol=0.02, rtol=0)
