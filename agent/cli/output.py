"""What goes to standard output, and what does not.

    with documents(reserved=True):
        print_json({"status": "done"})      # the only thing on standard output

The one rule that is not obvious: with `--json` the file descriptor itself is turned to standard
error, because libraries also print from C; `print_json` alone keeps the way to the real one.
"""

import io
import json
import math
import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from agent.text import printable

_documents: list[TextIO] = []
"""The stream that is kept for documents, while there is one."""


def print_json(document: Any) -> None:
    """Prints one JSON document, in ASCII; a number that is not finite is null, as JSON has none."""
    stream = _documents[-1] if _documents else sys.stdout
    stream.write(json.dumps(_finite(document), indent=2, allow_nan=False) + "\n")
    stream.flush()


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(kept) for key, kept in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(kept) for kept in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def complain(message: str) -> None:
    """Prints one line for the user on standard error."""
    sys.stderr.write(f"pamela-agent: {printable(message)}\n")
    sys.stderr.flush()


class Forgiving:
    """A text stream whose reader may be gone or whose disk full: then words are lost, no more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes what can be written."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes what can be flushed."""
        with suppress(OSError):
            self._stream.flush()


@contextmanager
def documents(*, reserved: bool) -> Generator[None]:
    """Keeps standard output for `print_json` where `reserved`; all else goes to standard error."""
    if not reserved:
        yield
        return
    original = sys.stdout
    original.flush()
    kept = _descriptor_kept(original)
    _documents.append(kept or original)
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        sys.stdout = original
        _documents.pop()
        if kept is not None:
            _give_back(kept)


def _descriptor_kept(stream: TextIO) -> TextIO | None:
    """A stream to where descriptor 1 led, which leads to standard error from now on."""
    try:
        if stream.fileno() != 1:
            return None
    except (OSError, io.UnsupportedOperation):
        return None
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    return kept


def _give_back(kept: TextIO) -> None:
    try:
        kept.flush()
    finally:
        os.dup2(kept.fileno(), 1)
        kept.close()
