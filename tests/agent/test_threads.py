"""Several calls at once, waited for or not."""

import threading
import time
from functools import partial

import pytest

from agent.threads import within


def test_results_come_in_order_whoever_is_first():
    def later(value: int, seconds: float) -> int:
        time.sleep(seconds)
        return value

    assert within(60, [partial(later, 1, 0.05), partial(later, 2, 0.0)]) == [1, 2]


def test_a_call_that_takes_too_long_is_left_alone():
    never = threading.Event()
    started = time.monotonic()

    assert within(0.2, [never.wait, lambda: True]) == [None, True]
    assert time.monotonic() - started < 5
    never.set()


def test_without_time_nothing_is_begun():
    begun: list[int] = []

    assert within(0, [partial(begun.append, 1)]) == [None]
    assert begun == []


def test_an_error_is_raised_at_once():
    never = threading.Event()

    def wrong() -> bool:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        within(60, [never.wait, wrong])
    never.set()


def test_no_calls_no_results():
    assert within(1, []) == []
