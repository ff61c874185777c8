"""Several calls at once, waited for or not."""

import threading
import time
from functools import partial

import pytest

from agent.threads import Begun, within


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


def test_what_is_begun_goes_on_beside_what_is_done_here():
    may_go = threading.Event()
    begun = Begun(lambda: may_go.wait(30))

    assert not begun.is_over()
    may_go.set()
    assert begun.result() is True
    assert begun.is_over()


@pytest.mark.parametrize("here", [True, False])
def test_what_a_begun_call_raises_waits_for_its_result(here: bool):
    def wrong() -> bool:
        raise ValueError("wrong")

    begun = Begun(wrong, here=here)
    with pytest.raises(ValueError, match="wrong"):
        begun.result()


def test_an_interrupt_of_a_call_that_is_made_here_comes_at_once():
    def interrupted() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Begun(interrupted, here=True)
