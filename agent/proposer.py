"""The boundary to whatever suggests edits: one Protocol, and the request it is given."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from agent.trajectory import Axis, Edit, Event


class Tried(BaseModel):
    """An edit of this run with what came of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    axis: Axis
    instruction: str
    prompt: str
    score: float
    gain: float
    """Score minus the score of its parent."""


class Known(BaseModel):
    """What earlier runs have shown of a value, as a taste card says it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    axis: str
    name: str
    effect: float
    """By how much the score rises, in points; below 0 it falls."""
    low: float
    high: float


class ProposalRequest(BaseModel):
    """What a proposer may know; the whole of it travels as one JSON field of the signature."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidate_id: str
    """Of the parent: the order of answers follows it."""
    iteration: int
    user_prompt: str
    parent_prompt: str
    parent_score: float | None
    began_with: str | None = None
    """The run's first prompt, where it says more than the user did; null means their own."""
    first_score: float | None = None
    """Of the prompt that the run began with."""
    likes: tuple[str, ...] = ()
    dislikes: tuple[str, ...] = ()
    notes: str = ""
    best_edits: tuple[Tried, ...] = ()
    worst_edits: tuple[Tried, ...] = ()
    known: tuple[Known, ...] = ()
    """What earlier runs of this person have shown, the surest first."""
    spread: float = 0.0
    """Standard deviation of the scores in those runs."""
    leanings: dict[str, float] = Field(default_factory=dict)
    """By name, what the scorer expects a value to be worth, in standard deviations of the scores,
    before anything was drawn."""
    tried: tuple[Tried, ...] = ()
    """Every edit of this run that was scored: the catalogue learns from all of them, a language
    model is shown the best and the worst only."""
    tried_prompts: tuple[str, ...] = ()
    """Every prompt of this run, the rejected and failed ones too; none is proposed again."""
    axes: tuple[Axis, ...] = ()
    """The axes on which edits are wanted; empty means all."""
    values: tuple[str, ...] = ()
    """The catalogue's values that the renderer can draw, by name; empty means any."""
    stray: str = ""
    """How far the edits may leave the user's words, in a sentence."""
    count: int = Field(ge=1)
    seed: int
    picture: Path | None = Field(default=None, exclude=True)
    """What the parent's prompt gave, for language models that see; it travels beside the JSON."""

    @property
    def first_prompt(self) -> str:
        """That the run began with."""
        return self.began_with or self.user_prompt


def strongest(leanings: Mapping[str, float], count: int) -> list[str]:
    """The names of the leanings that are furthest from 0, the furthest first."""
    return sorted(leanings, key=lambda name: -abs(leanings[name]))[:count]


def knowing(request: ProposalRequest, given: tuple[str, ...]) -> ProposalRequest:
    """The request with what other requests got already counted as tried."""
    tried = dict.fromkeys((*request.tried_prompts, *given))
    return request.model_copy(update={"tried_prompts": tuple(tried)})


class Proposals(BaseModel):
    """A proposer's answer to one request. Never more edits than were asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    edits: tuple[Edit, ...] = ()
    events: tuple[Event, ...] = ()
    """`proposal_failed`, `retry`, `fallback` and the like."""
    answered: bool = True
    """Whether an answer came at all, usable or not."""
    llm_calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0


class Proposer(Protocol):
    """Suggests edits of a prompt.

    Contract: returns one `Proposals` a request, in the order of the requests; at most
    `request.count` edits each, without duplicates, without empty ones, without control
    characters; a reply that cannot be parsed is retried once with the error in it and then
    comes back as a `proposal_failed` event, not as an exception. The same requests with the same
    deterministic language model give the same answers. `describe()` names what proposes
    (model, versions) for `run.json`; no key is ever in it.
    """

    def propose(self, requests: list[ProposalRequest]) -> list[Proposals]: ...

    def describe(self) -> Mapping[str, str]: ...


@runtime_checkable
class Completes(Protocol):
    """A proposer whose work has two halves: what is waited for, and what is made of it here.

    Contract: `propose(requests)` is `complete(requests, ask(requests))`. `ask` may run in another
    thread while pictures are drawn; `complete` runs in the thread of the loop, because it may
    compute with what drawing and judging use too.
    """

    def ask(self, requests: list[ProposalRequest]) -> list[Proposals]: ...

    def complete(
        self, requests: list[ProposalRequest], answers: list[Proposals]
    ) -> list[Proposals]: ...
