"""Does several things at once and hands back their results in order.

    answers = concurrently([partial(ask, request) for request in requests])
    answers = within(2.5, [partial(ask, request) for request in requests])    # None: took longer
    begun = Begun(partial(ask, request))      # goes on beside what is done here
    answer = begun.result()

The one rule that is not obvious: the threads are daemons, so a call that hangs on a server keeps
neither Ctrl-C nor the end of the program waiting.
"""

import itertools
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Begun(Generic[T]):
    """A call that is under way.

    Args:
        call: What to do.
        here: Do it now, in this thread; what it raises still waits for `result`.
    """

    def __init__(self, call: Callable[[], T], *, here: bool = False) -> None:
        self._future: Future[T] = Future()
        if here:
            self._run(call, Exception)  # an interrupt is meant for whoever is at work here
        else:
            arguments = (call, BaseException)
            threading.Thread(target=self._run, args=arguments, daemon=True).start()

    def _run(self, call: Callable[[], T], caught: type[BaseException]) -> None:
        try:
            self._future.set_result(call())
        except caught as error:
            self._future.set_exception(error)

    def is_over(self) -> bool:
        """Whether `result` would not wait."""
        return self._future.done()

    def result(self) -> T:
        """Waits for the call and returns what it gave.

        Raises:
            BaseException: that of the call.
        """
        return self._future.result()


def concurrently(calls: Sequence[Callable[[], T]], *, at_once: int | None = None) -> list[T]:
    """Runs calls in threads, all at once or `at_once` at a time; a single one runs right here.

    Raises:
        BaseException: that of the first call, in their order, that raised one.
    """
    if len(calls) == 1:
        return [calls[0]()]
    results: dict[int, T] = {}
    errors: dict[int, BaseException] = {}

    places = itertools.count()  # `next` on it is atomic

    def work() -> None:
        while (place := next(places)) < len(calls):
            try:
                results[place] = calls[place]()
            except BaseException as error:  # noqa: BLE001 - raised again below
                errors[place] = error

    count = min(len(calls), at_once or len(calls))
    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[min(errors)]
    return [results[place] for place in range(len(calls))]


def within(seconds: float, calls: Sequence[Callable[[], T]]) -> list[T | None]:
    """Runs calls in threads, all at once, and waits so long and no longer.

    A call that takes more time goes on unheard, and its place holds None; with no time at all
    none is begun.

    Raises:
        BaseException: that of the first call that raised one; the others aren't waited for then.
    """
    if seconds <= 0:
        return [None] * len(calls)
    end = time.monotonic() + seconds
    finished: queue.SimpleQueue[tuple[int, T | None, BaseException | None]] = queue.SimpleQueue()

    def work(place: int) -> None:
        try:
            finished.put((place, calls[place](), None))
        except BaseException as error:  # noqa: BLE001 - raised again below
            finished.put((place, None, error))

    for place in range(len(calls)):
        threading.Thread(target=work, args=(place,), daemon=True).start()
    results: dict[int, T | None] = {}
    for _ in calls:
        try:
            left = min(max(0.0, end - time.monotonic()), threading.TIMEOUT_MAX)
            place, result, error = finished.get(timeout=left)
        except queue.Empty:
            break
        if error is not None:
            raise error
        results[place] = result
    return [results.get(place) for place in range(len(calls))]
