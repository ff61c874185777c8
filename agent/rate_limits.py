"""What servers say of their limits: when one that is used up is open again; pure.

    reset_after({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"}, now)

OpenAI and those who follow it name a span (`6m0s`, `120ms`), Anthropic a moment (RFC 3339), others
seconds, or seconds since 1970. The one rule that is not obvious: limits of which something remains
don't count, and of those that are used up the last one to open does.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

_RESET = re.compile(r"x-ratelimit-reset-[a-z]+|anthropic-ratelimit-[a-z-]+-reset")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
SINCE_1970 = 1e9
"""Seconds; a larger number is no span."""


def reset_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds until every used-up limit is open again; None if the server names none.

    Args:
        headers: By name, in lower case.
        now: With a time zone.
    """
    return max(_pauses(headers, now), default=None)


def _pauses(headers: Mapping[str, str], now: datetime) -> Iterator[float]:
    for name, value in headers.items():
        if _RESET.fullmatch(name) is None:
            continue
        remaining = headers.get(name.replace("reset", "remaining"), "0").strip()
        pause = _pause(value.strip(), now)
        if pause is not None and not remaining.strip("0."):
            yield max(0.0, pause)


def _pause(value: str, now: datetime) -> float | None:
    """A span, a number or a moment as seconds from now."""
    parts = _SPAN.findall(value)
    if parts and "".join(number + unit for number, unit in parts) == value:
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    try:
        number = float(value)
    except ValueError:
        return _until(value, now)
    if not math.isfinite(number):
        return None
    return number - now.timestamp() if number > SINCE_1970 else number


def _until(value: str, now: datetime) -> float | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (moment - now).total_seconds()
