"""Asks a language model for the edits of a whole beam, and makes proposals of its answers.

    proposer = LMProposer(EditProgram(), lm, spec="catalogue", manner=Manner(at_once=1), ...)
    answers = proposer.propose(requests)

The one rule that is not obvious: requests go out in rounds (first all of them, then the repairs
together), so that an engine that gathers calls always sees the same batches, and who finishes
first changes nothing.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import Any, Protocol, runtime_checkable

import dspy

import prompts
from agent.edits import clean, usable_edits
from agent.lm.call import Outcome, call
from agent.lm.engine import TOO_LATE, KeepsForm
from agent.lm.sight import PICTURE, shown
from agent.proposer import ProposalRequest, Proposals, knowing, strongest
from agent.retry import RetryPolicy
from agent.secrets import redact
from agent.threads import concurrently, within
from agent.trajectory import Edit, Event

LONGEST_REPLY = 2000
"""Characters of a broken answer that are shown to the model again."""
MAX_CRITIQUE = 600
"""Characters of what is written down of a critique."""
LISTED = 24
"""Tried prompts that a language model is told of: the last ones."""
LATE = Outcome(problem=TOO_LATE)
TOLD_KNOWN = 16
"""Of what earlier runs have shown, and of what the scorer expects, how much a model is told."""
NOTHING_NEW = "none of the edits is new: each must change the prompt and repeat no tried prompt"
NOTHING_PROPOSED = (
    "no edit was proposed: what could be changed was tried, or the prompt says it itself, and its "
    "own words are kept; a shorter prompt leaves more open, or `--keep` with fewer words of it"
)


@runtime_checkable
class Gathers(Protocol):
    """An engine that answers calls together and wants to know how many come."""

    def expect(self, count: int) -> None: ...


@dataclass(frozen=True)
class Asked:
    """A request with what came of it, call by call."""

    request: ProposalRequest
    outcomes: tuple[Outcome, ...] = ()

    def usable(self) -> tuple[Edit, ...]:
        """The edits of the last answer that can be tried."""
        drafts = self.outcomes[-1].drafts
        return usable_edits((Edit(**draft.model_dump()) for draft in drafts), self.request)

    def problem(self) -> str:
        """Why the last answer gave nothing; empty if it gave something."""
        last = self.outcomes[-1]
        nothing = NOTHING_NEW if last.drafts else NOTHING_PROPOSED
        return last.problem or ("" if self.usable() else nothing)

    def can_be_repaired(self) -> bool:
        """Whether an answer came that is no use; a server that stays broken isn't asked again."""
        answered = not self.outcomes[-1].problem or self.outcomes[-1].reply is not None
        return bool(answered and self.problem())


@dataclass(frozen=True)
class Manner:
    """How a kind of language model is asked."""

    at_once: int
    """Requests that go out together; those of the next round know what these got."""
    sees_all: bool = False
    """Whether it is told of every edit that was tried, not just of the best and the worst."""
    priced: bool = False
    """Whether a call costs money, so that a price which is not known is worth a warning."""
    patience: float | None = None
    """Seconds after which an answer is no longer waited for, or earlier when the run's time is up;
    None waits whatever time is left, because the answer takes none."""


def document_of(request: ProposalRequest, *, sees_all: bool = False) -> str:
    """The request as JSON; what only the catalogue can use costs no tokens elsewhere."""
    if not sees_all:
        expected = request.leanings
        told = strongest(expected, TOLD_KNOWN)
        request = request.model_copy(
            update={
                "tried": (),
                "tried_prompts": request.tried_prompts[-LISTED:],
                "known": request.known[:TOLD_KNOWN],
                "leanings": {name: round(expected[name], 2) for name in told},
            }
        )
    unsaid = {"began_with"} if request.began_with is None else None
    text = json.dumps(request.model_dump(mode="python", exclude=unsaid), ensure_ascii=False)
    return text.encode("utf-8", "replace").decode("utf-8")


