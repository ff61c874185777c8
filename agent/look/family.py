"""Who came from whom in a run, what each edit brought, and why a branch went no further; pure.

    family = Family(run)
    family.gain(candidate)          # its score less its parent's
    family.fate(candidate)          # "not kept: 3.49 is below the beam's last, 3.67"
    family.why(candidate)           # "below 3.67"

The one rule that is not obvious: a run may come from somebody else, so parents may be missing or
go round in a circle; no walk here goes through a candidate twice.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import TypeGuard

from agent.search.beam import TIE
from agent.trajectory import Candidate, Step, Trajectory

MOST = 1e12
"""Figures beyond it are no measurements: they would drown all others, or overflow."""

IS_BELOW, NOT_READ = " is below ", "the renderer would not read "
"""What reasons say of words or pictures that have left the user's own, and of too many words."""


def is_measured(value: float | None) -> TypeGuard[float]:
    """Whether a figure may be counted with."""
    return value is not None and abs(value) < MOST


class Family:
    """The candidates of a run in their order of descent."""

    def __init__(self, run: Trajectory) -> None:
        self.run = run
        self.by_id: dict[str, Candidate] = {c.id: c for c in run.candidates}

    def parent(self, candidate: Candidate) -> Candidate | None:
        """What the candidate was made from."""
        return self.by_id.get(candidate.parent) if candidate.parent is not None else None

    @cached_property
    def children(self) -> dict[str, list[Candidate]]:
        """By the parent's id, in order."""
        found: dict[str, list[Candidate]] = {}
        for candidate in self.run.candidates:
            if candidate.parent is not None:
                found.setdefault(candidate.parent, []).append(candidate)
        return found

    def gain(self, candidate: Candidate) -> float | None:
        """What the edit brought: the score less the parent's, on the same seeds."""
        return _difference(candidate, self.parent(candidate))

    def beyond_initial(self, candidate: Candidate) -> float | None:
        """The score less that of the user's own prompt; None for that itself."""
        return _difference(candidate, self.run.initial) if candidate.parent is not None else None

    def lineage(self, candidate: Candidate) -> list[Candidate]:
        """From the first edit to the candidate; the user's own prompt is left out."""
        path: list[Candidate] = []
        seen: set[str] = set()
        at: Candidate | None = candidate
        while at is not None and at.parent is not None and at.id not in seen:
            seen.add(at.id)
            path.append(at)
            at = self.parent(at)
        return path[::-1]

    def depth_first(self) -> Iterator[tuple[int, Candidate]]:
        """Every candidate below its parent, with its depth; those without one stand at the top."""
        seen: set[str] = set()
        roots = [c for c in self.run.candidates if self.parent(c) is None]
        for root in (*roots, *self.run.candidates):  # the second round: circles have no top
            stack = [(0, root)]
            while stack:
                depth, candidate = stack.pop()
                if candidate.id in seen:
                    continue
                seen.add(candidate.id)
                yield depth, candidate
                below = self.children.get(candidate.id, [])
                stack += [(depth + 1, child) for child in reversed(below)]

    @cached_property
    def last_step(self) -> Step | None:
        """The latest beam."""
        return max(self.run.steps, key=lambda step: step.iteration, default=None)

    @cached_property
    def ever_kept(self) -> frozenset[str]:
        """The ids that were in a beam."""
        return frozenset(name for step in self.run.steps for name in step.beam)

    @cached_property
    def winners(self) -> frozenset[str]:
        """The best candidate and all that it came from."""
        best = self.run.best
        if best is None:
            return frozenset()
        initial = {self.run.initial.id} if self.run.initial is not None else set[str]()
        return frozenset({best.id, *(c.id for c in self.lineage(best))} | initial)

    def fate(self, candidate: Candidate) -> str:
        """What became of it, in words; the words of an error are those that were recorded."""
        if candidate.status != "scored" or candidate.score is None:
            return f"{candidate.status}: {candidate.error or 'no reason was recorded'}"
        if self.run.best is not None and candidate.id == self.run.best.id:
            return "the best so far" if self.run.status == "running" else "the best"
        if self.last_step is not None and candidate.id in self.last_step.beam:
            return "in the last beam"
        step = self._lost_in(candidate)
        if step is None:
            return "not decided yet"
        lowest = min(self._beam_scores(step), default=None)
        if lowest is None:
            return f"not kept in iteration {step.iteration}"
        words = "not kept" if candidate.id not in self.ever_kept else "overtaken"
        reason = "is below" if candidate.score < lowest - TIE else "ties with"
        return (
            f"{words} in iteration {step.iteration}: {candidate.score:.2f} {reason} the last in "
            f"the beam, {lowest:.2f}"
        )

    def why(self, candidate: Candidate) -> str:
        """Why it went no further, in a word or two; nothing where it may yet, or is the best."""
        if candidate.status != "scored" or candidate.score is None:
            word = _turned_away(candidate)
            return f"{candidate.status}: {word}" if word else candidate.status
        in_last = self.last_step is not None and candidate.id in self.last_step.beam
        if in_last or candidate.id in self.winners:
            return ""
        step = self._lost_in(candidate)
        if step is None:
            return "not decided yet"
        if candidate.id in self.ever_kept:
            return "overtaken"
        lowest = min(self._beam_scores(step), default=None)
        if lowest is None:
            return "not kept"
        beaten = "below" if candidate.score < lowest - TIE else "ties with"
        return f"{beaten} {lowest:.2f}"

    def _lost_in(self, candidate: Candidate) -> Step | None:
        """The first beam since it was tried that it is not in."""
        later = (step for step in self.run.steps if step.iteration >= candidate.iteration)
        return next((step for step in later if candidate.id not in step.beam), None)

    def _beam_scores(self, step: Step) -> list[float]:
        found = [self.by_id[name].score for name in step.beam if name in self.by_id]
        return [score for score in found if score is not None]


def _turned_away(candidate: Candidate) -> str:
    """A word for a recorded reason; nothing for one that is not known here."""
    if candidate.status == "pruned":
        return "tried before"
    if candidate.status == "failed":
        return "" if candidate.images else "no picture"
    reason = candidate.error or ""
    return "strayed" if IS_BELOW in reason else "too long" if NOT_READ in reason else ""


def _difference(one: Candidate, other: Candidate | None) -> float | None:
    if other is None or one.score is None or other.score is None:
        return None
    difference = one.score - other.score
    return difference if is_measured(difference) else None
