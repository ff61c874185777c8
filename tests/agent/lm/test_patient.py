"""A language model that others call: it retries, counts, and stops when nothing helps."""

import json
from typing import Any

import dspy
import pytest
from dspy.utils.exceptions import ContextWindowExceededError, LMError

from agent.lm import make_lm
from agent.lm.patient import PatientLM
from agent.retry import RetryPolicy
from tests.agent.lm.chat_server import Reply, chat_server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789abcdef")
    policy = RetryPolicy(attempts=3, first_wait=0)
    monkeypatch.setattr("agent.lm.patient.RetryPolicy", lambda: policy)


def patient(url: str) -> PatientLM:
    lm = make_lm("openai/scripted", base_url=url, kind=PatientLM)
    assert isinstance(lm, PatientLM)
    return lm


def test_copies_count_together_and_passing_failures_are_repeated():
    def script(_body: dict[str, Any], number: int) -> Reply:
        return Reply("broken", 500) if number == 1 else Reply("[[ ## answer ## ]]\nyes")

    with chat_server(script) as server:
        lm = patient(server.url)
        for one in (lm, lm.copy(rollout_id=3)):
            with dspy.context(lm=one):
                assert dspy.Predict("question -> answer")(question="?").answer == "yes"

    assert (lm.tally.calls, lm.tally.retries, len(server.bodies)) == (2, 1, 3)
    assert (lm.tally.tokens_in, lm.tally.tokens_out, lm.tally.unpriced) == (200, 40, 2)


def test_after_a_failure_that_stays_nothing_is_asked_any_more():
    with chat_server(lambda _body, _number: Reply("broken", 500)) as server:
        lm = patient(server.url)
        for _ in range(3):
            with pytest.raises(LMError):
                lm("hello")

    assert len(server.bodies) == 3
    assert lm.tally.problem is not None


def test_a_question_that_is_too_long_says_nothing_of_the_next_one():
    problem = {"message": "too long", "code": "context_length_exceeded", "type": "invalid"}
    body = json.dumps({"error": problem}).encode()

    def script(_body: dict[str, Any], number: int) -> Reply:
        return Reply(status=400, body=body) if number == 0 else Reply("yes")

    with chat_server(script) as server:
        lm = patient(server.url)
        with pytest.raises(ContextWindowExceededError):
            lm("hello")
        assert lm("hello") == ["yes"]

    assert (lm.tally.too_long, lm.tally.calls, lm.tally.problem) == (1, 1, None)
