"""What passes is tried again with growing waits; everything else is raised at once."""

from types import SimpleNamespace

import pytest

from agent.retry import Retry, RetryPolicy, one_line, retry_after, retrying

QUICK = RetryPolicy(attempts=4, first_wait=0.001, longest_wait=0.01)


class Flaky:
    """Fails a number of times, then gives 7."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or ConnectionError("reset")
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return 7


def retried(flaky: Flaky, policy: RetryPolicy = QUICK) -> tuple[int, list[Retry]]:
    told: list[Retry] = []
    value = retrying(
        flaky,
        transient=lambda error: isinstance(error, ConnectionError),
        on_retry=told.append,
        policy=policy,
    )
    return value, told


def asking_for(seconds: object) -> ConnectionError:
    error = ConnectionError("busy")
    error.response = SimpleNamespace(headers={"retry-after": seconds})  # pyright: ignore[reportAttributeAccessIssue]
    return error


def test_success_is_not_repeated():
    assert retried(Flaky(0)) == (7, [])


def test_every_failed_call_is_told():
    value, told = retried(Flaky(2))

    assert value == 7
    assert [(retry.attempt, retry.error) for retry in told] == [
        (1, "ConnectionError: reset"),
        (2, "ConnectionError: reset"),
    ]


def test_last_error_is_raised_as_it_is():
    flaky = Flaky(9)

    with pytest.raises(ConnectionError, match="reset"):
        retried(flaky)
    assert flaky.calls == QUICK.attempts


def test_other_errors_are_raised_at_once():
    flaky = Flaky(1, ValueError("wrong"))

    with pytest.raises(ValueError, match="wrong"):
        retried(flaky)
    assert flaky.calls == 1


def test_waits_grow_up_to_the_longest():
    _, told = retried(Flaky(3), RetryPolicy(attempts=4, first_wait=0.002, longest_wait=0.004))

    assert 0.001 <= told[0].wait <= 0.002
    assert all(0.002 <= retry.wait <= 0.004 for retry in told[1:])


def test_server_may_say_how_long_to_wait():
    assert [retry.wait for retry in retried(Flaky(1, asking_for("0.005")))[1]] == [0.005]


def test_server_that_wants_too_long_a_pause_is_not_asked_again():
    flaky = Flaky(1, asking_for("3600"))

    with pytest.raises(ConnectionError, match="busy"):
        retried(flaky)
    assert flaky.calls == 1


@pytest.mark.parametrize("hint", [None, "soon", "-1", "inf", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_other_hints_are_passed_over(hint: object):
    assert retry_after(asking_for(hint)) is None


def test_one_line_hides_keys_and_advice(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_API_KEY", "planted-12345")
    error = RuntimeError("no entry\nwith \x1b[1mplanted-12345\n\nTo fix:\n  do this")

    assert one_line(error) == "RuntimeError: no entry with [1m[secret]"
