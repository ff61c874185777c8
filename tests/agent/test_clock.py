import time
from collections.abc import Callable

import pytest

from agent.clock import Clock, add, process_age
from agent.trajectory import Seconds


class Hands:
    """A clock's hands that a test moves."""

    def __init__(self) -> None:
        self.moment = 100.0

    def __call__(self) -> float:
        return self.moment


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def wait(hands: Hands) -> Callable[[float], None]:
    def move(seconds: float) -> None:
        hands.moment += seconds

    return move


def test_time_in_no_stage_is_overhead(hands: Hands, wait: Callable[[float], None]):
    clock = Clock(now=hands)
    wait(1)
    with clock.stage("render"):
        wait(3)
    wait(2)

    assert clock.seconds() == Seconds(render=3, overhead=3, total=6)


def test_overlapping_stages_count_once_against_the_overhead(
    hands: Hands, wait: Callable[[float], None]
):
    clock = Clock(now=hands)
    with clock.stage("render"):
        wait(1)
        with clock.stage("score"):
            wait(2)
        wait(1)

    assert clock.seconds() == Seconds(render=4, score=2, overhead=0, total=4)


def test_stage_that_goes_on_is_no_overhead(hands: Hands, wait: Callable[[float], None]):
    clock = Clock(now=hands)
    with clock.stage("render"):
        wait(5)
        assert clock.seconds().overhead == 0


def test_failed_stage_is_counted(hands: Hands, wait: Callable[[float], None]):
    clock = Clock(now=hands)

    def fail() -> None:
        with clock.stage("propose"):
            wait(2)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()

    assert clock.spent("propose") == 2


def test_total_starts_with_the_process_and_goes_on_where_an_earlier_one_ended(
    hands: Hands, wait: Callable[[float], None]
):
    clock = Clock(age=0.5, now=hands)
    clock.continue_from(Seconds(render=10, overhead=1, total=11))
    wait(1)

    assert clock.seconds() == Seconds(render=10, overhead=2.5, total=12.5)


def test_sum_is_stage_by_stage():
    first = Seconds(propose=1, render=2, total=3)

    assert add(first, Seconds(render=0.5, total=0.5)) == Seconds(propose=1, render=2.5, total=3.5)


def test_process_has_an_age_that_grows():
    before = process_age()
    time.sleep(0.05)

    assert 0 <= before < process_age() < 3600


def test_time_that_is_left_for_waiting_ends_at_nothing():
    moments = iter([0.0, 3.0, 12.0])
    clock = Clock(now=lambda: next(moments))

    assert clock.left() is None
    clock.end_waiting(10.0)
    assert clock.left() == 7.0
    assert clock.left() == 0.0
