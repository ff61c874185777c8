"""Files: written whole or not at all, never over what was made earlier, and read only if regular.

    with written(path) as stream:                               # a file of our own
        stream.write(data)
    with output(path, overwrite=False) as stream:               # one that a user has named
        stream.write(data)
    text = contents(path)

An error in there leaves what was there before, and nothing half-written beside it. The one rule
that is not obvious: a pipe or a device is never opened, because reading one may wait for ever.
"""

import errno
import os
import stat
import threading
from collections.abc import Generator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import IO

from scorer.errors import InputError

OVERWRITE = "--overwrite"
UNFINISHED = ".*.tmp"
"""What a kill may leave of a file that was being written."""


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
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def check_output(path: Path, *, overwrite: bool) -> None:
    """Makes sure that a file which a user has named may be written, before anything is spent.

    Raises:
        InputError: it is there already and `overwrite` is off, it is no regular file, or its
            folder is not there or can't be written.
    """
    folder = path.parent
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder: name a file")
    if os.path.lexists(path):
        if path.exists() and not path.is_file():
            raise InputError(f"{str(path)!r} is no regular file: name another file")
        if not overwrite:
            raise InputError(taken(path))
    if not folder.is_dir():
        what = "is no folder" if os.path.lexists(folder) else "does not exist"
        advice = "name another place" if os.path.lexists(folder) else "make it first"
        raise InputError(f"the folder {str(folder)!r} {what}: {advice}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(unwritable(path, os.strerror(errno.EACCES)))


@contextmanager
def output(path: Path, *, overwrite: bool, sync: bool = False) -> Generator[IO[bytes]]:
    """Opens a file that a user has named; `sync` as in `written`.

    Raises:
        InputError: as `check_output`, or it can't be written; nothing of it is left.
    """
    check_output(path, overwrite=overwrite)
    try:
        with written(path, sync=sync) as stream:
            yield stream
    except OSError as error:
        raise InputError(unwritable(path, error.strerror)) from error


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Makes sure that things may be written into a folder that a user has named.

    Raises:
        InputError: it holds something and `overwrite` is off, or it is none.
    """
    if not os.path.lexists(folder):
        return
    try:
        held = (file for file in folder.iterdir() if not fnmatch(file.name, UNFINISHED))
        if not overwrite and any(held):
            raise InputError(
                f"the folder {str(folder)!r} is not empty: name a new one, or say {OVERWRITE} if "
                f"what is in it may be replaced"
            )
    except OSError as error:
        raise InputError(unmade(folder, error.strerror)) from error


def prepare_folder(folder: Path, *, overwrite: bool) -> None:
    """Makes a folder that a user has named, unless it is there already.

    Raises:
        InputError: as `check_folder`, or it can't be made.
    """
    check_folder(folder, overwrite=overwrite)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(unmade(folder, error.strerror)) from error


def unmade(folder: Path, reason: str | None) -> str:
    """The one line for a folder that can't be made."""
    return f"the folder {str(folder)!r} can't be made ({reason}): name another place"


def taken(path: Path) -> str:
    """The one line for something that was made earlier."""
    return (
        f"{str(path)!r} exists and is not overwritten: name another, or say {OVERWRITE} if it may "
        f"be replaced"
    )


def unwritable(path: Path, reason: str | None) -> str:
    """The one line for a place that can't be written."""
    return f"{str(path)!r} can't be written ({reason}): name another place, or make room there"


def contents(path: Path, *, at_most: int | None = None) -> bytes:
    """All that stands in a regular file, or what is too much of it by one byte.

    Raises:
        OSError: it can't be read, or it is a folder, a pipe or a device.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    with path.open("rb") as stream:
        return stream.read() if at_most is None else stream.read(at_most + 1)
