"""The lines of `trajectory.jsonl`, and the run that they add up to.

    records = read_records(folder / "trajectory.jsonl")
    trajectory = trajectory_of(header, records, held=False)

Every line is one JSON object with its `type`. The one rule that is not obvious: of two lines
about the same thing the later one holds (a failed run that was resumed has such), and a last
line that was torn by a kill is as if it had never been written.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from agent.cards import TasteCard
from agent.clock import add
from agent.config import RunConfig
from agent.errors import InputError
from agent.gain import search_gain
from agent.proposer import Proposals
from agent.search.beam import id_order
from agent.trajectory import (
    SCHEMA_VERSION,
    Candidate,
    Event,
    Gain,
    Heldout,
    Origin,
    RunStatus,
    Seconds,
    Step,
    Trajectory,
    Usage,
    Value,
)
from scorer.files import contents

INITIAL_ID = "c0000"
"""The user's own prompt."""


class RunHeader(Value):
    """What `run.json` holds: all that a run started from. No key and no token, ever."""

    schema_version: int = SCHEMA_VERSION
    id: str
    created: str
    """ISO 8601, with time zone."""
    prompt: str
    user_id: str
    config: RunConfig
    profile: dict[str, Any]
    profile_path: str | None = None
    """Seen from the run's folder; None for a profile that was made in memory."""
    profile_sha256: str
    """Of the profile and the pictures that it rates."""
    parts: dict[str, dict[str, str]] = Field(default_factory=dict)
    """What proposer, renderer and scorer say of themselves."""
    packages: dict[str, str] = Field(default_factory=dict)
    device: str = "auto"
    warm_start: TasteCard | None = None
    """What was known of the person's taste beforehand."""
    origin: Origin | None = None
    """The run or picture that it goes on from."""


class RunLine(Value):
    """The first line: whose run this is."""

    schema_version: int = SCHEMA_VERSION
    id: str
    prompt: str
    user_id: str


class ProposalRecord(Value):
    """What was proposed for an iteration at once, written before any of it is drawn."""

    iteration: int
    ahead: bool = False
    """Whether it was asked for before all pictures of the iteration before were scored. Its parent
    may have dropped out of the beam since; then nothing of it is drawn."""
    parents: tuple[str, ...]
    answers: tuple[Proposals, ...]
    """One a parent."""
    seconds: float = 0.0
    """For how long the run waited for it."""


class Result(Value):
    """How the run ended."""

    status: Literal["done", "failed"]
    best: str | None = None
    gain: Gain = Gain()
    usage: Usage = Usage()


Record = RunLine | ProposalRecord | Candidate | Step | Event | Heldout | Result
TYPES: dict[str, type[Record]] = {
    "run": RunLine,
    "proposal": ProposalRecord,
    "candidate": Candidate,
    "step": Step,
    "event": Event,
    "heldout": Heldout,
    "result": Result,
}
NAMES = {record_type: name for name, record_type in TYPES.items()}
EVENT_KEY = "type"
"""`Event` has a field of the name that tells lines apart; in its line it is called `event`."""


def to_line(record: Record, seconds: Seconds | None = None) -> str:
    """One line without its end; a step carries the time spent so far."""
    body = record.model_dump(mode="json")
    if isinstance(record, Event):
        body = {"event": body.pop(EVENT_KEY), **body}
    line = {"type": NAMES[type(record)], **body}
    if seconds is not None:
        line["seconds"] = seconds.model_dump()
    return json.dumps(line, ensure_ascii=False, allow_nan=False)


def from_line(line: str) -> tuple[Record, Seconds | None]:
    """The record of a line, and the time spent that stands beside a step.

    Raises:
        ValueError: the line is no record.
    """
    body = json.loads(line, parse_constant=_no_number)
    if not isinstance(body, dict) or body.get("type") not in TYPES:
        raise ValueError("no record of a known type")
    record_type = TYPES[body.pop("type")]
    if record_type is Event:
        body[EVENT_KEY] = body.pop("event", None)
    seconds = None
    if record_type is Step:
        seconds = Seconds.model_validate(body.pop("seconds", {}))
    return record_type.model_validate(body), seconds


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


