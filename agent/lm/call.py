"""One question to a language model, with everything that may go wrong with it as data.

    outcome = call(program, lm, {"request": document}, spec="openai/gpt-4o-mini", policy=policy)
    outcome.drafts or outcome.problem

What a call used is read from the history of a copy of the LM that serves this call alone, because
several calls run at once. The one rule that is not obvious: only errors that end the run are
raised; an answer that can't be read, or a server that stays broken, is an outcome with a problem.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError, LMError, is_retryable_lm_error

from agent.lm.adapter import EitherFormatAdapter
from agent.lm.problems import fatal
from agent.lm.sight import CRITIQUE, PICTURE, Critique, forget
from agent.retry import Retry, RetryPolicy, one_line, retrying

KEPT = "kept_usage"
"""Where the history says which tokens an answer took that came from the cache."""
HISTORY = 4
"""Calls that DSPy remembers of each object; ours make one."""


@dataclass(frozen=True)
class Used:
    """What a question cost."""

    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float | None = 0.0
    """None if the price is not known."""


@dataclass(frozen=True)
class Outcome:
    """What came of one question."""

    drafts: tuple[Any, ...] = ()
    """The edits as the program's signature types them."""
    critique: str = ""
    """What a model that sees said of the picture."""
    problem: str = ""
    """Why there are none: one line; empty if all went well."""
    reply: str | None = None
    """The answer that could not be read; None if there was no answer."""
    retries: tuple[Retry, ...] = ()
    used: Used = Used()
    seconds: float = 0.0
    asked: bool = True
    """Whether anything was sent."""

    @property
    def answered(self) -> bool:
        """Whether an answer came, readable or not."""
        return not self.problem or self.reply is not None

    @property
    def calls(self) -> int:
        """Requests that were made, failed ones and those that the cache answered included."""
        return int(self.asked) + len(self.retries)


def call(  # noqa: PLR0913 - one argument for each thing that a call depends on
    program: dspy.Module,
    lm: dspy.LM,
    inputs: dict[str, Any],
    *,
    spec: str,
    policy: RetryPolicy,
    seed: int = 0,
    time_left: Callable[[], float | None] | None = None,
    first_sight: bool = False,
) -> Outcome:
    """Asks once, and again while the failure is one that passes.

    Args:
        program: Gives `edits` for the inputs.
        lm: The language model; answers that it keeps are told apart by the seed.
        inputs: By field of the signature.
        spec: What the language model was made of, for messages.
        policy: How failed calls are repeated.
        seed: Of the waits between them.
        time_left: Seconds that are left for that, or None: no limit.
        first_sight: Whether it is not known yet that the model takes pictures.

    Raises:
        PamelaError: the key, the name or the set-up is wrong, or the model sees no pictures.
    """
    started = time.perf_counter()
    own = lm.copy(rollout_id=seed) if lm.cache else lm.copy()
    retries: list[Retry] = []
    answer, problem, reply, end = dspy.Prediction(edits=[]), "", None, None
    try:
        answer = retrying(
            partial(_answer, program, own, inputs),
            transient=is_transient,
            on_retry=retries.append,
            policy=policy,
            seed=seed,
            time_left=time_left,
        )
    except AdapterParseError as error:
        problem, reply = reason_of(error), error.lm_response
    except LMError as error:
        problem, end = one_line(error), fatal(error, spec, first_sight=first_sight)
    said = _said(answer, own)
    if PICTURE in inputs:
        forget(own)
    if end is not None:  # raised out here, so that it doesn't carry an error that quotes the key
        raise end
    took = time.perf_counter() - started
    return replace(said, problem=problem, reply=reply, retries=tuple(retries), seconds=took)


def _answer(program: dspy.Module, lm: dspy.LM, inputs: dict[str, Any]) -> dspy.Prediction:
    own_trace = {"trace": []} if PICTURE in inputs else {}  # the one of the process keeps inputs
    with dspy.context(lm=lm, adapter=EitherFormatAdapter(), max_history_size=HISTORY, **own_trace):
        return program(**inputs)


def _said(answer: dspy.Prediction, lm: dspy.LM) -> Outcome:
    critique = answer.get(CRITIQUE)
    return Outcome(
        drafts=tuple(answer.edits),
        critique=critique.said() if isinstance(critique, Critique) else "",
        used=used_in(lm.history),
    )


def is_transient(error: BaseException) -> bool:
    """Whether another call may mend it."""
    return isinstance(error, Exception) and is_retryable_lm_error(error)


def reason_of(error: AdapterParseError) -> str:
    """Why an answer could not be read, without the answer itself."""
    said = str(error).split("\n\n", 1)[0]
    if said.startswith("Adapter"):
        signature: Any = error.signature
        found = ", ".join(error.parsed_result or ()) or "none"
        wanted = ", ".join(signature.output_fields)
        return f"the answer lacks the field {wanted} (found: {found})"
    return one_line(ValueError(said)).removeprefix("ValueError: ")


def used_in(history: Sequence[Mapping[str, Any]]) -> Used:
    """What the calls of a history cost."""
    usages = [entry.get("cost_details", {}).get(KEPT) or entry["usage"] for entry in history]
    costs = [entry["cost"] for entry in history]
    return Used(
        tokens_in=sum(usage.get("prompt_tokens") or 0 for usage in usages),
        tokens_out=sum(usage.get("completion_tokens") or 0 for usage in usages),
        cost_usd=None if None in costs else float(sum(costs)),
    )
