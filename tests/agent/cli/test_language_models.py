"""Whole runs over a scripted server: what a language model's bad days do to them."""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from agent import Trajectory, load_run
from agent.clock import process_age
from agent.retry import RetryPolicy
from tests.agent.lm.chat_server import Reply, Script, chat_server, edits_reply

Pamela = Callable[..., Any]


class Served(Protocol):
    """Runs the command with a language model that answers by a script."""

    def __call__(self, script: Script, *words: str) -> Any: ...


NONSENSE = Reply("colourless green ideas sleep furiously")
PLANTED = "planted-in-a-file-0123456789"
BAD_DAYS = {
    "too many requests": Reply("slow", 429, {"retry-after": "0"}),
    "far too many requests": Reply("slow", 429, {"retry-after": "86400"}),
    "broken": Reply("broken", 500),
    "reset": Reply("x" * 999, cut=9),
    "no choices": Reply(body=b'{"id": "a", "object": "chat.completion", "choices": []}'),
    "broken JSON": Reply(body=b'{"choices": [{"mess'),
    "no JSON": Reply(body=b"<html>"),
    "empty": Reply(""),
    "no edits": Reply(edits_reply()),
    "refusal": Reply("I can't help with that."),
    "escape sequences only": Reply(edits_reply(("mood", "\x1b[2J", "\x1b[31m\x07"))),
    "prose": Reply("Once upon a time there was a rock. " * 500),
}


@pytest.fixture(autouse=True)
def own_cache_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAMELA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789abcdef")
    monkeypatch.setattr("agent.program.RetryPolicy", lambda: RetryPolicy(attempts=2, first_wait=0))


@pytest.fixture
def served(small_run: Pamela) -> Served:
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


def test_nonsense_is_replaced_by_the_catalogue_and_told(served: Served):
    answer = served(lambda _body, _number: NONSENSE)
    run = written()

    assert (answer.code, run.status) == (0, "done")
    assert len(run.candidates) > 3
    assert len(events(run, "proposal_failed")) == len(events(run, "fallback")) == 3
    assert run.usage.failed_proposals == 3
    assert run.usage.llm_calls == 6
    assert run.config.fallback == "catalogue"
    assert "fallback: the catalogue proposes edits of c0000 instead" in answer.err


def test_without_a_fallback_a_model_of_no_use_fails_the_run(served: Served):
    answer = served(lambda _body, _number: NONSENSE, "--fallback", "none")
    run = written()

    assert (answer.code, run.status) == (1, "failed")
    assert "'openai/scripted' gave no usable edit (no edits of c0000: the answer" in answer.err
    assert "--fallback catalogue" in answer.err
    assert events(run, "fallback") == []
    assert [c.status for c in run.candidates] == ["scored"]


@pytest.mark.parametrize("day", BAD_DAYS.values(), ids=BAD_DAYS.keys())
def test_a_bad_day_loses_nothing_that_was_scored(served: Served, day: Reply):
    answer = served(lambda body, number: good(body, number) if number == 0 else day)
    run = written()

    assert (answer.code, run.status) == (0, "done")
    assert [c.status for c in run.candidates[:3]] == ["scored"] * 3
    assert [c.prompt for c in run.candidates[1:3]] == ["rocks, 0 0", "rocks, 0 1"]
    assert len(run.steps) == 3
    assert events(run, "proposal_failed")
    assert events(run, "fallback")


@pytest.mark.parametrize("slow", [Reply(hang=120), Reply("x" * 999, drip=0.3)])
def test_a_server_that_hangs_or_drips_does_not_hold_a_run_beyond_its_limit(
    served: Served, slow: Reply
):
    started = time.monotonic()
    answer = served(
        lambda body, number: good(body, number) if number == 0 else slow,
        *("--time-limit", str(process_age() + 10), "--heldout-seeds", "0"),
    )
    took = time.monotonic() - started
    run = written()

    assert took < 40
    assert (answer.code, run.status) == (0, "done")
    assert [c.status for c in run.candidates[:3]] == ["scored"] * 3
    assert "no answer within the time limit of the run" in events(run, "proposal_failed")[0]


def test_a_repeated_run_asks_nothing_twice_and_comes_out_the_same(small_run: Pamela):
    asked: list[int] = []

    def script(body: dict[str, Any], number: int) -> Reply:
        asked.append(number)
        return good(body, number)

    with chat_server(script) as server:
        words = ("--llm", "openai/x", "--llm-base-url", server.url)
        runs = [small_run(*words, "--json").document for _ in range(2)]
        before = len(asked)
        small_run(*words, "--no-llm-cache")

    assert len(asked) == 2 * before
    first, second = (
        [(c["prompt"], c["score"]) for c in document["candidates"]] for document in runs
    )
    assert first == second
    assert runs[0]["usage"]["llm_calls"] == runs[1]["usage"]["llm_calls"] == before
    assert runs[1]["usage"]["tokens_in"] == 100 * before


def quoting(_body: dict[str, Any], number: int) -> Reply:
    """A server that shows the key wherever it can."""
    edits = edits_reply(("mood", f"say {PLANTED}", f"rocks, {PLANTED} {number}"))
    replies = (Reply(f"bad key {PLANTED}", 500), Reply(PLANTED), Reply(edits))
    return replies[min(number, 2)]


def everything_written(folder: Path) -> bytes:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "key"]
    return b"".join(str(path).encode() + path.read_bytes() for path in files)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    key = tmp_path / "key"
    key.touch(0o600)
    key.write_text(PLANTED)
    monkeypatch.setenv("PAMELA_LLM_KEY_FILE", str(key))
    return tmp_path


def refusing(status: int) -> Script:
    return lambda _body, _number: Reply(f"bad key {PLANTED}", status)


@pytest.mark.parametrize("script", [quoting, *map(refusing, (400, 401, 404, 429))])
def test_a_planted_key_is_found_nowhere(
    served: Served, planted: Path, script: Script, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    answer = served(script)

    assert answer.code in (0, 2)
    assert PLANTED not in answer.out + answer.err + caplog.text
    assert PLANTED.encode() not in everything_written(planted)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own use of SQLAlchemy
def test_a_planted_key_is_not_in_traces_either(
    served: Served, planted: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{planted / 'traces.db'}")

    assert served(good, "--track", "mlflow").code == 0
    written = everything_written(planted)
    assert b"EditProgram" in written
    assert PLANTED.encode() not in written


def test_a_key_file_that_others_can_read_is_one_line(served: Served, planted: Path):
    (planted / "key").chmod(0o644)
    answer = served(good)

    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "chmod 600" in answer.err


def test_one_usable_edit_is_enough_without_a_fallback(served: Served):
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
def test_what_no_later_call_can_mend_stops_at_once(served: Served, status: int):
    calls: list[int] = []

    def script(_body: dict[str, Any], number: int) -> Reply:
        calls.append(number)
        return Reply("no", status)

    answer = served(script)

    assert answer.code in (1, 2)
    assert "'openai/scripted'" in answer.err
    assert calls == [0]
