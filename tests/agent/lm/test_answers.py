"""What was asked once isn't paid for twice, and nobody else can read it."""

import pickle
import stat
from functools import partial
from pathlib import Path
from typing import Any

import dspy
import pytest
from diskcache import FanoutCache

from agent.lm.answers import AnswerCache, keep_answers
from agent.program import make_proposer
from agent.proposer import ProposalRequest, Proposals
from agent.retry import RetryPolicy
from tests.agent.lm.chat_server import Reply, Script, chat_server, edits_reply
from tests.agent.lm.requests import asking
from tests.agent.lm.test_hosted import GOOD, next_of

KEY = "sk-planted-0123456789abcdef"
QUICK = RetryPolicy(attempts=2, first_wait=0.001)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("PAMELA_CACHE_DIR", str(tmp_path))
    return tmp_path / "answers"


def asked(
    *requests: ProposalRequest, script: Script | None = None, cache: bool = True
) -> tuple[list[Proposals], int]:
    """What came of each request, asked one by one of a new proposer, and how often it was sent."""
    with chat_server(script or partial(next_of, (GOOD,))) as server:
        answers = [
            make_proposer(
                "openai/scripted", base_url=server.url, cache=cache, policy=QUICK
            ).propose([request])[0]
            for request in requests
        ]
    return answers, len(server.bodies)


def test_the_same_question_is_sent_once_and_answered_alike():
    (first, second), calls = asked(asking(), asking())

    assert calls == 1
    assert second.model_copy(update={"seconds": first.seconds}) == first
    assert (second.llm_calls, second.tokens_in, second.tokens_out) == (1, 100, 20)


def test_without_the_cache_it_is_sent_again():
    assert asked(asking(), asking(), cache=False)[1] == 2


@pytest.mark.parametrize(
    "other", [asking(seed=1), asking("a tree"), asking(candidate_id="c0001"), asking(iteration=2)]
)
def test_questions_that_differ_are_told_apart(other: ProposalRequest):
    assert asked(asking(), other)[1] == 2


def test_servers_are_told_apart():
    assert asked(asking())[1] == asked(asking())[1] == 1


def test_a_repair_is_kept_like_its_question():
    script = partial(next_of, (Reply("no"), GOOD))
    (first, second), calls = asked(asking(), asking(), script=script)

    assert calls == 2
    assert second.events == first.events
    assert second.edits == first.edits


def test_failures_are_not_kept():
    script = partial(next_of, (Reply("busy", 500), Reply("busy", 500), GOOD))
    (first, second), _ = asked(asking(), asking(), script=script)

    assert first.edits == ()
    assert len(second.edits) == 2


def test_a_kept_answer_costs_nothing(folder: Path):
    cache = AnswerCache(folder)
    record = {"_dspy_format": "x", "cost": 0.25, "usage": {"prompt_tokens": 7}}
    cache.put({"model": "a"}, record)
    cache.put({"model": "b"}, {**record, "cost": None})

    assert cache.get({"model": "a"})["cost"] == 0.0
    assert cache.get({"model": "b"})["cost"] is None
    assert cache.get({"model": "c"}) is None


def test_the_folder_is_closed_to_others(folder: Path):
    folder.mkdir(mode=0o755)
    asked(asking())

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_no_key_is_in_the_folder_or_its_names(folder: Path):
    echo = Reply(edits_reply(("mood", "x", f"a rock, {KEY}")))
    (first, second), calls = asked(asking(), asking(), script=partial(next_of, (echo,)))
    asked(asking("a tree"))

    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert KEY.encode() not in content
    assert not any(KEY in str(path) for path in folder.rglob("*"))
    assert b"in moonlight" in content
    assert calls == 2  # an answer that quotes a key is not kept
    assert first.edits == second.edits


class Trap:
    """What would run a command if it were unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("trapped"),)


def test_what_somebody_else_put_there_is_not_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    cache = AnswerCache(folder)
    FanoutCache(str(folder), shards=16).set(cache.cache_key({"model": "a"}), Trap())

    assert cache.get({"model": "a"}) is None
    assert not Path("trapped").exists()
    pickle.loads(pickle.dumps(Trap()))
    assert Path("trapped").exists()


def test_a_folder_that_cannot_be_used_is_told_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "file").touch()

    assert not keep_answers(tmp_path / "file" / "answers")
    assert "PAMELA_CACHE_DIR" in caplog.text


def test_the_cache_is_made_once(folder: Path):
    assert keep_answers(folder)
    first = dspy.cache
    assert keep_answers(folder)

    assert dspy.cache is first
