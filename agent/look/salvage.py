"""Reads a run that may be damaged, newer, or somebody else's, as far as it can be read.

    found = salvage(folder)
    found.run, found.problems       # the trajectory, and in words what of it is missing

The one rule that is not obvious: this is for looking only. Whatever goes on with a run reads it
with `load_run`, which takes no damaged one.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from agent.errors import InputError
from agent.folder import is_held
from agent.gaps import FEW, gaps, named
from agent.look.inside import inside, is_whole
from agent.names import HEADER, LINES, SCHEMA_VERSION
from agent.records import (
    EVENT_KEY,
    TYPES,
    Records,
    RunHeader,
    from_line,
    trajectory_of,
)
from agent.trajectory import Event, Seconds, Step, Trajectory

M = TypeVar("M", bound=BaseModel)

TORN = f"the last line of {LINES} is torn: what it held is lost"
ROUNDS = 20
"""How often something is taken out of a value before it is given up."""


@dataclass(frozen=True)
class Salvaged:
    """A run and what could not be read of it."""

    folder: Path
    header: RunHeader
    run: Trajectory
    problems: tuple[str, ...] = ()


def salvage(folder: Path) -> Salvaged:
    """Reads a run's folder as far as possible.

    Raises:
        InputError: it holds no run: there is no `run.json` that says whose run it is.
    """
    header, problems = _header(folder)
    path = inside(folder, LINES)
    if path is None:
        records = Records()
        problems.append(f"{LINES} is missing, or leads out of the run's folder")
    else:
        records, lost = _records(path)
        problems += lost or gaps(records)
    held = records.result is None and is_held(folder)
    run = trajectory_of(header, records, held=held)
    if held:  # what looks torn is being written
        problems = [problem for problem in problems if problem != TORN]
    return Salvaged(folder, header, run, (*problems, *_lost_links(run)))


def _header(folder: Path) -> tuple[RunHeader, list[str]]:
    path = inside(folder, HEADER)
    if path is None:
        raise InputError(f"{str(folder)!r} is no run: it has no {HEADER}")
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
    if dropped:
        problems.append(f"left out of {HEADER}, because it is not known here: {named(dropped)}")
    return header, problems


def _records(path: Path) -> tuple[Records, list[str]]:
    """The records of all lines that can be read."""
    records = Records()
    unreadable: list[int] = []
    unknown: Counter[str] = Counter()
    dropped: list[str] = []
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        return records, [f"{LINES} can't be read ({error.strerror})"]
    for number, line in enumerate(lines[:-1], start=1):
        if not line.strip():
            continue
        try:
            records.add(*from_line(line.decode("utf-8")))
            continue
        except (ValueError, RecursionError):
            kind = _kind(line)
        if kind is not None and kind not in TYPES:
            unknown[kind] += 1
        elif not _patched(records, line, dropped):
            unreadable.append(number)
    torn = [TORN] if lines[-1].strip() else []
    late = [_late(records.after_end)] if records.after_end else []
    return records, _lost_lines(unreadable, unknown, dropped) + late + torn


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


def _patched(records: Records, line: bytes, dropped: list[str]) -> bool:
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
    dropped += [f"{kind}.{name}" for name in without]
    return True


def _lost_lines(
    unreadable: Sequence[int], unknown: Counter[str], dropped: Sequence[str]
) -> list[str]:
    problems: list[str] = []
    if unreadable:
        numbers = ", ".join(map(str, unreadable[:10])) + (", …" if len(unreadable) > 10 else "")
        problems.append(f"{len(unreadable)} lines of {LINES} can't be read: {numbers}")
    if unknown:
        kinds = ", ".join(f"{kind!r}" for kind, _ in unknown.most_common(5))
        problems.append(f"{unknown.total()} lines of {LINES} are of a kind not known here: {kinds}")
    if dropped:
        problems.append(f"left out of {LINES}, because it is not known here: {named(dropped)}")
    return problems


def _lost_links(run: Trajectory) -> list[str]:
    known = {candidate.id for candidate in run.candidates}
    lost = {c.parent for c in run.candidates if c.parent is not None and c.parent not in known}
    lost |= {name for step in run.steps for name in step.beam if name not in known}
    if not lost:
        return []
    return [f"candidates that others speak of are missing: {named(sorted(lost))}"]


def lost_pictures(found: Salvaged) -> list[str]:
    """What is to be said of pictures that are missing or broken: a line, or none.

    Pictures are read to their end, but not decoded: that takes too long for a glance.
    """
    kept = [image.path for c in found.run.candidates for image in c.images]
    kept += [held.image.path for held in found.run.heldout if held.image is not None]
    return pictures_problem([p for p in kept if not is_whole(found.folder, p)], len(kept))


def pictures_problem(lost: Sequence[str], count: int) -> list[str]:
    """The line that names the first of them."""
    if not lost:
        return []
    are = "is" if len(lost) == 1 else "are"
    first = named(lost, FEW)
    return [f"{len(lost)} of {count} pictures {are} missing, broken or not in the folder: {first}"]


def fitted(model: type[M], body: Any) -> tuple[M | None, list[str]]:
    """The body as a value, without the parts that don't fit; the names of those.

    None where what can't be done without is missing or doesn't fit.
    """
    dropped: list[str] = []
    for _ in range(ROUNDS):
        try:
            return model.model_validate(body), dropped
        except (ValidationError, RecursionError) as error:
            if not isinstance(error, ValidationError):
                return None, dropped
            details = dict.fromkeys((d["loc"], d["type"]) for d in reversed(error.errors()))
            gone = [name for loc, kind in details if (name := _without(body, loc, kind))]
            if not gone:
                return None, dropped
            dropped += gone
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
