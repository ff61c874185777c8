"""Whether a named part can be used, and the command that mends it."""

import sys
from pathlib import Path

import pytest

from agent.doctor import examine, healthy
from agent.usable import check_llm, check_renderer, check_scorer
from tests.agent.lm.chat_server import Reply, chat_server
from tests.agent.lm.tiny_llama import save_llama


@pytest.mark.parametrize("spec", ["catalogue", "openai/gpt-4o-mini"])
def test_a_language_model_that_has_what_it_needs(spec: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789abcdef")
    check = check_llm(spec)

    assert (check.ok, check.fix) == (True, "")
    assert "planted" not in str(check)


def test_a_missing_key_is_mended_by_one_export(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    check = check_llm("openai/gpt-4o-mini")

    assert (check.ok, check.fix) == (False, "export OPENAI_API_KEY=…")
    assert "needs a key" in check.detail


def test_a_server_is_asked_for_its_models():
    with chat_server(lambda _body, _number: Reply()) as server:
        there = check_llm("openai/scripted", base_url=server.url)
        other = check_llm("openai/other", base_url=server.url)

    assert there.ok
    assert not other.ok
    assert "has no model 'other': it has ['scripted']" in other.detail


@pytest.mark.parametrize(
    ("spec", "fix"),
    [
        ("ollama_chat/llama3.1:8b", "ollama serve & ollama pull llama3.1:8b"),
        ("hosted_vllm/meta-llama/x", "vllm serve meta-llama/x"),
        ("openai/x", "curl http://127.0.0.1:9/v1"),
    ],
)
def test_a_server_that_is_not_there_is_told(spec: str, fix: str):
    check = check_llm(spec, base_url="http://127.0.0.1:9/v1")

    assert (check.ok, check.fix) == (False, fix)
    assert "no server answers at http://127.0.0.1:9/v1" in check.detail


def test_a_model_that_is_not_here_is_fetched_by_one_command():
    assert check_llm("transformers:no/such-model").fix == "hf download no/such-model"
    assert check_llm("transformers:/no/folder").fix == "pamela-agent doctor --llm catalogue"
    gone = check_renderer("diffusers:/no/folder")
    assert gone.fix == "pamela-agent doctor --renderer miniature"


def test_a_model_in_this_process_says_whether_it_keeps_to_valid_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = save_llama(tmp_path)
    kept = check_llm(f"transformers:{folder}")
    monkeypatch.setitem(sys.modules, "llguidance", None)
    free = check_llm(f"transformers:{folder}")

    assert (kept.ok, free.ok) == (True, True)
    assert "kept to valid JSON by llguidance" in kept.detail
    assert "may be no valid JSON: pip install 'pamela-agent[constrained]'" in free.detail


def test_specs_that_nobody_knows_are_told():
    checks = (check_llm("oracle"), check_renderer("easel"), check_scorer("jury"))

    assert [check.ok for check in checks] == [False] * 3
    for check, name in zip(checks, ("oracle", "easel", "jury"), strict=True):
        assert f"{name!r}" in check.detail


def test_a_renderer_that_is_no_pipeline_is_told(tmp_path: Path):
    assert check_renderer("fake").ok
    assert check_scorer("fake:noise").ok
    assert "model_index.json" in check_renderer(f"diffusers:{tmp_path}").detail


def test_what_the_hub_has_need_not_be_here():
    for check in (check_renderer("diffusers:no/such"), check_scorer("pamela:no/such")):
        assert check.ok
        assert "fetched from the model hub" in check.detail


def test_named_parts_are_among_the_checks_and_count():
    checks = examine(llm="oracle", renderer="fake", scorer="fake:noise")

    assert [check.name for check in checks[-3:]] == [
        "llm oracle",
        "renderer fake",
        "scorer fake:noise",
    ]
    assert not healthy(checks)
