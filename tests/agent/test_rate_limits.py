"""When a limit that is used up is open again, as the providers say it."""

from datetime import UTC, datetime

import pytest

from agent.rate_limits import reset_after

NOW = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "seconds"),
    [("1s", 1), ("6m0s", 360), ("120ms", 0.12), ("1h2m3.5s", 3723.5), ("17", 17), ("2.5", 2.5)],
)
def test_spans_and_seconds_are_read(span: str, seconds: float):
    assert reset_after({"x-ratelimit-reset-requests": span}, NOW) == pytest.approx(seconds)


def test_moments_are_read():
    name = "anthropic-ratelimit-input-tokens-reset"

    assert reset_after({name: "2026-11-28T12:00:09Z"}, NOW) == 9
    assert reset_after({name: "2026-11-28T11:59:00Z"}, NOW) == 0
    assert reset_after({"x-ratelimit-reset-tokens": str(NOW.timestamp() + 4)}, NOW) == 4


def test_only_limits_that_are_used_up_count():
    headers = {
        "x-ratelimit-remaining-requests": "12",
        "x-ratelimit-reset-requests": "50s",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "3s",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2026-11-28T12:00:02Z",
    }

    assert reset_after(headers, NOW) == 3


@pytest.mark.parametrize("value", ["", "soon", "1w", "inf", "nan", "1s and more", "2026-13-01"])
def test_what_cannot_be_read_is_no_hint(value: str):
    assert reset_after({"x-ratelimit-reset-requests": value}, NOW) is None


def test_no_headers_no_hint():
    assert reset_after({"x-ratelimit-limit-requests": "60", "server": "x"}, NOW) is None
