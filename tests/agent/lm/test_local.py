"""A real Llama at tiny size, saved to disk, in this process: it talks nonsense, but reliably."""

from functools import partial
from pathlib import Path

import pytest
import torch
from dspy.lm15 import Config, Message, Request
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from agent.errors import InputError, PrerequisiteError
from agent.lm import make_lm
from agent.lm.local import GumbelNoise, TransformersEngine
from agent.program import make_proposer
from agent.threads import concurrently
from tests.agent.lm.requests import asking

TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}" + TEMPLATE
)
SPECIAL = ("<end>", "<system>", "<user>", "<assistant>")


def save_model(folder: Path, template: str | None = TEMPLATE, context: int = 8192) -> str:
    """A Llama of two layers over bytes, with random weights."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {word: number for number, word in enumerate((*SPECIAL, *letters))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")
    fast.add_special_tokens({"additional_special_tokens": list(SPECIAL[1:])})
    fast.chat_template = template
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=context,
        eos_token_id=0,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_model(tmp_path_factory.mktemp("llama"))


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


def test_a_chat_that_is_too_long_is_a_failed_proposal(tmp_path: Path):
    proposer = make_proposer(f"transformers:{save_model(tmp_path, context=64)}", device="cpu")
    (answer,) = proposer.propose([asking()])

    assert [event.type for event in answer.events] == ["proposal_failed"]
    assert "leave no room in 64" in answer.events[0].message


def test_a_template_without_a_system_role_gets_it_with_the_question(tmp_path: Path):
    engine = TransformersEngine(save_model(tmp_path, template=NO_SYSTEM), device="cpu")

    assert engine.complete(question("c0001")).message.text


def test_a_model_that_cannot_chat_is_refused(tmp_path: Path):
    folder = save_model(tmp_path, template=None)

    with pytest.raises(InputError, match="has no chat template"):
        make_lm(f"transformers:{folder}", device="cpu")


def test_a_folder_without_a_model_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"is no language model: it has no config\.json"):
        make_lm(f"transformers:{tmp_path}", device="cpu")


def test_a_model_that_is_not_here_says_how_to_get_it():
    with pytest.raises(PrerequisiteError, match="`hf download nobody/nothing`"):
        make_lm("transformers:nobody/nothing", device="cpu")


def test_a_folder_without_weights_ends_the_run(tmp_path: Path):
    folder = save_model(tmp_path)
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
