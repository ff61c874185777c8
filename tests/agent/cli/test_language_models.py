"""Whole runs over a scripted server: what a language model's bad days do to them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent import Trajectory, load_run
from agent.retry import RetryPolicy
from tests.agent.lm.chat_server import Reply, Script, chat_server, edits_reply

Pamela = Callable[..., Any]

NONSENSE = Reply("colourless green ideas sleep furiously")


@pytest.fixture(autouse=True)
def own_cache_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAMELA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789abcdef")
    monkeypatch.setattr("agent.program.RetryPolicy", lambda: RetryPolicy(attempts=2, first_wait=0))


@pytest.fixture
def served(small_run: Pamela) -> Callable[..., Any]:
    """`run` with a language model that answers by a script."""

    def run(script: Script, *words: str) -> Any:
        with chat_server(script) as server:
            return small_run(
                *("--llm", "openai/scripted", "--llm-base-url", server.url),
                *("--iterations", "2", "--branching", "2", "--beam-width", "2", *words),
            )

    return run


def written() -> Trajectory:
    (folder,) = Path("runs").iterdir()
    lines = (folder / "trajectory.jsonl").read_text(encoding="utf-8")
    assert lines.endswith("\n")
    assert all(json.loads(line) for line in lines.splitlines())
    return load_run(folder)


def events(run: Trajectory, kind: str) -> list[str]:
    return [event.message for event in run.events if event.type == kind]


def good(_body: dict[str, Any], number: int) -> Reply:
    return Reply(edits_reply(*(("mood", "x", f"rocks, {number} {n}") for n in range(2))))


def test_nonsense_is_replaced_by_the_catalogue_and_told(served: Pamela):
    answer = served(lambda _body, _number: NONSENSE)
    run = written()

    assert (answer.code, run.status) == (0, "done")
    assert len(run.candidates) > 3
    assert len(events(run, "proposal_failed")) == len(events(run, "fallback")) == 3
    assert run.usage.failed_proposals == 3
    assert run.usage.llm_calls == 6
    assert run.config.fallback == "catalogue"
    assert "fallback: the catalogue proposes edits of c0000 instead" in answer.err


def test_without_a_fallback_a_model_of_no_use_fails_the_run(served: Pamela):
    answer = served(lambda _body, _number: NONSENSE, "--fallback", "none")
    run = written()

    assert (answer.code, run.status) == (1, "failed")
    assert "'openai/scripted' gave no usable edit (no edits of c0000: the answer" in answer.err
    assert "--fallback catalogue" in answer.err
    assert events(run, "fallback") == []
    assert [c.status for c in run.candidates] == ["scored"]


def test_one_usable_edit_is_enough_without_a_fallback(served: Pamela):
    answer = served(
        lambda body, number: good(body, number) if number == 0 else NONSENSE, "--fallback", "none"
    )
    run = written()

    assert (answer.code, len(run.candidates)) == (0, 3)
    assert events(run, "proposal_failed")


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if k != "seconds"}
    return [timeless(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_run_with_a_fallback_resumes_to_the_same_lines(
    small_run: Pamela, pamela: Pamela, share: float
):
    with chat_server(lambda body, n: NONSENSE if n < 2 else good(body, 0)) as server:
        small_run("--llm", "openai/x", "--llm-base-url", server.url, "--iterations", "2")
        (path,) = Path("runs").glob("*/trajectory.jsonl")
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])
        answer = pamela("run", "--resume", "latest")

    before, after = (
        [timeless(json.loads(line)) for line in lines.splitlines()]
        for lines in (whole, path.read_bytes())
    )
    assert answer.code == 0
    assert after == before
    assert any(line.get("event") == "fallback" for line in after)


def test_a_server_that_is_not_there_is_replaced_too(small_run: Pamela):
    answer = small_run("--llm", "openai/none", "--llm-base-url", "http://127.0.0.1:9/v1")
    run = written()

    assert (answer.code, run.status) == (0, "done")
    assert len(run.candidates) > 1
    assert "LMTransportError" in events(run, "proposal_failed")[0]
    assert len(events(run, "fallback")) == 1


@pytest.mark.parametrize("status", [401, 402, 404])
def test_what_no_later_call_can_mend_stops_at_once(served: Pamela, status: int):
    calls: list[int] = []

    def script(_body: dict[str, Any], number: int) -> Reply:
        calls.append(number)
        return Reply("no", status)

    answer = served(script)

    assert answer.code in (1, 2)
    assert "'openai/scripted'" in answer.err
    assert calls == [0]