class LMProposer:
    """A `Proposer` that runs the program on a language model.

    Args:
        program: Takes `request`, `previous_reply` and `error`; gives `edits`.
        lm: The language model.
        spec: What it was made of, for messages and `describe`.
        instructions: What `describe` says of instructions that aren't the built-in ones.
        manner: How this kind of language model is asked.
        policy: How failed calls are repeated.
        seed: Of the jitter between them.
        time_left: Seconds that answers may still take, or None: no limit.
    """

    def __init__(  # noqa: PLR0913 - see above
        self,
        program: dspy.Module,
        lm: dspy.LM,
        *,
        spec: str,
        instructions: Mapping[str, str] | None = None,
        manner: Manner,
        policy: RetryPolicy,
        seed: int,
        time_left: Callable[[], float | None] | None = None,
    ) -> None:
        self._program = program
        self._lm = lm
        self._spec = spec
        self._instructions = dict(instructions or {})
        self._manner = manner
        self._policy = policy
        self._seed = seed
        self._time_left = time_left
        self._warned = not manner.priced
        self._has_seen = False

    def propose(self, requests: list[ProposalRequest]) -> list[Proposals]:
        """Edits for each request; no prompt is proposed twice in one answer list."""
        answers: list[Proposals] = []
        given: tuple[str, ...] = ()
        step = self._manner.at_once
        for start in range(0, len(requests), step):
            round_ = [Asked(knowing(request, given)) for request in requests[start : start + step]]
            for asked in self._answered(round_):
                known = Asked(knowing(asked.request, given), asked.outcomes)
                answers.append(self._proposals(known))
                given += tuple(edit.prompt for edit in answers[-1].edits)
        return answers

    def describe(self) -> dict[str, str]:
        """The language model, and what its answers depend on besides."""
        texts = sorted((*prompts.ROOT.glob("*.toml"), *prompts.ROOT.glob("instructions/*.md")))
        digest = hashlib.sha256(b"".join(file.read_bytes() for file in texts)).hexdigest()
        said = {"llm": self._spec, "dspy": version("dspy"), "prompts_sha256": digest}
        engine = self._lm.engine
        form = {"form": engine.form} if isinstance(engine, KeepsForm) else {}
        return said | form | self._instructions

    def _answered(self, round_: list[Asked]) -> list[Asked]:
        """All requests asked once, and those whose answer is no use once more."""
        first = self._round(round_)
        broken = [place for place, asked in enumerate(first) if asked.can_be_repaired()]
        repaired = dict(zip(broken, self._round([first[place] for place in broken]), strict=True))
        return [repaired.get(place, asked) for place, asked in enumerate(first)]

    def _round(self, round_: list[Asked]) -> list[Asked]:
        if round_ and isinstance(self._lm.engine, Gathers):
            self._lm.engine.expect(len(round_))
        outcomes = self._outcomes([partial(self._call, asked) for asked in round_])
        return [
            Asked(asked.request, (*asked.outcomes, outcome))
            for asked, outcome in zip(round_, outcomes, strict=True)
        ]

    def _outcomes(self, calls: list[Callable[[], Outcome]]) -> list[Outcome]:
        """What came of each call, as far as there is time to wait for it."""
        patience = self._manner.patience
        if patience is None:
            return concurrently(calls)
        left = self._time_left() if self._time_left is not None else None
        late = Outcome(problem=f"no answer within {patience:g} s", seconds=patience)
        if left is not None and left < patience:
            patience, late = left, replace(LATE, asked=left > 0, seconds=left)
        return [outcome or late for outcome in within(patience, calls)]

    def _call(self, asked: Asked) -> Outcome:
        document = document_of(asked.request, sees_all=self._manner.sees_all)
        inputs: dict[str, Any] = {"request": document}
        if asked.outcomes:
            inputs["previous_reply"] = (asked.outcomes[-1].reply or "")[:LONGEST_REPLY]
            inputs["error"] = asked.problem()
        if asked.request.picture is not None:
            inputs[PICTURE] = shown(asked.request.picture)
        outcome = call(
            self._program,
            self._lm,
            inputs,
            spec=self._spec,
            policy=self._policy,
            seed=self._seed + asked.request.seed,
            time_left=self._time_left,
            first_sight=PICTURE in inputs and not self._has_seen,
        )
        self._has_seen = self._has_seen or (PICTURE in inputs and outcome.answered)
        return outcome

    def _proposals(self, asked: Asked) -> Proposals:
        outcomes = asked.outcomes
        return Proposals(
            edits=asked.usable(),
            events=tuple(self._events(asked)),
            answered=any(outcome.answered for outcome in outcomes),
            llm_calls=sum(outcome.calls for outcome in outcomes),
            tokens_in=sum(outcome.used.tokens_in for outcome in outcomes),
            tokens_out=sum(outcome.used.tokens_out for outcome in outcomes),
            cost_usd=sum(outcome.used.cost_usd or 0.0 for outcome in outcomes),
            seconds=sum(outcome.seconds for outcome in outcomes),
        )

    def _events(self, asked: Asked) -> Iterator[Event]:
        iteration, parent = asked.request.iteration, asked.request.candidate_id
        for outcome in asked.outcomes:
            for retry in outcome.retries:
                message = f"call {retry.attempt} for {parent} failed: {retry.error}"
                yield Event(type="retry", iteration=iteration, message=message)
        for place in range(1, len(asked.outcomes)):
            reason = Asked(asked.request, asked.outcomes[:place]).problem()
            message = f"asked again for edits of {parent}: {reason}"
            yield Event(type="retry", iteration=iteration, message=message)
        if critique := next((o.critique for o in reversed(asked.outcomes) if o.critique), ""):
            message = f"of {parent}: {clean(redact(critique), MAX_CRITIQUE)}"
            yield Event(type="critique", iteration=iteration, message=message)
        if problem := asked.problem():
            message = f"no edits of {parent}: {problem}"
            yield Event(type="proposal_failed", iteration=iteration, message=message)
        if not self._warned and any(outcome.used.cost_usd is None for outcome in asked.outcomes):
            self._warned = True
            message = (
                f"the price of {self._spec!r} is not known: its cost counts as nothing, and "
                f"--max-cost can't stop it"
            )
            yield Event(type="warning", iteration=iteration, message=message)
