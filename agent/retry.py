"""The one retry policy: exponential waits with jitter, each retry reported, nothing hidden.

    picture = retrying(
        lambda: client.images.generate(**request),
        transient=lambda error: isinstance(error, openai.APIConnectionError),
        on_retry=lambda retry: events.append(f"{retry.error}: again in {retry.wait:.0f} s"),
    )

    retrying(call, *, transient, on_retry, policy=RetryPolicy(), seed=0) -> what `call` returned

`call` takes no arguments; `transient` says which exceptions are worth another try (every other one
is raised at once); the last exception is raised as it is. Client libraries are built with their
own retries off (`max_retries=0`, `num_retries=0`), so that the two don't multiply. The one rule
that is not obvious: a server that asks for a longer pause than `policy.longest_pause`, or than
there is time left, isn't asked again, because whoever watches the run should decide that.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import tenacity

from agent.rate_limits import reset_after
from agent.secrets import redact

T = TypeVar("T")
LONGEST_MESSAGE = 300
TOO_MANY = 429
"""The HTTP status of a server that was asked too often."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how patiently."""

    attempts: int = 5
    """Calls in all, the first one included."""
    first_wait: float = 1.0
    """Seconds before the second call; doubled for each further one."""
    longest_wait: float = 30.0
    """Seconds."""
    longest_pause: float = 60.0
    """Seconds that a server may ask for; many limits are by the minute."""


@dataclass(frozen=True)
class Retry:
    """A call that failed and will be made again."""

    attempt: int
    """Which call failed, counted from 1."""
    wait: float
    """Seconds until the next one."""
    error: str
    """Why it failed: one line, without secrets."""


def retrying(
    call: Callable[[], T],
    *,
    transient: Callable[[BaseException], bool],
    on_retry: Callable[[Retry], None],
    policy: RetryPolicy | None = None,
    seed: int = 0,
    time_left: Callable[[], float | None] | None = None,
) -> T:
    """Calls until it works, waiting longer each time.

    Args:
        call: What to do; takes no arguments.
        transient: Which exceptions another call may mend.
        on_retry: Told of every failed call that will be repeated, before the wait.
        policy: How often and how patiently; `RetryPolicy()` if None.
        seed: Of the jitter.
        time_left: Seconds within which the next call has to begin, or None: any time.

    Raises:
        Exception: the last one of `call`, if it isn't transient or the attempts are used up.
    """
    policy = policy or RetryPolicy()
    jitter = random.Random(seed)

    def wait(state: tenacity.RetryCallState) -> float:
        hint = retry_after(_failure(state))
        backoff = policy.first_wait * 2 ** (state.attempt_number - 1)
        return min(backoff, policy.longest_wait) * jitter.uniform(0.5, 1) if hint is None else hint

    def report(state: tenacity.RetryCallState) -> None:
        on_retry(Retry(state.attempt_number, state.upcoming_sleep, one_line(_failure(state))))

    def worth_it(error: BaseException) -> bool:
        return transient(error) and (retry_after(error) or 0) <= policy.longest_pause

    def enough(state: tenacity.RetryCallState) -> bool:
        left = time_left() if time_left is not None else None
        late = left is not None and state.upcoming_sleep >= left
        return late or state.attempt_number >= policy.attempts

    retrier = tenacity.Retrying(
        retry=tenacity.retry_if_exception(worth_it),
        stop=enough,
        wait=wait,
        before_sleep=report,
        sleep=time.sleep,
        reraise=True,
    )
    return retrier(call)


def one_line(error: BaseException) -> str:
    """An exception as one line of at most 300 characters, without secrets.

    Of several paragraphs only the first is kept: libraries put their advice into the others.
    """
    paragraph = redact(str(error)).strip().split("\n\n", 1)[0]
    shown = "".join(c for c in " ".join(paragraph.split()) if c.isprintable())
    status = _status(error)
    code = f" (HTTP {status})" if isinstance(status, int) and str(status) not in shown else ""
    text = f"{type(error).__name__}: {shown}{code}" if shown else f"{type(error).__name__}{code}"
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"


def retry_after(error: BaseException) -> float | None:
    """The pause in seconds that a server asked for.

    It stands in the error's own field, in `Retry-After`, or, where too many requests were sent, in
    what the server says of its limits.
    """
    headers = _headers(error)
    hint = getattr(error, "retry_after", None)
    hint = headers.get("retry-after") if hint is None else hint
    try:
        seconds = float(hint) if hint is not None else None
    except (TypeError, ValueError):  # a date: rare enough to fall back on our own wait
        seconds = None
    if seconds is not None and 0 <= seconds < float("inf"):
        return seconds
    return reset_after(headers, datetime.now(UTC)) if _status(error) == TOO_MANY else None


def _headers(error: BaseException) -> dict[str, str]:
    """What the server said beside its answer; names in lower case, of several values the first."""
    told = getattr(error, "rate_limit_headers", None)
    told = told or getattr(getattr(error, "response", None), "headers", None) or {}
    return {
        str(name).lower(): value if isinstance(value, str) else str(next(iter(value), ""))
        for name, value in told.items()
        if isinstance(value, str | tuple | list)
    }


def _status(error: BaseException) -> object:
    return getattr(error, "status", None) or getattr(error, "status_code", None)


def _failure(state: tenacity.RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    return error or RuntimeError("unknown failure")
