"""Whole runs with a real tiny Llama that talks nonsense: behind a real server, and in process."""

import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from agent import Trajectory, load_run
from agent.clock import process_age
from agent.lm.local import TransformersEngine
from tests.agent.lm.tiny_llama import save_llama, served

Pamela = Callable[..., Any]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SHORT = 64
"""Tokens of an answer: nonsense doesn't get better by being long."""


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def address(llama: str) -> Generator[str]:
    with served(llama) as url:
        yield url


@pytest.fixture(autouse=True)
def brief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAMELA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("agent.lm.hosted.MAX_TOKENS", SHORT)
    monkeypatch.setattr("agent.lm.local.MAX_NEW_TOKENS", SHORT)


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if llguidance were not installed."""
    monkeypatch.setitem(sys.modules, "llguidance", None)


@pytest.fixture(params=["behind a server", "in this process"])
def words(request: pytest.FixtureRequest, llama: str) -> tuple[str, ...]:
    """How the model is named on the command line."""
    if request.param == "in this process":
        return ("--llm", f"transformers:{llama}", "--device", "cpu")
    url: str = request.getfixturevalue("address")
    return ("--llm", f"openai/{llama}", "--llm-base-url", url)


def written() -> Trajectory:
    (folder,) = Path("runs").iterdir()
    return load_run(folder)


def events(run: Trajectory, kind: str) -> list[str]:
    return [event.message for event in run.events if event.type == kind]


@pytest.mark.usefixtures("free")
def test_nonsense_is_told_and_the_catalogue_keeps_the_search_going(
    small_run: Pamela, words: tuple[str, ...]
):
    answer = small_run(*words, "--iterations", "2", "--beam-width", "2", "--branching", "2")
    run = written()

    assert (answer.code, run.status) == (0, "done")
    assert len(run.steps) == 3
    assert len(events(run, "proposal_failed")) == len(events(run, "fallback")) == 3
    assert all("the answer lacks the field edits" in m for m in events(run, "proposal_failed"))
    assert [c.status for c in run.candidates].count("scored") > 3
    assert run.usage.llm_calls == 6
    assert run.usage.tokens_in > 1000
    assert 0 < run.usage.tokens_out <= 6 * SHORT
    assert run.gain.heldout is not None


@pytest.mark.usefixtures("free")
def test_without_the_catalogue_nonsense_fails_the_run_and_says_why(
    small_run: Pamela, words: tuple[str, ...]
):
    answer = small_run(*words, "--fallback", "none")
    run = written()

    assert (answer.code, run.status) == (1, "failed")
    assert "gave no usable edit (no edits of c0000: the answer lacks the field edits" in answer.err
    assert "--fallback catalogue" in answer.err
    assert len(events(run, "proposal_failed")) == 1
    assert [c.status for c in run.candidates] == ["scored"]


def test_nonsense_in_valid_json_is_turned_away_for_its_words(
    small_run: Pamela, llama: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("agent.lm.local.MAX_NEW_TOKENS", 3000)
    answer = small_run("--llm", f"transformers:{llama}", "--branching", "2", "--device", "cpu")
    run = written()

    assert (answer.code, run.status) == (0, "done")
    assert events(run, "proposal_failed") == events(run, "fallback") == []
    assert len(run.candidates) > 1
    assert {c.status for c in run.candidates[1:]} == {"rejected"}


def test_a_model_in_this_process_does_not_hold_a_run_beyond_its_limit(
    small_run: Pamela, llama: str, monkeypatch: pytest.MonkeyPatch
):
    def wait(*_: Any) -> None:
        time.sleep(1)  # the shortest answer has 40 tokens

    def slow(engine: TransformersEngine) -> Any:
        model = load(engine)
        model.register_forward_hook(wait)
        return model

    load = TransformersEngine.load
    monkeypatch.setattr(TransformersEngine, "load", slow)
    limit = process_age() + 15
    started = time.monotonic()
    answer = small_run(
        *("--llm", f"transformers:{llama}", "--device", "cpu"),
        *("--time-limit", str(limit), "--heldout-seeds", "0"),
    )
    took = time.monotonic() - started
    run = written()

    assert took < 30
    assert (answer.code, run.status) == (0, "done")
    assert "no answer within the time limit of the run" in events(run, "proposal_failed")[0]
    assert [c.status for c in run.candidates][:1] == ["scored"]
