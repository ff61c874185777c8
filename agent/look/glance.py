"""What a list of runs says of each, without reading the whole of them.

    for glance in glances(Path("runs"), damaged=print):
        glance.id, glance.status, glance.gain.heldout

The one rule that is not obvious: a run that ended says in its last line how, so of those only the
end of the file is read, however many candidates they have.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from agent.errors import InputError
from agent.look.inside import inside
from agent.names import HEADER, LINES, SCHEMA_VERSION, run_folders

if TYPE_CHECKING:
    from agent.trajectory import RunStatus

T = TypeVar("T")
TAIL = 65_536
"""Bytes; the last line of a run has a few hundred."""


@dataclass(frozen=True)
class ShortGain:
    """How much better; the fields of `agent.trajectory.Gain`."""

    search: float | None = None
    heldout: float | None = None
    heldout_ci95: tuple[float, float] | None = None


@dataclass(frozen=True)
class Glance:
    """A run in short."""

    folder: Path
    id: str
    created: str
    prompt: str
    user_id: str
    status: "RunStatus"
    gain: ShortGain
    renders: int
    best: str | None
    """Id of the best candidate."""
    problems: tuple[str, ...] = ()


def glances(runs_dir: Path, damaged: Callable[[str], None]) -> list[Glance]:
    """The runs of a folder, newest first.

    Args:
        runs_dir: The folder.
        damaged: Told of every run that can't be read at all, and why.

    Raises:
        InputError: the folder can't be read; one that doesn't exist holds no runs.
    """
    found: list[Glance] = []
    for folder in run_folders(runs_dir):
        try:
            found.append(glance_at(folder))
        except InputError as error:
            damaged(str(error))
    return sorted(found, key=lambda g: (g.created, g.folder.name), reverse=True)


def glance_at(folder: Path) -> Glance:
    """One run in short.

    Raises:
        InputError: it can't be read at all.
    """
    return _quickly(folder) or _closely(folder)


def _quickly(folder: Path) -> Glance | None:
    """From the header and the last line; None for all that is not a whole run that ended."""
    try:
        header = json.loads((folder / HEADER).read_bytes())
        result = json.loads(_last_line(folder / LINES))
        known = header["schema_version"] == SCHEMA_VERSION and result["type"] == "result"
        if not known or result["status"] not in ("done", "failed"):
            return None
        return Glance(
            folder=folder,
            id=_checked(header["id"], str),
            created=_checked(header["created"], str),
            prompt=_checked(header["prompt"], str),
            user_id=_checked(header["user_id"], str),
            status=result["status"],
            gain=_gain(result["gain"]),
            renders=_checked(result["usage"]["renders"], int),
            best=_checked(result["best"], str) if result["best"] is not None else None,
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _checked(value: Any, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _gain(body: dict[str, Any]) -> ShortGain:
    interval = body["heldout_ci95"]
    return ShortGain(
        search=_number(body["search"]),
        heldout=_number(body["heldout"]),
        heldout_ci95=None if interval is None else (float(interval[0]), float(interval[1])),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _last_line(path: Path) -> bytes:
    """The last line of a file of the run, where it is whole."""
    if path.is_symlink() or not path.is_file():
        return b""
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - TAIL))
        lines = stream.read().split(b"\n")
    return lines[-2] if len(lines) > 1 and not lines[-1] else b""


def _closely(folder: Path) -> Glance:
    from agent.look.salvage import salvage

    found = salvage(folder)
    run, gain = found.run, found.run.gain
    return Glance(
        folder=found.folder,
        id=run.id,
        created=found.header.created,
        prompt=run.prompt,
        user_id=run.user_id,
        status=run.status,
        gain=ShortGain(gain.search, gain.heldout, gain.heldout_ci95),
        renders=run.usage.renders,
        best=run.best.id if run.best is not None else None,
        problems=found.problems,
    )


def best_prompt(glance: Glance) -> str | None:
    """The best prompt of a run, found in its file."""
    path = inside(glance.folder, LINES)
    if path is None or glance.best is None:
        return None
    start = f'{{"type": "candidate", "id": {json.dumps(glance.best)},'.encode()
    try:
        for line in reversed(path.read_bytes().split(b"\n")):
            if line.startswith(start):
                body: dict[str, Any] = json.loads(line)
                return str(body["prompt"])
    except (OSError, ValueError, KeyError):
        pass
    from agent.look.salvage import salvage

    best = salvage(glance.folder).run.best
    return best.prompt if best is not None else None
