"""Being stopped: Ctrl-C and a polite kill are the same thing, and happen once.

    with interruptible():
        work()      # raises KeyboardInterrupt at the first signal

The one rule that is not obvious: further signals are left aside, because what follows the first
one is only saying how far the run has come, and takes a moment.
"""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    for name in SIGNALS:
        signal.signal(name, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def interruptible() -> Generator[None]:
    """Makes SIGTERM the same as Ctrl-C; must be entered by the main thread."""
    before = {name: signal.signal(name, _interrupt) for name in SIGNALS}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
