"""Files that appear whole or not at all.

    with written(path) as stream:
        stream.write(data)

An error in there leaves what was there before, and nothing half-written beside it.
"""

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def written(path: Path, *, bench: Path | None = None, sync: bool = False) -> Generator[IO[bytes]]:
    """Opens a file that takes its name when everything has been written.

    Args:
        path: The name; its folder is there.
        bench: Where it lies until then, on the same file system; None for the same folder.
        sync: Whether it is on the disk before it takes the name of another that is worth keeping.

    Raises:
        OSError: it can't be written; nothing of it is left.
    """
    place = path.parent if bench is None else bench
    unfinished = place / f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp"
    try:
        with unfinished.open("wb") as stream:
            yield stream
            if sync:
                stream.flush()
                os.fsync(stream.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