@dataclass
class Records:
    """What has been written of a run so far."""

    started: bool = False
    proposals: dict[tuple[int, bool], ProposalRecord] = field(default_factory=dict)
    """By iteration, and whether they were asked for ahead."""
    candidates: dict[str, Candidate] = field(default_factory=dict)
    steps: dict[int, Step] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    heldout: dict[tuple[str, int], Heldout] = field(default_factory=dict)
    result: Result | None = None
    spent: Seconds = field(default_factory=Seconds)
    after_end: int = 0
    """Lines behind the end of a run that was done: nothing writes such."""
    intact_bytes: int = 0
    """Where the last whole line ends."""

    def add(self, record: Record, seconds: Seconds | None = None) -> None:
        """Takes in one record; what follows the result of a failed run means that it went on."""
        if self.result is not None and self.result.status == "done":
            self.after_end += 1
            return
        self.result = None
        match record:
            case RunLine():
                self.started = True
            case ProposalRecord():
                self.proposals[record.iteration, record.ahead] = record
            case Candidate():
                self.candidates[record.id] = record
            case Step():
                self.steps[record.iteration] = record
            case Event():
                self.events.append(record)
            case Heldout():
                self.heldout[record.candidate, record.seed] = record
            case Result():
                self.result = record
        self.spent = _spent(self.spent, record, seconds)

    def began(self, iteration: int) -> bool:
        """Whether anything shows that the iteration was gone into."""
        tried = any(candidate.iteration == iteration for candidate in self.candidates.values())
        return tried or (iteration, False) in self.proposals

    @property
    def initial(self) -> Candidate | None:
        """The user's own prompt."""
        return self.candidates.get(INITIAL_ID)

    @property
    def best(self) -> Candidate | None:
        """The first of the latest beam."""
        last = self.steps[max(self.steps)] if self.steps else None
        return self.candidates.get(last.beam[0]) if last and last.beam else None


def _spent(before: Seconds, record: Record, seconds: Seconds | None) -> Seconds:
    """The time spent after a record: as it says itself, else what was, and what it took."""
    if isinstance(record, Result):
        return record.usage.seconds
    if seconds is not None:
        return seconds
    if isinstance(record, ProposalRecord):
        return add(before, Seconds(propose=record.seconds, total=record.seconds))
    if isinstance(record, Candidate):
        total = sum(record.seconds.values())
        known = {k: v for k, v in record.seconds.items() if k in ("render", "score")}
        return add(before, Seconds(**known, total=total))
    return before


def read_records(path: Path) -> Records:
    """Reads `trajectory.jsonl`; a missing file is an empty run, a torn last line is left out.

    Raises:
        InputError: the file can't be read, or a line before the last is no record.
    """
    records = Records()
    try:
        lines = contents(path).split(b"\n") if path.exists() else [b""]
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be read ({error.strerror})") from error
    whole = lines[:-1]
    for number, line in enumerate(whole, start=1):
        try:
            records.add(*from_line(line.decode("utf-8")))
        except (ValueError, ValidationError) as error:
            if number == len(whole):
                break
            raise InputError(
                f"{str(path)!r} is damaged in line {number}: restore it or start a new run"
            ) from error
        records.intact_bytes += len(line) + 1
    return records


def usage_of(records: Records, seconds: Seconds) -> Usage:
    """What the run spent, added up from its records."""
    answers = [answer for record in records.proposals.values() for answer in record.answers]
    pictures = sum(len(candidate.images) for candidate in records.candidates.values())
    return Usage(
        llm_calls=sum(answer.llm_calls for answer in answers),
        failed_proposals=sum(event.type == "proposal_failed" for event in records.events),
        tokens_in=sum(answer.tokens_in for answer in answers),
        tokens_out=sum(answer.tokens_out for answer in answers),
        cost_usd=sum(answer.cost_usd for answer in answers),
        renders=pictures + sum(h.image is not None for h in records.heldout.values()),
        seconds=seconds,
    )


def trajectory_of(header: RunHeader, records: Records, *, held: bool) -> Trajectory:
    """The whole run as a value.

    Args:
        header: What it started from.
        records: What was written since.
        held: Whether a process is at work on it; a run that nobody works on any more and that
            has no result was interrupted.
    """
    status: RunStatus = "running" if held else "interrupted"
    tried = len(records.candidates) > 1
    gain = Gain(search=search_gain(records.initial, records.best)) if tried else Gain()
    best = records.best
    if records.result is not None:
        status, gain = records.result.status, records.result.gain
    return Trajectory(
        id=header.id,
        status=status,
        prompt=header.prompt,
        user_id=header.user_id,
        config=header.config,
        origin=header.origin,
        initial=records.initial,
        best=best,
        gain=gain,
        steps=tuple(records.steps.values()),
        candidates=tuple(sorted(records.candidates.values(), key=lambda c: id_order(c.id))),
        events=tuple(records.events),
        heldout=tuple(records.heldout.values()),
        usage=usage_of(records, records.spent),
    )
