"""The boundary to whoever watches a run: the loop tells, an observer shows.

The one rule that is not obvious: an observer only looks. Nothing that it does may change what the
run decides, so a run with the live table and one without are the same run.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from agent.trajectory import Event

Phase = Literal["prepare", "propose", "draw", "compare"]


@dataclass(frozen=True)
class Row:
    """An iteration in short."""

    iteration: int
    iterations: int
    best_score: float | None
    gain: float | None
    """On the seeds of the search."""
    beam: tuple[str, ...]
    """Prompts, best first."""
    pictures: int
    """Drawn so far."""
    seconds: float
    """Since the run began."""
    replayed: bool = False
    """Whether it was finished before the run was resumed."""


class Observer(Protocol):
    """Watches a run.

    Contract: `phase` begins a stretch of work of `total` pictures (0: how much is unknown),
    `advance` reports one of them, `event` and `row` come as they are recorded. No method may
    raise or change anything that it is given.
    """

    def phase(self, phase: Phase, *, iteration: int, total: int) -> None: ...

    def advance(self) -> None: ...

    def event(self, event: Event) -> None: ...

    def row(self, row: Row) -> None: ...


class Silent:
    """An observer that shows nothing."""

    def phase(self, phase: Phase, *, iteration: int, total: int) -> None:
        """Nothing."""

    def advance(self) -> None:
        """Nothing."""

    def event(self, event: Event) -> None:
        """Nothing."""

    def row(self, row: Row) -> None:
        """Nothing."""
