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

from agent.errors import InputError
from agent.find import run_folders
from agent.folder import LINES, read_header
from agent.inside import inside
from agent.records import Result as RunResult
from agent.records import RunHeader, from_line
from agent.salvage import Salvaged, salvage
from agent.trajectory import Gain, RunStatus

TAIL = 65_536
"""Bytes; the last line of a run has a few hundred."""


@dataclass(frozen=True)
class Glance:
    """A run in short."""

    folder: Path
    header: RunHeader
    status: RunStatus
    gain: Gain
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
            found.append(_glance(folder))
        except InputError as error:
            damaged(str(error))
    return sorted(found, key=lambda g: (g.header.created, g.folder.name), reverse=True)


def _glance(folder: Path) -> Glance:
    try:
        header, result = read_header(folder), _result(folder)
    except InputError:  # another version's, or damaged: it is looked at more closely
        result = None
    else:
        if result is not None:
            best = result.best
            return Glance(folder, header, result.status, result.gain, result.usage.renders, best)
    return _closely(salvage(folder))


def _closely(found: Salvaged) -> Glance:
    run = found.run
    best = run.best.id if run.best is not None else None
    return Glance(
        found.folder, found.header, run.status, run.gain, run.usage.renders, best, found.problems
    )


def _result(folder: Path) -> RunResult | None:
    """How the run ended, if its last line says so."""
    path = inside(folder, LINES)
    if path is None:
        return None
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - TAIL))
            lines = stream.read().split(b"\n")
        record, _ = from_line(lines[-2].decode("utf-8")) if len(lines) > 1 else (None, None)
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, RunResult) and not lines[-1] else None


def best_prompt(glance: Glance) -> str | None:
    """The best prompt of a run, found in its file."""
    path = inside(glance.folder, LINES)
    if path is None or glance.best is None:
        return None
    start = f'{{"type": "candidate", "id": {json.dumps(glance.best)},'.encode()
    try:
        for line in reversed(path.read_bytes().split(b"\n")):
            if line.startswith(start):
                return str(json.loads(line)["prompt"])
    except (OSError, ValueError, KeyError):
        pass
    best = salvage(glance.folder).run.best
    return best.prompt if best is not None else None
