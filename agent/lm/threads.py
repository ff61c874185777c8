"""Does several things at once and hands back their results in order.

    answers = concurrently([partial(ask, request) for request in requests])

The one rule that is not obvious: the threads are daemons, so a call that hangs on a server keeps
neither Ctrl-C nor the end of the program waiting.
"""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def concurrently(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Runs all calls at once, each in a thread of its own; a single one runs right here.

    Raises:
        BaseException: that of the first call, in their order, that raised one.
    """
    if len(calls) == 1:
        return [calls[0]()]
    results: dict[int, T] = {}
    errors: dict[int, BaseException] = {}

    def run(place: int) -> None:
        try:
            results[place] = calls[place]()
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors[place] = error

    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[min(errors)]
    return [results[place] for place in range(len(calls))]
