"""A language model for programs that are not ours: it retries, counts, and remembers what broke.

    lm = make_lm("openai/gpt-5-mini", cache=True, kind=PatientLM)
    with dspy.context(lm=lm):
        optimizer.compile(program, trainset=trainset)
    lm.tally.cost_usd, lm.tally.problem

DSPy's optimisers call a language model as they like, and count a call that failed as an answer of
no worth. The one rule that is not obvious: so once a failure stays, every further call fails at
once, and whoever started the optimiser looks at `tally.problem` before it uses what came out.
"""

import threading
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import dspy
from dspy.utils.exceptions import ContextWindowExceededError, LMError

from agent.lm.call import Used, is_transient, used_in
from agent.retry import RetryPolicy, retrying


class TooDearError(LMError):
    """What may be spent is spent."""


class Purse:
    """Money that several language models spend together.

    Args:
        most: US dollars; calls that are under way when they are gone are still paid.
    """

    def __init__(self, most: float) -> None:
        self.most = most
        self._left = most
        self._lock = threading.Lock()

    def pay(self, cost: float) -> None:
        """Takes out what a call has cost."""
        with self._lock:
            self._left -= cost

    @property
    def empty(self) -> bool:
        """Whether no further call may be made."""
        return self._left <= 0


@dataclass
class Tally:
    """What all copies of a language model have used together."""

    calls: int = 0
    retries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    """Calls whose price is not known; the cost leaves them out."""
    too_long: int = 0
    """Questions that the model can't take in."""
    purse: "Purse | None" = None
    """Where the money comes from, if it is counted."""
    problem: LMError | None = None
    """The failure that stayed."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, used: Used) -> None:
        """Counts a call."""
        with self._lock:
            self.calls += 1
            self.tokens_in += used.tokens_in
            self.tokens_out += used.tokens_out
            self.cost_usd += used.cost_usd or 0.0
            self.unpriced += used.cost_usd is None
        if self.purse is not None:
            self.purse.pay(used.cost_usd or 0.0)

    def retried(self, _: object) -> None:
        """Counts a call that is made again."""
        with self._lock:
            self.retries += 1

    def refused(self) -> None:
        """Counts a question that the model can't take in."""
        with self._lock:
            self.too_long += 1


class PatientLM(dspy.LM):
    """A `dspy.LM` whose calls are repeated by our policy; DSPy's own retries stay off."""

    def __init__(self, *args: Any, policy: RetryPolicy | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.policy = policy or RetryPolicy()
        self.tally = Tally()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As `dspy.LM`."""
        purse = self.tally.purse
        if purse is not None and purse.empty and self.tally.problem is None:
            self.tally.problem = TooDearError(f"{purse.most:g} US dollars are spent")
        if self.tally.problem is not None:
            raise self.tally.problem
        try:
            return retrying(
                partial(super().__call__, *args, **kwargs),
                transient=is_transient,
                on_retry=self.tally.retried,
                policy=self.policy,
            )
        except ContextWindowExceededError:  # says something of this question alone
            self.tally.refused()
            raise
        except LMError as error:
            self.tally.problem = error
            raise

    def update_history(self, entry: Any) -> None:
        """DSPy tells what a call was; several threads may at the same time."""
        self.tally.add(used_in([entry]))
        super().update_history(entry)
