"""Trying prompts out: drafts become candidates, batch by batch, and two prompts are compared.

    told = try_out(ledger, studio, drafts, rules=rules, floor=0.21)
    heldout = compare(ledger, studio, initial, best)

The one rule that is not obvious: a batch is passed over only if all of it was recorded before;
otherwise it is drawn again as a whole, so that it is the batch that it would have been.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from agent.judge import Draft, Take, finite_parts, judged
from agent.ledger import Ledger
from agent.limits import room_for
from agent.screen import Rules, screen
from agent.secrets import redact
from agent.seeds import derive_seeds
from agent.store import Shot
from agent.studio import Studio
from agent.trajectory import Candidate, Heldout

T = TypeVar("T")
BeforeLast = Callable[[Sequence[Draft]], None]
"""Told of the last batch before it is drawn."""


def search_seeds(ledger: Ledger) -> tuple[int, ...]:
    """The seeds on which every candidate of the run is drawn."""
    return derive_seeds(ledger.config.seed, "search", ledger.config.seeds)


def heldout_seeds(ledger: Ledger) -> tuple[int, ...]:
    """The seeds of the comparison at the end; the search never sees one of them."""
    count = ledger.budget.heldout_seeds
    return derive_seeds(ledger.config.seed, "heldout", count, avoid=search_seeds(ledger))


def try_out(
    ledger: Ledger,
    studio: Studio,
    drafts: Sequence[Draft],
    *,
    rules: Rules,
    floor: float | None,
    before_last: BeforeLast | None = None,
) -> list[Candidate]:
    """Draws and scores what is let through and new, as far as the limits allow.

    Args:
        ledger: The run so far.
        studio: Draws and scores.
        drafts: Edits of an iteration, in the order of their ids.
        rules: What their words are held to.
        floor: The least adherence of their pictures; None is no guard.
        before_last: Called with the last batch before it is drawn.
    """
    if not drafts:
        return []
    iteration = drafts[0].iteration
    with ledger.clock.stage("propose"):
        screened = screen(drafts, ledger.tried, ledger.store.records.candidates, rules)
    fresh, undrawn = screened.fresh, screened.undrawn
    for candidate in undrawn:
        ledger.store.record(candidate)
    seeds = ledger.config.seeds
    room = room_for(ledger.budget, ledger.spent(), seeds=seeds, wanted=len(fresh))
    for draft in fresh[:room]:
        if draft.id in screened.shortened:
            gone = screened.shortened[draft.id]
            ledger.event("warning", iteration, f"{draft.id}: {gone!r} gave way to the edit")
        for warning in studio.warnings(draft.prompt):
            ledger.event("warning", iteration, f"{draft.id}: {warning}")
    ledger.observer.phase("draw", iteration=iteration, total=room * seeds)
    ledger.add(undrawn)
    drawn = draw(ledger, studio, fresh[:room], floor=floor, before_last=before_last)
    if room < len(fresh) and not ledger.stopped:
        ledger.stop_for_renders(iteration)
    return [*drawn, *undrawn]


def draw(
    ledger: Ledger,
    studio: Studio,
    drafts: Sequence[Draft],
    *,
    floor: float | None,
    before_last: BeforeLast | None = None,
) -> list[Candidate]:
    """Draws and scores drafts in batches of whole candidates; a time limit ends it early."""
    done: list[Candidate] = []
    seeds, recorded = search_seeds(ledger), ledger.store.records.candidates
    for group in _groups(drafts, ledger.config.batch_size // len(seeds)):
        missing = any(draft.id not in recorded for draft in group)
        if missing:
            pictures = len(group) * len(seeds)
            reason = ledger.limit_before_batch(group[0].iteration, pictures=pictures)
            if reason is not None:
                ledger.stop(group[0].iteration, reason)
                break
        if before_last is not None and group[-1] is drafts[-1]:
            before_last(group)
        if missing:
            _draw_group(ledger, studio, group, floor=floor)
        done += [recorded[draft.id] for draft in group]
        ledger.add(done)
    return done


def _draw_group(
    ledger: Ledger, studio: Studio, group: Sequence[Draft], *, floor: float | None
) -> None:
    seeds = search_seeds(ledger)
    batch = studio.shoot([Shot(draft.id, draft.prompt, seed) for draft in group for seed in seeds])
    share = {stage: round(seconds / len(group), 6) for stage, seconds in batch.seconds.items()}
    for draft in group:
        takes = [take for take in batch.takes if take.candidate == draft.id]
        ledger.store.record(judged(draft, takes, floor=floor, seconds=share))


def compare(ledger: Ledger, studio: Studio, initial: Candidate, best: Candidate) -> list[Heldout]:
    """Draws both prompts on the held-out seeds, seed by seed."""
    shots = [
        Shot(candidate.id, candidate.prompt, seed, heldout=True)
        for seed in heldout_seeds(ledger)
        for candidate in (initial, best)
    ]
    ledger.observer.phase("compare", iteration=ledger.config.iterations, total=len(shots))
    recorded = ledger.store.records.heldout
    for group in _groups(shots, ledger.config.batch_size):
        if any((shot.candidate, shot.seed) not in recorded for shot in group):
            for take in studio.shoot(group).takes:
                ledger.store.record(_heldout(take))
    return [recorded[shot.candidate, shot.seed] for shot in shots]


def _heldout(take: Take) -> Heldout:
    scores = take.scores
    return Heldout(
        candidate=take.candidate,
        seed=take.seed,
        score=scores.value if scores is not None else None,
        image=take.image,
        scores=finite_parts(scores) if scores is not None else {},
        error=redact(take.error) if take.error is not None else None,
    )


def _groups(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    size = max(1, size)
    for start in range(0, len(items), size):
        yield items[start : start + size]
