"""What the loop keeps in mind of a run while it goes on, and what it has to tell about it.

    ledger.event("warning", 0, "the text encoder reads 77 tokens")
    ledger.spent().renders

The one rule that is not obvious: a limit that stopped the run before it was interrupted stops the
resumed one at the same place, although its clock may say otherwise.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.clock import Clock
from agent.config import RunConfig
from agent.gain import search_gain
from agent.judge import was_drawn
from agent.limits import (
    Budget,
    Spent,
    last_answer,
    limit_reached,
    out_of_time,
    renders_message,
    seconds_per_picture,
)
from agent.observer import Observer, Row
from agent.records import INITIAL_ID, ProposalRecord
from agent.secrets import redact
from agent.store import RunStore
from agent.trajectory import Candidate, Event, EventType, Step


@dataclass
class Ledger:
    """The candidates and proposals of a run so far, and who is told about them."""

    store: RunStore
    observer: Observer
    clock: Clock
    budget: Budget
    tried: dict[str, Candidate] = field(default_factory=dict)
    """By id."""
    asked: list[ProposalRecord] = field(default_factory=list)
    stopped: bool = False
    """Whether a limit was reached."""

    @property
    def config(self) -> RunConfig:
        """The run's settings."""
        return self.store.header.config

    @property
    def prompt(self) -> str:
        """That the run begins with."""
        return self.store.header.prompt

    @property
    def words(self) -> str:
        """The user's own."""
        return self.config.words_of(self.prompt)

    def event(self, event_type: EventType, iteration: int, message: str) -> None:
        """Records something that the reader should know."""
        event = Event(type=event_type, iteration=iteration, message=redact(message))
        if self.store.record(event):  # what was told before the run was resumed is known
            self.observer.event(event)

    def add(self, candidates: Iterable[Candidate]) -> None:
        """Takes note of what was tried."""
        self.tried.update({candidate.id: candidate for candidate in candidates})

    def step(self, step: Step) -> None:
        """Records what the beam holds, and shows its best picture."""
        seconds = self.clock.seconds()
        best = self.tried[step.beam[0]]
        new = self.store.record(step, seconds)
        self.store.publish_best(best)
        self.observer.row(
            Row(
                iteration=step.iteration,
                iterations=self.config.iterations,
                best_score=step.best_score,
                gain=search_gain(self.tried[INITIAL_ID], best),
                beam=tuple(self.tried[candidate].prompt for candidate in step.beam),
                pictures=self.spent().renders,
                seconds=seconds.total,
                replayed=not new,
            )
        )

    def spent(self) -> Spent:
        """What the search has used so far."""
        drawn = [candidate for candidate in self.tried.values() if was_drawn(candidate)]
        costs: dict[int, float] = defaultdict(float)
        for record in self.asked:
            costs[record.iteration] += sum(answer.cost_usd for answer in record.answers)
        return Spent(
            renders=len(drawn) * self.config.seeds,
            cost=sum(costs.values()),
            dearest=max(costs.values(), default=0.0),
            elapsed=self.clock.seconds().total,
            seconds_per_picture=seconds_per_picture(drawn),
        )

    def stop(self, iteration: int, reason: str) -> None:
        """Ends the search because of a limit."""
        self.stopped = True
        self.event("limit", iteration, reason)

    def stop_for_renders(self, iteration: int) -> None:
        """Ends the search because no further picture may be drawn."""
        self.stop(iteration, renders_message(self.config, self.budget))

    def limit_before_iteration(self, iteration: int, *, coming: int = 0) -> str | None:
        """Why the iteration may not begin once `coming` more pictures are drawn, or None."""
        if self.store.records.began(iteration):
            return None
        return self._recorded_stop(iteration) or limit_reached(
            self.config, self.budget, self.spent(), pictures=coming + self.config.seeds
        )

    def limit_waiting(self) -> None:
        """Tells the clock when a language model is no longer waited for."""
        self.clock.end_waiting(last_answer(self.config, self.budget, self.spent()))

    def limit_before_batch(self, iteration: int, *, pictures: int) -> str | None:
        """Why no further batch of the iteration may be drawn, or None."""
        if iteration == 0:  # nothing can be said of a run without the user's own prompt
            return None
        return self._recorded_stop(iteration) or out_of_time(
            self.config, self.budget, self.spent(), pictures=pictures
        )

    def _recorded_stop(self, iteration: int) -> str | None:
        events = self.store.records.events
        stops = (e.message for e in events if e.type == "limit" and e.iteration == iteration)
        return next(stops, None)
