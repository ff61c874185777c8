"""DSPy's optimisers at work on the instructions of the proposer.

    student = Proposing(EditProgram())
    better = optimise(student, Task(...), Budget(auto="light"), optimizer="gepa", lm=lm)
    better.instructions

Only the instructions change: examples of answers would put people's prompts and tastes into the
file. The one rule that is not obvious: an answer that can't be read is no exception here but an
answer without edits, whose feedback says what was wrong, so that the optimiser learns from it.
"""

import importlib.util
import logging
import os
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, assert_never, cast

import dspy
from dspy.teleprompt.gepa.gepa import AUTO_RUN_SETTINGS
from dspy.utils.exceptions import AdapterParseError, ContextWindowExceededError

from agent.edits import usable_edits
from agent.errors import InputError, PrerequisiteError
from agent.lm.adapter import EitherFormatAdapter
from agent.lm.call import HISTORY, reason_of
from agent.lm.patient import PatientLM
from agent.lm.rounds import LONGEST_REPLY, document_of
from agent.program import EditProgram, instructions_of
from agent.trajectory import Edit
from agent.tuning.appraisal import Appraisal, Appraiser
from agent.tuning.situations import Situation

Optimizer = Literal["gepa", "mipro"]
Level = Literal["light", "medium", "heavy"]
MINIBATCH = 3
"""Answers that GEPA reflects on at a time."""
MOST_CANDIDATES = 18
"""Instructions that MIPRO proposes, as in DSPy's own heaviest level."""


@dataclass(frozen=True)
class Budget:
    """How long to look: one of the two is set."""

    auto: Level | None = None
    """DSPy's own levels."""
    max_calls: int | None = None
    """About how many answers are judged."""


class Proposing(dspy.Module):
    """Asks for edits once; `problem` says why there are none where the answer can't be read."""

    def __init__(self, program: EditProgram) -> None:
        super().__init__()
        self.propose = program.propose

    @property
    def instructions(self) -> str:
        """As they are now."""
        return instructions_of(self.propose)

    def forward(self, request: str) -> dspy.Prediction:
        """A prediction with `edits`, a list of drafts."""
        try:
            return self.propose(request=request)
        except AdapterParseError as error:
            return self._nothing(request, error.lm_response or "", reason_of(error))
        except ContextWindowExceededError:
            return self._nothing(request, "", "the instructions are too long for the model")

    def _nothing(self, request: str, reply: str, problem: str) -> dspy.Prediction:
        if dspy.settings.trace is not None:  # what optimisers read of a call that went well
            said = dspy.Prediction(edits=reply[:LONGEST_REPLY])
            dspy.settings.trace.append((self.propose, {"request": request}, said))
        return dspy.Prediction(edits=[], problem=problem)


class Judging:
    """From what DSPy knows of an answer to what it is worth.

    Args:
        situations: What may be asked.
        appraiser: Judges the answers.
    """

    def __init__(self, situations: Sequence[Situation], appraiser: Appraiser) -> None:
        self._situations = {document_of(one.request): one for one in situations}
        self._appraiser = appraiser
        self.problem: Exception | None = None
        """What went wrong with judging itself: DSPy would count it as a bad answer."""

    def appraisal(
        self, example: dspy.Example, prediction: Any, *, again: bool = False
    ) -> Appraisal:
        """The worth of an answer, which may have been asked for before."""
        situation = self._situations[example.request]
        drafts = [Edit(**draft.model_dump()) for draft in prediction.edits]
        edits = usable_edits(drafts, situation.request)
        try:
            return self._appraiser(
                situation, edits, str(prediction.get("problem", "")), again=again
            )
        except Exception as error:
            self.problem = self.problem or error
            raise

    def gain(self, example: dspy.Example, prediction: Any, trace: object = None) -> float:
        """The metric that MIPRO takes."""
        del trace
        return self.appraisal(example, prediction).gain

    def explained(
        self,
        gold: dspy.Example,
        pred: Any,
        trace: object = None,
        pred_name: str | None = None,
        pred_trace: object = None,
    ) -> dspy.Prediction:
        """The metric that GEPA takes."""
        del trace, pred_trace
        found = self.appraisal(gold, pred, again=pred_name is not None)  # named: for the words
        return dspy.Prediction(score=found.gain, feedback=found.feedback)


@dataclass(frozen=True)
class Task:
    """What an optimiser works on."""

    train: Sequence[Situation]
    """To learn from."""
    validation: Sequence[Situation]
    """To choose by."""
    judging: Judging
    lm: PatientLM
    reflection: PatientLM
    """What rewrites the instructions."""
    threads: int
    seed: int


