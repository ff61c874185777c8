"""The boundary to experiment trackers, which follow a run beside its own record.

    tracker = make_tracker("mlflow")
    with Tracked(observer, tracker, store) as tracked:
        ...                                     # `tracked` is an observer like any other
        tracked.ended(trajectory)

The one rule that is not obvious: a tracker is never worth a run. What it raises is one warning,
and from then on it is not asked again.
"""

from collections.abc import Callable
from typing import Literal, Protocol, Self, assert_never

from agent.observer import Observer, Row
from agent.secrets import redact
from agent.store import RunStore
from agent.trajectory import Event, Trajectory

TrackerName = Literal["mlflow"]


class Tracker(Protocol):
    """Follows one run.

    Contract: `begin` comes first, `row` after each iteration, `end` last, with None for a run
    that was broken off before anything was known of it. All may raise; nothing may change.
    """

    def begin(self, store: RunStore) -> None: ...

    def row(self, row: Row, store: RunStore) -> None: ...

    def end(self, run: Trajectory | None, store: RunStore) -> None: ...


def make_tracker(name: TrackerName) -> Tracker:
    """The tracker of that name.

    Raises:
        PrerequisiteError: its package is missing; says which.
    """
    match name:
        case "mlflow":
            from agent.track.runs import MlflowTracker

            return MlflowTracker()
        case _:
            assert_never(name)


class Tracked:
    """An observer that tells another one, and a tracker.

    Args:
        observer: Who is told everything.
        tracker: Who is told of iterations.
        store: The run.
    """

    def __init__(self, observer: Observer, tracker: Tracker, store: RunStore) -> None:
        self._observer = observer
        self._tracker = tracker
        self._store = store
        self._follows = True
        self._run: Trajectory | None = None
        self.phase = observer.phase
        self.advance = observer.advance
        self.event = observer.event

    def __enter__(self) -> Self:
        self._guarded(lambda: self._tracker.begin(self._store))
        return self

    def __exit__(self, *_: object) -> None:
        self._guarded(lambda: self._tracker.end(self._run, self._store))

    def row(self, row: Row) -> None:
        """A finished iteration."""
        self._observer.row(row)
        self._guarded(lambda: self._tracker.row(row, self._store))

    def ended(self, run: Trajectory) -> None:
        """How the run ended."""
        self._run = run

    def _guarded(self, tell: Callable[[], None]) -> None:
        if not self._follows:
            return
        try:
            tell()
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on
            self._follows = False
            first = (str(error).strip() or "no reason given").splitlines()[0]
            message = f"the run is not tracked any further ({type(error).__name__}: {first})"
            self._observer.event(Event(type="warning", iteration=0, message=redact(message)))
