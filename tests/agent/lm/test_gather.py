"""Calls from several threads become one batch in a fixed order."""

import threading
from functools import partial

import pytest

from agent.lm.gather import Gatherer
from agent.threads import concurrently


class Recorder:
    """Doubles numbers and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __call__(self, numbers: list[int]) -> list[int]:
        self.batches.append(numbers)
        return [2 * number for number in numbers]


def gatherer(answer_all: Recorder, patience: float = 60.0) -> Gatherer[int, int]:
    return Gatherer(answer_all, order=lambda number: number, patience=patience)


@pytest.mark.parametrize("numbers", [[3, 1, 2], [1, 2, 3], [2, 3, 1]])
def test_one_batch_in_order_whoever_comes_first(numbers: list[int]):
    recorder = Recorder()
    gathered = gatherer(recorder)
    gathered.expect(3)

    assert concurrently([partial(gathered.ask, n) for n in numbers]) == [2 * n for n in numbers]
    assert recorder.batches == [[1, 2, 3]]


def test_a_call_that_nobody_announced_is_answered_alone():
    recorder = Recorder()
    gathered = gatherer(recorder)

    assert [gathered.ask(4), gathered.ask(5)] == [8, 10]
    assert recorder.batches == [[4], [5]]


def test_a_call_that_never_comes_holds_the_others_up_for_a_while_only():
    recorder = Recorder()
    gathered = gatherer(recorder, patience=0.05)
    gathered.expect(3)

    assert concurrently([partial(gathered.ask, n) for n in (2, 1)]) == [4, 2]
    assert recorder.batches == [[1, 2]]


def test_failure_reaches_every_caller():
    def fail(numbers: list[int]) -> list[int]:
        raise ValueError(f"no room for {len(numbers)}")

    gathered: Gatherer[int, int] = Gatherer(fail, order=lambda number: number)
    gathered.expect(2)
    caught: list[str] = []

    def ask(number: int) -> None:
        with pytest.raises(ValueError, match="no room for 2"):
            gathered.ask(number)
        caught.append("told")

    concurrently([partial(ask, 1), partial(ask, 2)])
    assert caught == ["told", "told"]


def test_results_come_in_the_order_of_the_calls():
    second_done = threading.Event()

    def first() -> str:
        second_done.wait(5)
        return "first"

    def second() -> str:
        second_done.set()
        return "second"

    assert concurrently([first, second]) == ["first", "second"]


def test_the_first_error_in_order_is_raised():
    def fail(name: str) -> str:
        raise ValueError(name)

    with pytest.raises(ValueError, match="one"):
        concurrently([partial(fail, "one"), partial(fail, "two"), lambda: "three"])


def test_no_calls_no_results():
    assert concurrently([]) == []
