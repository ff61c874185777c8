"""What a comparison of language models came to, in figures; pure.

    standings = [standing(name, runs, catalogue) for name, runs in found.items()]

Gains are those on held-out seeds. Intervals are t-intervals over prompts (a prompt's value is the
mean over its people), so they say what other prompts would bring the same people. The one rule
that is not obvious: an edit is valid if it was new, kept to the user's words and could be drawn;
those that stepped in for a language model are not its own and count for nothing here but in the
gain, which is what a user gets.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from agent.gain import paired_interval
from agent.judge import was_drawn
from agent.proposer import Proposals
from agent.records import ProposalRecord
from agent.search.beam import shares
from agent.trajectory import Candidate, Trajectory

Key = tuple[str, str]
"""Prompt and user_id."""


@dataclass(frozen=True)
class Search:
    """A search that came to its end, well or not, with what was asked for."""

    run: Trajectory
    proposals: tuple[ProposalRecord, ...]

    @property
    def key(self) -> Key:
        """What it is compared by."""
        return self.run.prompt, self.run.user_id


@dataclass(frozen=True)
class Figure:
    """A mean and its 95 % interval."""

    mean: float
    ci95: tuple[float, float] | None
    """Null with fewer than two prompts."""


@dataclass(frozen=True)
class Edits:
    """What a language model proposed."""

    asked: int
    """Those that a limit left untried are not among them."""
    valid: int
    distinct: int
    """Of the valid ones, those that differ in axis or instruction."""
    stepped_in: int
    """Requests that the fallback answered."""

    @property
    def rate(self) -> float | None:
        """Valid ones of those asked for."""
        return self.valid / self.asked if self.asked else None


@dataclass(frozen=True)
class Standing:
    """One language model in the comparison."""

    llm: str
    runs: int
    failed: int
    """Of the runs; they have no gain, but what they asked for counts."""
    gain: Figure | None
    """Null where nothing was measured."""
    beyond_catalogue: Figure | None
    """The gain less the catalogue's for the same prompt and person; null for the catalogue."""
    edits: Edits
    llm_calls: int
    tokens_in: int
    tokens_out: int
    cost_usd: float
    seconds: float
    """Spent on proposals."""
    seconds_total: float

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        body = asdict(self)
        return body | {"edits": {**body["edits"], "rate": self.edits.rate}}


def gains(searches: Sequence[Search]) -> dict[Key, float]:
    """Held-out gains by prompt and person, as far as they were measured."""
    found = ((search.key, search.run.gain.heldout) for search in searches)
    return {key: gain for key, gain in found if gain is not None}


def standing(
    llm: str, searches: Sequence[Search], catalogue: Mapping[Key, float] | None
) -> Standing:
    """The figures of one language model.

    Args:
        llm: Its name.
        searches: All of its searches; those that failed have no gain.
        catalogue: The gains of the catalogue; None for the catalogue itself.
    """
    own = gains(searches)
    theirs = catalogue or {}
    ahead = {key: gain - theirs[key] for key, gain in own.items() if key in theirs}

    def total(value: Callable[[Trajectory], float]) -> float:
        return sum(value(search.run) for search in searches)

    return Standing(
        llm=llm,
        runs=len(searches),
        failed=sum(search.run.status != "done" for search in searches),
        gain=over_prompts(own),
        beyond_catalogue=over_prompts(ahead) if catalogue is not None else None,
        edits=edits_of(searches),
        llm_calls=int(total(lambda run: run.usage.llm_calls)),
        tokens_in=int(total(lambda run: run.usage.tokens_in)),
        tokens_out=int(total(lambda run: run.usage.tokens_out)),
        cost_usd=total(lambda run: run.usage.cost_usd),
        seconds=round(total(lambda run: run.usage.seconds.propose), 3),
        seconds_total=round(total(lambda run: run.usage.seconds.total), 3),
    )


def over_prompts(values: Mapping[Key, float]) -> Figure | None:
    """The mean of the prompts' means, with its interval; None of nothing."""
    by_prompt: dict[str, list[float]] = {}
    for (prompt, _), value in values.items():
        by_prompt.setdefault(prompt, []).append(value)
    means = [fmean(found) for found in by_prompt.values()]
    if not means:
        return None
    return Figure(fmean(means), paired_interval(means))


def edits_of(searches: Sequence[Search]) -> Edits:
    """What the language model proposed in all of them."""
    asked = stepped_in = 0
    valid: list[Candidate] = []
    for search in searches:
        tried = Counter((c.iteration, c.parent) for c in search.run.candidates)
        others: set[tuple[int, str | None]] = set()
        for request in requests_of(search):
            if any(event.type == "fallback" for event in request.answer.events):
                others.add(request.key)
            given = min(request.wanted, len(request.answer.edits))
            asked += request.wanted - max(0, given - tried[request.key])
        stepped_in += len(others)
        valid += [
            c
            for c in search.run.candidates
            if c.edit and was_drawn(c) and (c.iteration, c.parent) not in others
        ]
    instructions = {
        (c.edit.axis, " ".join(c.edit.instruction.casefold().split())) for c in valid if c.edit
    }
    return Edits(asked, len(valid), len(instructions), stepped_in)


@dataclass(frozen=True)
class Request:
    """A request whose answer was to be tried."""

    iteration: int
    parent: str
    wanted: int
    """Edits."""
    answer: Proposals

    @property
    def key(self) -> tuple[int, str | None]:
        """What it shares with the candidates that came of it."""
        return self.iteration, self.parent


def requests_of(search: Search) -> Iterator[Request]:
    """The requests of a search; what was asked ahead for nothing is left out."""
    config, run = search.run.config, search.run
    begun = {c.iteration for c in run.candidates} | {step.iteration for step in run.steps}
    begun |= {record.iteration for record in search.proposals if not record.ahead}
    for step in run.steps:
        counts = shares(config.beam_width * config.branching, len(step.beam))
        wanted = dict(zip(step.beam, counts, strict=True))
        for record in search.proposals:
            if record.iteration != step.iteration + 1 or record.iteration not in begun:
                continue
            for parent, answer in zip(record.parents, record.answers, strict=True):
                if wanted.get(parent):
                    yield Request(record.iteration, parent, wanted[parent], answer)
