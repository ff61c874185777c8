"""Whether lines of a run are gone, as far as what is left of it can tell.

    gaps(records)       # ["candidates are missing from trajectory.jsonl: c0004"], or []

Lines bear no number, but they speak of each other: candidates are numbered as they come, every
iteration has a proposal and a step, a result says what the run has used. The one rule that is not
obvious: a limit may end an iteration in its middle, so that what was not drawn leaves a gap which
is none. A warning that is gone cannot be told, for nothing speaks of it.
"""

from collections.abc import Iterable

from agent.names import LINES
from agent.records import INITIAL_ID, Records, usage_of
from agent.search.beam import id_order
from agent.trajectory import Candidate, Usage

MOST_NAMED = 8
COUNTED = ("llm_calls", "failed_proposals", "tokens_in", "tokens_out", "renders")
FEW = 3
"""Pictures that are named."""
CENT = 1e-6
"""Costs are sums of fractions."""


def named(names: Iterable[str], most: int = MOST_NAMED) -> str:
    """The first few of some names, and how many more there are; each once."""
    different = list(dict.fromkeys(names))
    more = len(different) - most
    return ", ".join(different[:most]) + (f" and {more} more" if more > 0 else "")


def gaps(records: Records) -> list[str]:
    """What is missing between the lines of a run, in words."""
    found = {
        "candidates": _missing_candidates(records),
        "proposals of iterations": [str(n) for n in unproposed(records)],
        "steps of iterations": _missing_steps(records),
        "held-out pictures": _missing_heldout(records),
    }
    lost = [f"{what} are missing from {LINES}: {named(n)}" for what, n in found.items() if n]
    if not records.started and (records.candidates or records.proposals):
        lost.append(f"the first line of {LINES} is missing")
    if not lost and not _adds_up(records):
        lost.append(f"lines of {LINES} are missing: the run has used more than they say")
    return lost


def unproposed(records: Records) -> list[int]:
    """Iterations of which there are candidates, but no proposal that they could come from."""
    proposed = {iteration for iteration, _ in records.proposals}
    tried = {c.iteration for c in records.candidates.values() if c.id != INITIAL_ID}
    return sorted(tried - proposed)


def _missing_candidates(records: Records) -> list[str]:
    limited = {event.iteration for event in records.events if event.type == "limit"}
    known = [c for c in records.candidates.values() if c.id[1:].isdecimal()]
    missing: list[str] = []
    number = 0
    for candidate in sorted(known, key=lambda c: id_order(c.id)):
        if candidate.iteration not in limited:
            missing += [f"c{n:04d}" for n in range(number, _number(candidate))][:MOST_NAMED]
        number = _number(candidate) + 1
    best = records.result.best if records.result is not None else None
    if best is not None and best not in records.candidates:
        missing.append(best)
    return missing


def _number(candidate: Candidate) -> int:
    return int(candidate.id[1:])


def _missing_steps(records: Records) -> list[str]:
    """Steps before the last, and the last of a run that is done."""
    iterations = [c.iteration for c in records.candidates.values()]
    last = max(iterations, default=-1)
    done = records.result is not None and records.result.status == "done"
    until = max((last if done else last - 1, *records.steps))
    return [str(n) for n in range(until + 1) if n not in records.steps][:MOST_NAMED]


def _missing_heldout(records: Records) -> list[str]:
    """Every held-out seed is drawn of two prompts."""
    if records.result is None or records.result.status != "done":
        return []
    names = {candidate for candidate, _ in records.heldout}
    seeds = {seed for _, seed in records.heldout}
    pairs = [(name, seed) for seed in sorted(seeds) for name in sorted(names)]
    return [f"{name} on seed {seed}" for name, seed in pairs if (name, seed) not in records.heldout]


def _adds_up(records: Records) -> bool:
    """Whether what is left has used what the result says."""
    if records.result is None:
        return True
    said = records.result.usage
    counted = usage_of(records, said.seconds)
    return _same(said, counted)


def _same(said: Usage, counted: Usage) -> bool:
    equal = all(getattr(said, name) == getattr(counted, name) for name in COUNTED)
    return equal and abs(said.cost_usd - counted.cost_usd) < CENT
