"""Where the time goes: seconds by stage, and what is spent in no stage at all.

    clock = Clock()
    with clock.stage("render"):
        ...
    clock.seconds().overhead

The one rule that is not obvious: stages may overlap (in threads, or one inside another), so
`overhead` is not the total less their sum but the wall time in which none of them was active.
"""

import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from agent.trajectory import Seconds, Stage

DIGITS = 3


def process_age() -> float:
    """Seconds since this process started; 0 where the system does not tell."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        started = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # field 22 of proc(5), after boot
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def add(first: Seconds, second: Seconds) -> Seconds:
    """The sum, stage by stage."""
    names = Seconds.model_fields
    return Seconds(
        **{name: round(getattr(first, name) + getattr(second, name), DIGITS) for name in names}
    )


class Clock:
    """Measures one run; may be used from several threads.

    Args:
        age: Seconds that passed before the clock was made and belong to the run.
        before: What earlier processes spent on the same run.
        now: Monotonic time in seconds.
    """

    def __init__(
        self,
        *,
        age: float = 0.0,
        before: Seconds | None = None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._now = now
        self._started = now() - age
        self._before = before or Seconds()
        self._stages: dict[str, float] = {}
        self._busy = 0.0
        self._active = 0
        self._busy_since = 0.0
        self._end: float | None = None
        self._lock = Lock()

    @contextmanager
    def stage(self, stage: Stage) -> Generator[None]:
        """Counts the time inside to the stage."""
        entered = self._enter()
        try:
            yield
        finally:
            self._leave(stage, entered)

    def _enter(self) -> float:
        with self._lock:
            moment = self._now()
            if self._active == 0:
                self._busy_since = moment
            self._active += 1
            return moment

    def _leave(self, stage: Stage, entered: float) -> None:
        with self._lock:
            moment = self._now()
            self._stages[stage] = self._stages.get(stage, 0.0) + moment - entered
            self._active -= 1
            if self._active == 0:
                self._busy += moment - self._busy_since

    def spent(self, stage: Stage) -> float:
        """Seconds of this process in one stage."""
        with self._lock:
            return self._stages.get(stage, 0.0)

    def continue_from(self, before: Seconds) -> None:
        """Counts what earlier processes spent on this run from now on."""
        self._before = before

    def end_waiting(self, total: float | None) -> None:
        """Says after how many seconds of the run nobody is to be waited for; None is no limit."""
        self._end = total

    def left(self) -> float | None:
        """Seconds until then, never less than 0, or None."""
        return None if self._end is None else max(0.0, self._end - self.seconds().total)

    def seconds(self) -> Seconds:
        """Everything so far, earlier processes included."""
        with self._lock:
            moment = self._now()
            total = moment - self._started
            busy = self._busy + (moment - self._busy_since if self._active else 0.0)
            stages = dict(self._stages)
        return add(self._before, Seconds(**stages, overhead=max(0.0, total - busy), total=total))
