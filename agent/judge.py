"""What becomes of a candidate once its pictures are drawn and scored; pure.

    candidate = judged(draft, takes, floor=0.21, seconds={})

The one rule that is not obvious: a candidate has a score only if every one of its seeds was drawn
and scored, because all comparisons are made on the same seeds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from agent.secrets import redact
from agent.trajectory import Candidate, CandidateStatus, Edit, Image
from scorer.base import Scores

GUARD = "adherence"
"""How well a picture keeps to the user's own prompt."""
TOLERANCE = 0.05
"""Of encoders of which nothing was measured: a good part of what SigLIP's cosines range over."""
MINIATURES = ("miniature", "scene")
"""Renderers that draw the embedded world and nothing else."""


@dataclass(frozen=True)
class Draft:
    """A prompt that is to be tried."""

    id: str
    parent: str | None
    iteration: int
    prompt: str
    edit: Edit | None


@dataclass(frozen=True)
class Take:
    """One picture with its scores, or why it has none."""

    candidate: str
    seed: int
    image: Image | None = None
    scores: Scores | None = None
    error: str | None = None


def finite_parts(scores: Scores) -> dict[str, float]:
    """The named scores that are numbers."""
    return {name: float(v) for name, v in scores.parts.items() if math.isfinite(v)}


def mean_parts(takes: Sequence[Take]) -> dict[str, float]:
    """The mean over the pictures of every score that all of them have."""
    parts = [finite_parts(take.scores) for take in takes if take.scores is not None]
    if not parts or len(parts) < len(takes):
        return {}
    shared = [name for name in parts[0] if all(name in one for one in parts)]
    return {name: fmean(one[name] for one in parts) for name in shared}


def problem(takes: Sequence[Take]) -> str | None:
    """Why the pictures are no base for a score, or None."""
    for take in takes:
        if take.error is not None or take.scores is None:
            return redact(f"seed {take.seed}: {take.error or 'not scored'}")
        if not math.isfinite(take.scores.value):
            return f"seed {take.seed}: the scorer gave {take.scores.value!r}"
    return None


def strays(scores: Mapping[str, float], floor: float | None) -> str | None:
    """Why the pictures have left the user's subject, or None."""
    if floor is None or GUARD not in scores or scores[GUARD] >= floor:
        return None
    return (
        f"{GUARD} {scores[GUARD]:.3f} is below {floor:.3f}: the pictures have left the subject "
        f"of your prompt"
    )


def judged(
    draft: Draft, takes: Sequence[Take], *, floor: float | None, seconds: Mapping[str, float]
) -> Candidate:
    """The candidate that a draft has become.

    Args:
        draft: What was tried.
        takes: Its pictures, one a seed.
        floor: The least adherence allowed; None is no guard.
        seconds: Its share of the time, by stage.
    """
    candidate = Candidate(
        id=draft.id,
        parent=draft.parent,
        iteration=draft.iteration,
        prompt=draft.prompt,
        edit=draft.edit,
        status="failed",
        scores=mean_parts(takes),
        images=tuple(take.image for take in takes if take.image is not None),
        seconds=dict(seconds),
    )
    failure = problem(takes)
    if failure is not None:
        return candidate.model_copy(update={"error": failure})
    stray = strays(candidate.scores, floor)
    if stray is not None:
        return candidate.model_copy(update={"status": "rejected", "error": stray})
    score = fmean(take.scores.value for take in takes if take.scores is not None)
    return candidate.model_copy(update={"status": "scored", "score": score})


def pruned(draft: Draft, twin: str) -> Candidate:
    """A draft whose prompt was tried before, which is not drawn again."""
    return _undrawn(draft, "pruned", f"the same prompt as {twin}")


def refused(draft: Draft, reason: str, scores: Mapping[str, float] | None = None) -> Candidate:
    """A draft that is rejected for its words, before it costs a picture."""
    candidate = _undrawn(draft, "rejected", redact(reason))
    return candidate.model_copy(update={"scores": dict(scores or {})})


def _undrawn(draft: Draft, status: CandidateStatus, reason: str) -> Candidate:
    return Candidate(
        id=draft.id,
        parent=draft.parent,
        iteration=draft.iteration,
        prompt=draft.prompt,
        edit=draft.edit,
        status=status,
        error=reason,
    )


def was_drawn(candidate: Candidate) -> bool:
    """Whether pictures of it were asked for."""
    return candidate.status in ("scored", "failed") or bool(candidate.images)


def same_prompt(prompt: str) -> str:
    """What two prompts share that differ in white space only."""
    return " ".join(prompt.split())


def adherence_floor(initial: Candidate, tolerance: float | None, encoder: str) -> float | None:
    """The least adherence that an edit may come down to.

    Without a tolerance it is the one that was measured of the encoder, else `TOLERANCE`.
    """
    adherence = initial.scores.get(GUARD)
    if adherence is None:
        return None
    if tolerance is None:
        from scorer.miniature_encoder import adherence_limits

        limits = adherence_limits(encoder)
        tolerance = TOLERANCE if limits is None else limits.tolerance
    return adherence - tolerance


def unknown_subject(renderer: str, encoder: str, prompt: str, initial: Candidate) -> str | None:
    """A warning where a miniature renderer can't draw what the prompt is about, or None.

    It is warned of words that no caption used for a subject, since what is drawn for them may well
    look like what the encoder, which learned from the same captions, takes them for; and of
    pictures that adhere too little. Adherence means something else to every encoder; the limit is
    known of the miniature's own.
    """
    if renderer.partition(":")[0] not in MINIATURES:
        return None
    from agent.render.reading import names_one
    from miniature import words
    from scorer.miniature_encoder import adherence_limits

    limits, adherence = adherence_limits(encoder), initial.scores.get(GUARD)
    if not names_one(prompt, {s: ways + words.PLURAL[s] for s, ways in words.SUBJECT.items()}):
        what = f"the renderer {renderer!r} knows no word for what {prompt!r} is to show"
    elif limits is not None and adherence is not None and adherence < limits.unknown:
        what = (
            f"the pictures show little of {prompt!r} ({GUARD} {adherence:.2f}, below "
            f"{limits.unknown:.2f})"
        )
    else:
        return None
    return (
        f"{what}: it can draw {', '.join(words.SUBJECT)}; for anything else name a full-size "
        f"model with --renderer diffusers:<folder>"
    )
