"""Does several things at once and hands back their results in order.

    answers = concurrently([partial(ask, request) for request in requests])

The one rule that is not obvious: the threads are daemons, so a call that hangs on a server keeps
neither Ctrl-C nor the end of the program waiting.
"""

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


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
