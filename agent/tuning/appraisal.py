"""What an answer of a language model is worth: the held-out gain of the best of its edits.

    appraisal = appraise(situation, edits, bench)
    appraisal.gain, appraisal.feedback

As in a run: the edits are screened, drawn on the seeds of the search and judged by scorer and
guards; the best of them, if it beats the prompt that was edited, is compared with it on held-out
seeds. The one rule that is not obvious: an answer in which nothing beats that prompt is worth 0,
however bad it is, because a run would keep the prompt; what was wrong with it stands in the words.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from agent.gain import paired_differences
from agent.search.beam import ranked
from agent.summary import signed
from agent.trajectory import Candidate, Edit, Heldout
from agent.tuning.situations import Bench, Shot, Situation, try_edits


@dataclass(frozen=True)
class Appraisal:
    """A figure, and what a reader learns from it."""

    gain: float
    """Points of the scorer, on held-out seeds, of the best edit beyond the prompt that it edits."""
    feedback: str


def appraise(
    situation: Situation, edits: Sequence[Edit], bench: Bench, problem: str = ""
) -> Appraisal:
    """The worth of an answer.

    Args:
        situation: What was asked.
        edits: The edits that can be tried.
        bench: Draws and scores.
        problem: Why there are none, or fewer than there might be.
    """
    if not edits:
        why = problem or "none of the edits is new: each must change the prompt"
        return Appraisal(0.0, f"The answer gave no edit that can be tried: {why}.")
    parent = situation.parent
    candidates = try_edits(situation, edits, bench)
    best = ranked([parent, *candidates])[0]
    told = [_verdict(candidate, parent) for candidate in candidates]
    missing = situation.request.count - len(edits)
    if missing > 0:
        told.append(f"{missing} of the {situation.request.count} edits asked for were not given.")
    if best.id == parent.id:
        return Appraisal(0.0, "\n".join((*told, "No edit beat the prompt that was edited.")))
    gain = _heldout_gain(situation, best, bench)
    return Appraisal(gain, "\n".join((*told, _outcome(best, gain))))


def _verdict(candidate: Candidate, parent: Candidate) -> str:
    edit = candidate.edit
    named = f"{edit.axis}: {edit.instruction}" if edit else candidate.id
    if candidate.score is None:
        return f"[{named}] {candidate.status}: {candidate.error}."
    change = candidate.score - (parent.score or 0.0)
    said = "raised the score" if change > 0 else "did not raise the score"
    guard = candidate.scores.get("adherence")
    kept = "" if guard is None else f", adherence to the user's prompt {guard:.2f}"
    return f"[{named}] {said} ({signed(change)}{kept})."


def _outcome(best: Candidate, gain: float) -> str:
    edit = best.edit
    named = f"{edit.axis}: {edit.instruction}" if edit else best.id
    held = "The gain held" if gain > 0 else "The gain did not hold"
    return f"{held} on new seeds for the best edit [{named}]: {signed(gain)}."


def _heldout_gain(situation: Situation, best: Candidate, bench: Bench) -> float:
    """The mean paired difference on the held-out seeds; 0 where nothing could be compared."""
    parent = situation.parent
    shots = [
        Shot(one.id, one.prompt, seed) for seed in bench.heldout_seeds for one in (parent, best)
    ]
    takes = bench.takes(shots, situation.request.user_prompt, situation.user)
    held = [
        Heldout(
            candidate=take.candidate,
            seed=take.seed,
            score=None if take.scores is None else take.scores.value,
        )
        for take in takes
    ]
    differences = paired_differences(parent.id, best.id, held)
    return fmean(differences) if differences else 0.0


class Appraiser:
    """Appraises answers; the same answer to the same request is drawn once.

    Args:
        bench: Draws and scores.
        told: Hears of every answer, but not of one that is looked at `again`.
    """

    def __init__(self, bench: Bench, told: Callable[[Appraisal], None] = lambda _: None) -> None:
        self._bench = bench
        self._told = told
        self._known: dict[tuple[str, tuple[Edit, ...], str], Appraisal] = {}
        self._lock = threading.Lock()

    def __call__(
        self, situation: Situation, edits: Sequence[Edit], problem: str = "", *, again: bool = False
    ) -> Appraisal:
        key = (situation.name, tuple(edits), problem)
        with self._lock:  # models of one process don't like to be called from several threads
            found = self._known.get(key) or appraise(situation, edits, self._bench, problem)
            self._known[key] = found
            if not again:
                self._told(found)
        return found
