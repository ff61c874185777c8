"""Reads a run that may be damaged, newer, or somebody else's, as far as it can be read.

    found = salvage(folder)
    found.run, found.problems       # the trajectory, and in words what of it is missing

The one rule that is not obvious: this is for looking only. Whatever goes on with a run reads it
with `load_run`, which takes no damaged one.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from agent.errors import InputError
from agent.folder import is_held
from agent.gaps import FEW, gaps, named
from agent.look.inside import GONE, inside, is_recorded, is_whole
from agent.names import HEADER, LINES, SCHEMA_VERSION, unreadable
from agent.records import (
    EVENT_KEY,
    TYPES,
    Records,
    RunHeader,
    from_line,
    trajectory_of,
)
from agent.trajectory import Event, Image, Seconds, Step, Trajectory

M = TypeVar("M", bound=BaseModel)

TORN = f"the last line of {LINES} is torn: what it held is lost"
ROUNDS = 20
"""How often something is taken out of a value before it is given up."""


UNKNOWN = "extra_forbidden"
"""What pydantic calls a field that a value has none of."""


@dataclass
class Dropped:
    """Fields that were left out, and why."""

    unknown: list[str] = field(default_factory=list[str])
    unusable: list[str] = field(default_factory=list[str])

    def in_words(self, file: str) -> list[str]:
        """A line for each reason."""
        lines: list[str] = []
        if self.unknown:
            lines.append(f"left out of {file}, because not known here: {named(self.unknown)}")
        if self.unusable:
            what = named(self.unusable)
            lines.append(f"left out of {file}, because the value can't be used: {what}")
        return lines


@dataclass(frozen=True)
class Salvaged:
    """A run and what could not be read of it."""

    folder: Path
    header: RunHeader
    run: Trajectory
    problems: tuple[str, ...] = ()
    lines_lost: bool = False
    """Whether nothing could be read of what was tried, though there may be much of it."""


def salvage(folder: Path) -> Salvaged:
    """Reads a run's folder as far as possible.

    Raises:
        InputError: it holds no run: there is no `run.json` that says whose run it is.
    """
    return Follower(folder).found()


class Follower:
    """Reads a run while it is being written: each line once.

    Args:
        folder: The run's.

    Raises:
        InputError: it holds no run: there is no `run.json` that says whose run it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._header, self._header_problems = _header(folder)
        self._begin()

    def _begin(self) -> None:
        self._read = 0
        self._lines = _Lines()
        self._gone: str | None = None

    def read(self) -> bool:
        """Takes in what was written since; whether there was anything."""
        path = inside(self.folder, LINES)
        if path is None:
            before, self._gone = self._gone, f"{LINES} {GONE}"
            return before is None
        try:
            size = path.stat().st_size
            if size < self._read:  # what was torn was cut off, or another run took its place
                self._begin()
            if size == self._read:
                return False
            with path.open("rb") as stream:
                stream.seek(self._read)
                chunk = stream.read()
        except OSError as error:
            self._gone = f"{LINES} can't be read ({error.strerror})"
            return False
        self._gone = None
        self._read += len(chunk)
        self._lines.take(chunk)
        return True

    def found(self) -> Salvaged:
        """The run as far as it is written."""
        self.read()
        records = self._lines.records
        held = records.result is None and is_held(self.folder)
        run = trajectory_of(self._header, records, held=held)
        problems = [*self._header_problems, *([self._gone] if self._gone else [])]
        if not self._gone and not self._read and not held:
            problems.append(f"{LINES} is empty: nothing is known of what was tried")
        elif not self._gone:
            lost = self._lines.problems()
            problems += [p for p in lost if p != TORN or not held] if lost else gaps(records)
        nothing = len(problems) > len(self._header_problems) and not run.candidates
        problems += _lost_links(run)
        return Salvaged(self.folder, self._header, run, tuple(problems), nothing)


def _header(folder: Path) -> tuple[RunHeader, list[str]]:
    path = inside(folder, HEADER)
    if path is None:
        raise InputError(unreadable(folder))
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{str(folder)!r} is no run: its {HEADER} can't be read") from error
    header, dropped = fitted(RunHeader, body)
    if header is None:
        raise InputError(f"{str(folder)!r} is no run: its {HEADER} is not valid")
    problems: list[str] = []
    if header.schema_version != SCHEMA_VERSION:
        problems.append(
            f"the run has schema version {header.schema_version}, this program reads "
            f"{SCHEMA_VERSION}: what it does not know is left out"
        )
    return header, problems + dropped.in_words(HEADER)