def examples_of(situations: Sequence[Situation]) -> list[dspy.Example]:
    """What DSPy calls examples: here requests alone, as no answer is the right one."""
    return [
        dspy.Example(request=document_of(one.request)).with_inputs("request") for one in situations
    ]


def optimise(student: Proposing, task: Task, budget: Budget, optimizer: Optimizer) -> Proposing:
    """The student with the instructions that did best.

    Raises:
        InputError: the budget is too small.
        PrerequisiteError: what the optimiser needs is not installed.
    """
    check_budget(optimizer, budget, len(task.validation))
    match optimizer:
        case "gepa":
            run = _gepa(task, budget)
        case "mipro":
            run = _mipro(task, budget)
        case _:
            assert_never(optimizer)
    with asking(task.lm), silenced():
        return run(student)


def check_budget(optimizer: Optimizer, budget: Budget, validation: int) -> None:
    """Makes sure that something can come of it.

    Raises:
        InputError: the budget is too small.
        PrerequisiteError: what the optimiser needs is not installed.
    """
    if optimizer == "mipro" and importlib.util.find_spec("optuna") is None:
        raise PrerequisiteError("--optimizer mipro needs optuna: pip install 'pamela-agent[mipro]'")
    least = 3 * validation if optimizer == "mipro" else 2 * validation + 2 * MINIBATCH
    if budget.max_calls is not None and budget.max_calls < least:
        raise InputError(
            f"--max-calls {budget.max_calls} is too few for {validation} situations to choose by: "
            f"give {least} or more, or fewer prompts"
        )


def expected_calls(optimizer: Optimizer, budget: Budget, validation: int) -> int | None:
    """About how many answers will be judged; None where DSPy doesn't say."""
    if budget.max_calls is not None or optimizer == "mipro":
        return budget.max_calls
    candidates = AUTO_RUN_SETTINGS[budget.auto or "light"]["n"]
    return int(cast(Any, dspy.GEPA).auto_budget(None, 1, candidates, validation))


def _gepa(task: Task, budget: Budget) -> Callable[[Proposing], Proposing]:
    def stop(_: object) -> bool:
        return broken(task)

    made: Any = dspy.GEPA(
        metric=task.judging.explained,
        auto=budget.auto,
        max_metric_calls=budget.max_calls,
        reflection_minibatch_size=MINIBATCH,
        reflection_lm=task.reflection,
        skip_perfect_score=False,  # a gain has no best value
        num_threads=task.threads,
        warn_on_score_mismatch=False,
        seed=task.seed,
        gepa_kwargs={"stop_callbacks": [stop]},
    )
    return lambda student: made.compile(
        student, trainset=examples_of(task.train), valset=examples_of(task.validation)
    )


def _mipro(task: Task, budget: Budget) -> Callable[[Proposing], Proposing]:
    trials = candidates = None
    if budget.max_calls is not None:  # the first round is for the instructions as they are
        trials = budget.max_calls // len(task.validation) - 1
        candidates = max(2, min(MOST_CANDIDATES, round(trials / 1.5)))
    made = dspy.MIPROv2(
        metric=task.judging.gain,
        prompt_model=task.reflection,
        task_model=task.lm,
        max_bootstrapped_demos=0,
        max_labeled_demos=0,
        auto=budget.auto,
        num_candidates=candidates,
        num_threads=task.threads,
        seed=task.seed + 1,  # it takes 0 for none
        track_stats=False,
    )
    return lambda student: made.compile(
        student,
        trainset=examples_of(task.train),
        valset=examples_of(task.validation),
        num_trials=trials,
        minibatch=False,
    )


def broken(task: Task) -> bool:
    """Whether nothing that comes now can count."""
    tallies = (task.lm.tally, task.reflection.tally)
    return task.judging.problem is not None or any(tally.problem for tally in tallies)


@contextmanager
def asking(lm: dspy.LM) -> Generator[None]:
    """Programs ask this language model, as they do in a run."""
    with dspy.context(lm=lm, adapter=EitherFormatAdapter(), max_history_size=HISTORY):
        yield


@contextmanager
def silenced() -> Generator[None]:
    """What DSPy and its helpers print, warn and log goes nowhere: it quotes answers as they are."""
    loggers: Mapping[str, int] = {name: logging.getLogger(name).level for name in ("dspy", "gepa")}
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            for name in loggers:
                logging.getLogger(name).setLevel(logging.CRITICAL + 1)
            yield
        finally:
            for name, level in loggers.items():
                logging.getLogger(name).setLevel(level)
