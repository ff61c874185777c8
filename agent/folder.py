"""A run's folder: its name, its lock, and files that appear whole or not at all.

    folder = new_run_folder(Path("runs"), "mossy rocks")     # runs/20261124-1530-mossy-rocks-ab12
    lock = acquire(folder)

The one rule that is not obvious: whether a run is at work is asked of its lock, not of a file that
somebody would have to remove, so a run that was killed is never taken for one that goes on.
"""

import json
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pydantic import ValidationError

from agent.errors import InputError, RunError
from agent.names import BEST, HEADER, IMAGES, LINES, LOCK, SCHEMA_VERSION, unreadable
from agent.records import RunHeader
from agent.text import slug
from scorer import files

if TYPE_CHECKING:
    from filelock import FileLock


LONGEST_PROFILE = 10_000_000
"""Bytes of a file that is looked at to see whether it is one."""


def new_run_folder(runs_dir: Path, prompt: str, now: datetime | None = None) -> Path:
    """Makes a new folder like `20261124-1530-mossy-rocks-ab12`; an earlier one is never taken.

    Raises:
        InputError: the folder can't be made.
    """
    moment = now or datetime.now().astimezone()
    while True:
        folder = runs_dir / f"{moment:%Y%m%d-%H%M}-{slug(prompt)}-{secrets.token_hex(2)}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not folder.is_dir():  # something above it is a file
                raise InputError(_unwritable(runs_dir, "it is not a folder")) from None
        except OSError as error:
            raise InputError(_unwritable(runs_dir, error.strerror)) from error
        else:
            return folder


def check_spared(path: Path) -> None:
    """Makes sure that what a user has things written to, even over others, is worth nothing else.

    Raises:
        InputError: it is a file or the folder of a run's record, or somebody's profile.
    """
    check_no_record(path)
    if _is_profile(path):
        raise InputError(f"{str(path)!r} is somebody's profile: name another file")


def check_no_record(path: Path) -> None:
    """Makes sure that a place is no part of a run.

    Raises:
        InputError: it is a file of a run's record, its folder, or lies among its pictures.
    """
    try:
        place = path.resolve()
    except (OSError, RuntimeError) as error:  # a circle of links
        raise InputError(f"{str(path)!r} is no place to write to ({error}): name another") from None
    record = place.name in (HEADER, LINES, LOCK, BEST) and _is_run(place.parent)
    among = any(each.name == IMAGES and _is_run(each.parent) for each in (place, *place.parents))
    if record or among or _is_run(place):
        raise InputError(f"{str(path)!r} is a part of a run: name another place")


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (HEADER, LINES))


def _is_profile(path: Path) -> bool:
    try:
        held = json.loads(files.contents(path, at_most=LONGEST_PROFILE)) if path.is_file() else None
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(held, dict) and "user_id" in held and "scorer" not in held  # as a card has


def check_writable(runs_dir: Path) -> None:
    """Makes sure that runs can be written, before anything is spent.

    Raises:
        InputError: they can't.
    """
    probe = runs_dir / f".probe-{secrets.token_hex(4)}"
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        try:
            probe.mkdir()
        finally:  # an interrupt leaves nothing behind either
            if probe.is_dir():
                probe.rmdir()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(_unwritable(runs_dir, reason)) from error


def _unwritable(runs_dir: Path, reason: str | None) -> str:
    return f"the runs folder {str(runs_dir)!r} can't be written ({reason}): name another --runs-dir"


def read_header(folder: Path) -> RunHeader:
    """What a run started from.

    Raises:
        InputError: the folder holds no run, or one that this version can't read.
    """
    try:
        header = RunHeader.model_validate_json(files.contents(folder / HEADER))
    except ValidationError as error:
        raise InputError(f"{str(folder)!r} is no run: its {HEADER} is not valid") from error
    except (OSError, ValueError) as error:
        raise InputError(unreadable(folder)) from error
    if header.schema_version != SCHEMA_VERSION:
        raise InputError(
            f"the run {header.id!r} has schema version {header.schema_version!r}, this program "
            f"reads {SCHEMA_VERSION}: use the version that wrote it"
        )
    return header


def check_own(folder: Path) -> None:
    """Makes sure that what a run goes on with lies in its own folder, before any of it is opened.

    Raises:
        InputError: something of it is a link, which may lead anywhere, or not what a run makes.
    """
    for name, of_kind, kind in (
        (HEADER, stat.S_ISREG, "regular file"),
        (LINES, stat.S_ISREG, "regular file"),
        (LOCK, stat.S_ISREG, "regular file"),
        (IMAGES, stat.S_ISDIR, "folder"),
    ):
        path = folder / name
        if not os.path.lexists(path):
            continue
        mode = path.lstat().st_mode
        if not of_kind(mode):
            what = "a link" if stat.S_ISLNK(mode) else f"no {kind}"
            raise InputError(
                f"the run {str(folder)!r} can't be gone on with: its {name} is {what}, and a run "
                f"writes only into its own folder: put the {kind} itself there"
            )


def is_held(folder: Path) -> bool:
    """Whether a process is at work on the run."""
    lock = folder / LOCK
    if lock.is_symlink() or not lock.is_file():  # a link could lead to another's file
        return False
    from filelock import FileLock, Timeout

    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that may only be read
        return False


def acquire(folder: Path) -> "FileLock":
    """Takes the run for this process.

    Raises:
        InputError: another process has it, or the folder can't be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK, timeout=1)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(
            f"the run {folder.name!r} is held by another process: wait for it, or end it first"
        ) from None
    except OSError as error:
        raise InputError(
            f"the run {str(folder)!r} can't be written ({error.strerror}): copy it to a place "
            f"where it can be"
        ) from error
    return lock


@contextmanager
def written(path: Path) -> Generator[IO[bytes]]:
    """A file of a run that appears whole or not at all.

    Raises:
        RunError: it can't be written.
    """
    try:
        with files.written(path) as stream:
            yield stream
    except OSError as error:
        raise RunError(f"{path.name} can't be written ({error.strerror})") from error