class _Lines:
    """The records of all lines that can be read, and what is wrong with the others."""

    def __init__(self) -> None:
        self.records = Records()
        self._rest = b""
        self._number = 0
        self._unreadable: list[int] = []
        self._unknown: Counter[str] = Counter()
        self._dropped = Dropped()

    def take(self, chunk: bytes) -> None:
        """Takes in more of the file."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._number += 1
            if line.strip():
                self._take_line(line)

    def _take_line(self, line: bytes) -> None:
        try:
            self.records.add(*from_line(line.decode("utf-8")))
            return
        except (ValueError, RecursionError):
            kind = _kind(line)
        if kind is not None and kind not in TYPES:
            self._unknown[kind] += 1
        elif not _patched(self.records, line, self._dropped):
            self._unreadable.append(self._number)

    def problems(self) -> list[str]:
        """What could not be read, in words; a last line that looks torn may be being written."""
        torn = [TORN] if self._rest.strip() else []
        late = [_late(self.records.after_end)] if self.records.after_end else []
        return _lost_lines(self._unreadable, self._unknown, self._dropped) + late + torn


def _late(count: int) -> str:
    return f"{_lines(count)} of {LINES} behind the end of the run: left out"


def _lines(count: int) -> str:
    return "a line" if count == 1 else f"{count} lines"


def _kind(line: bytes) -> str | None:
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        return None
    kind = body.get("type") if isinstance(body, dict) else None
    return kind if isinstance(kind, str) else None


def _patched(records: Records, line: bytes, dropped: "Dropped") -> bool:
    """Takes in what is left of a line once what isn't known is taken out of it."""
    kind = _kind(line)
    if kind is None:
        return False
    body: dict[str, Any] = json.loads(line)
    body.pop("type")
    if TYPES[kind] is Event:
        body[EVENT_KEY] = body.pop("event", None)
    seconds = body.pop("seconds", None) if TYPES[kind] is Step else None
    record, without = fitted(TYPES[kind], body)
    if record is None:
        return False
    records.add(record, None if seconds is None else fitted(Seconds, seconds)[0])
    dropped.unknown += [f"{kind}.{name}" for name in without.unknown]
    dropped.unusable += [f"{kind}.{name}" for name in without.unusable]
    return True


def _lost_lines(unreadable: Sequence[int], unknown: Counter[str], dropped: "Dropped") -> list[str]:
    problems: list[str] = []
    if unreadable:
        numbers = ", ".join(map(str, unreadable[:10])) + (", …" if len(unreadable) > 10 else "")
        problems.append(f"{_lines(len(unreadable))} of {LINES} can't be read: {numbers}")
    if unknown:
        kinds = ", ".join(f"{kind!r}" for kind, _ in unknown.most_common(5))
        are = "is" if unknown.total() == 1 else "are"
        some = _lines(unknown.total())
        problems.append(f"{some} of {LINES} {are} of a kind not known here: {kinds}")
    return problems + dropped.in_words(LINES)


def _lost_links(run: Trajectory) -> list[str]:
    known = {candidate.id for candidate in run.candidates}
    lost = {c.parent for c in run.candidates if c.parent is not None and c.parent not in known}
    lost |= {name for step in run.steps for name in step.beam if name not in known}
    circle = _in_circles({c.id: c.parent for c in run.candidates})
    lines: list[str] = []
    if lost:
        lines.append(f"candidates that others speak of are missing: {named(sorted(lost))}")
    if circle:
        lines.append(f"candidates are their own ancestors, in a circle: {named(sorted(circle))}")
    return lines


def _in_circles(parents: Mapping[str, str | None]) -> list[str]:
    """Those that come from themselves; each is gone through once."""
    found: list[str] = []
    done: set[str] = set()
    for start in parents:
        way: dict[str, None] = {}
        at: str | None = start
        while at is not None and at in parents and at not in done and at not in way:
            way[at] = None
            at = parents[at]
        if at is not None and at in way:
            names = list(way)
            found += names[names.index(at) :]
        done.update(way)
    return found


def lost_pictures(found: Salvaged, *, closely: bool = False) -> list[str]:
    """What is to be said of pictures that are missing, broken or others: a line, or none.

    Args:
        found: The run.
        closely: Whether they are decoded and compared with what was recorded; that takes too long
            for a glance, for which they are read to their end only.
    """
    kept = [image for c in found.run.candidates for image in c.images]
    kept += [held.image for held in found.run.heldout if held.image is not None]
    good = is_recorded if closely else _is_whole
    lost = [image.path for image in kept if not good(found.folder, image)]
    return pictures_problem(lost, len(kept))


def _is_whole(folder: Path, image: Image) -> bool:
    return is_whole(folder, image.path)


def pictures_problem(lost: Sequence[str], count: int) -> list[str]:
    """The line that names the first of them."""
    if not lost:
        return []
    are = "is" if len(lost) == 1 else "are"
    first = named(lost, FEW)
    return [
        f"{len(lost)} of {count} pictures {are} missing, broken or not what was recorded: {first}"
    ]


def fitted(model: type[M], body: Any) -> tuple[M | None, Dropped]:
    """The body as a value, without the parts that don't fit; the names of those.

    None where what can't be done without is missing or doesn't fit.
    """
    dropped = Dropped()
    for _ in range(ROUNDS):
        try:
            return model.model_validate(body), dropped
        except (ValidationError, RecursionError) as error:
            if not isinstance(error, ValidationError):
                return None, dropped
            details = dict.fromkeys((d["loc"], d["type"]) for d in reversed(error.errors()))
            gone = [(name, kind) for loc, kind in details if (name := _without(body, loc, kind))]
            if not gone:
                return None, dropped
            for name, kind in gone:
                (dropped.unknown if kind == UNKNOWN else dropped.unusable).append(name)
    return None, dropped


def _without(body: Any, place: tuple[int | str, ...], kind: str) -> str | None:
    """Takes out of a body what stands at a place, or the list item that lacks it."""
    steps = place[:-1] if kind == "missing" else place
    if not steps:
        return None
    for step in steps[:-1]:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return None
    last = steps[-1]
    try:
        del body[last]
    except (KeyError, IndexError, TypeError):
        return None
    return ".".join(str(step) for step in steps if isinstance(step, str))
