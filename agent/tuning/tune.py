"""A whole compilation: from prompts and people to a file with better instructions.

    tuning = tune(Wish(optimizer="gepa", prompts=prompts, people=people, ...), told=print)
    tuning.before, tuning.after        # held-out gain on prompts that nothing was tuned on

The prompts are dealt out in three: to learn from, to choose by, and to say honestly what came of
it. The one rule that is not obvious: nothing is written before all of that is done, and an
optimiser that worked on while the language model had failed has found nothing, whatever it says.
"""

import random
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import dspy
from dspy.utils.saving import get_dependency_versions

from agent.builders import build_models
from agent.clock import Clock
from agent.compiled import check_out, write_compiled
from agent.config import RunConfig
from agent.errors import InputError, PamelaError, RunError
from agent.lm import CatalogueSpec, HostedSpec, make_lm, parse_lm_spec
from agent.lm.patient import PatientLM, Purse, TooDearError
from agent.lm.problems import fatal
from agent.lm.spec import split_address
from agent.program import AT_ONCE, EditProgram, make_proposer
from agent.retry import one_line
from agent.secrets import redact
from agent.standings import Figure, Key, over_prompts
from agent.threads import concurrently
from agent.trajectory import SCHEMA_VERSION
from agent.tuning.appraisal import Appraisal, Appraiser
from agent.tuning.optimisers import (
    Budget,
    Judging,
    Optimizer,
    Proposing,
    Task,
    asking,
    check_budget,
    examples_of,
    expected_calls,
    optimise,
)
from agent.tuning.situations import Bench, Situation, make_situations
from scorer.profile import UserProfile

PARTS = 3
"""To learn from, to choose by, to measure with."""


@dataclass(frozen=True)
class Wish:
    """What was asked for."""

    optimizer: Optimizer
    prompts: Sequence[str]
    people: Sequence[UserProfile]
    config: RunConfig
    """Of the runs that the instructions are for."""
    budget: Budget
    out: Path
    reflection: str | None = None
    """The language model that rewrites the instructions; None is the one that follows them."""
    overwrite: bool = False
    """Whether `out` may be there already."""


@dataclass(frozen=True)
class Dealt:
    """The prompts, each in one part."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True)
class Spent:
    """What a compilation used."""

    llm_calls: int
    tokens_in: int
    tokens_out: int
    cost_usd: float
    unpriced_calls: int
    too_long: int
    """Questions that the language model could not take in."""
    pictures: int


@dataclass(frozen=True)
class Tuning:
    """What came of it; gains are on held-out seeds, for the prompts that were set apart."""

    out: Path
    optimizer: Optimizer
    llm: str
    instructions: str
    changed: bool
    """Whether they are others than the built-in ones."""
    dealt: Dealt
    before: Figure
    after: Figure
    difference: Figure
    judged: int
    """Answers."""
    spent: Spent

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        body = asdict(self)
        dealt = {name: len(own) for name, own in body.pop("dealt").items()}
        return {"schema_version": SCHEMA_VERSION, **body, "out": str(self.out), "prompts": dealt}


@dataclass(frozen=True)
class Progress:
    """How far a compilation has come."""

    judged: int
    """Answers."""
    about: int | None
    """How many it will be; None where DSPy doesn't say."""
    mean: float
    """Of their gains."""


class Counting:
    """Makes progress of what is told.

    Args:
        told: Hears of it.
        about: How many answers are expected.
    """

    def __init__(self, told: Callable[[Progress], None], about: int | None) -> None:
        self.count = 0
        self._gain = 0.0
        self._told = told
        self._about = about

    def __call__(self, appraisal: Appraisal) -> None:
        self.count += 1
        self._gain += appraisal.gain
        self._told(Progress(self.count, self._about, self._gain / self.count))


def deal(prompts: Sequence[str], seed: int) -> Dealt:
    """Deals the prompts out in three.

    Raises:
        InputError: there are too few.
    """
    if len(prompts) < PARTS:
        raise InputError(
            f"--trainset holds {len(prompts)} prompt{'s' if len(prompts) != 1 else ''}: give "
            f"{PARTS} or more (to learn from, to choose by, to measure with)"
        )
    mixed = list(prompts)
    random.Random(seed).shuffle(mixed)
    third = len(mixed) // PARTS
    return Dealt(tuple(mixed[2 * third :]), tuple(mixed[:third]), tuple(mixed[third : 2 * third]))


def tune(wish: Wish, told: Callable[[Progress], None] = lambda _: None) -> Tuning:
    """Tunes the instructions and writes them to a file.

    Args:
        wish: What was asked for.
        told: Hears of every answer that was judged.

    Raises:
        InputError: something of it can't be used.
        RunError: the language model failed, or a prompt could not be drawn.
    """
    dealt = deal(wish.prompts, wish.config.seed)
    if not wish.config.heldout_seeds:
        raise InputError("--heldout-seeds 0 leaves no gain to tune for: give 1 or more")
    check_budget(wish.optimizer, wish.budget, 2 * len(dealt.validation) * len(wish.people))
    lm, reflection = _language_models(wish)
    if wish.config.max_cost is not None:
        lm.tally.purse = reflection.tally.purse = Purse(wish.config.max_cost)
    check_out(wish.out, overwrite=wish.overwrite)
    models = build_models(wish.config, Clock())
    bench = Bench(models.renderer, models.scorer, wish.config)
    catalogue = make_proposer("catalogue")
    train, validation, test = (
        make_situations(part, wish.people, bench, catalogue)
        for part in (dealt.train, dealt.validation, dealt.test)
    )
    looking = expected_calls(wish.optimizer, wish.budget, len(validation))
    counting = Counting(told, looking and looking + 2 * len(test))
    judging = Judging((*train, *validation, *test), Appraiser(bench, counting))
    task = Task(train, validation, judging, lm, reflection, _threads(wish.config), wish.config.seed)
    student = Proposing(EditProgram())
    with _clearly(task, wish):
        before = _gains(student, test, task)
        better = optimise(student, task, wish.budget, wish.optimizer)
        after = _gains(better, test, task)
    instructions = redact(better.instructions)
    tuning = Tuning(
        out=wish.out,
        optimizer=wish.optimizer,
        llm=wish.config.llm,
        instructions=instructions,
        changed=instructions != EditProgram().instructions,
        dealt=dealt,
        **_measured(before, after),
        judged=counting.count,
        spent=_spent(lm, reflection, bench),
    )
    write_compiled(wish.out, _state(tuning, wish), overwrite=wish.overwrite)
    return tuning


def _threads(config: RunConfig) -> int:
    return AT_ONCE if isinstance(parse_lm_spec(config.llm), HostedSpec) else 1


def _language_models(wish: Wish) -> tuple[PatientLM, PatientLM]:
    """The one that follows the instructions, and the one that rewrites them."""
    config = wish.config
    if isinstance(parse_lm_spec(config.llm), CatalogueSpec):
        raise InputError(
            f"--llm {config.llm!r} follows no instructions: name a language model, as in "
            f"--llm openai/gpt-5-mini"
        )
    lm = _patient(config.llm, config.llm_base_url, config)
    if wish.reflection is None:
        return lm, lm
    spec, address = split_address(wish.reflection)
    if isinstance(parse_lm_spec(spec), CatalogueSpec):
        raise InputError(f"--reflection-llm {spec!r} writes no instructions: name a language model")
    return lm, _patient(spec, address, config)


def _patient(spec: str, address: str | None, config: RunConfig) -> PatientLM:
    made = make_lm(
        spec, base_url=address, device=config.device, cache=config.llm_cache, kind=PatientLM
    )
    assert isinstance(made, PatientLM)  # noqa: S101  it was asked for
    return made


def _gains(student: Proposing, situations: Sequence[Situation], task: Task) -> dict[Key, float]:
    """What the student's answers are worth, by prompt and person."""

    def judge(example: dspy.Example) -> float:
        with asking(task.lm):
            return task.judging.gain(example, student(**example.inputs()))

    calls = [partial(judge, example) for example in examples_of(situations)]
    worth = concurrently(calls, at_once=task.threads)
    found: dict[Key, list[float]] = {}
    for situation, gain in zip(situations, worth, strict=True):
        key = (situation.request.user_prompt, situation.user.user_id)
        found.setdefault(key, []).append(gain)
    return {key: fmean(gains) for key, gains in found.items()}


@contextmanager
def _clearly(task: Task, wish: Wish) -> Generator[None]:
    """What DSPy makes of a failure, as what it was."""
    error: Exception | None = None
    try:
        yield
    except PamelaError:
        raise
    except Exception as raised:  # noqa: BLE001 - whatever it is, it is told in one line
        error = raised
    if task.judging.problem is not None:
        error = task.judging.problem
    llms = ((task.lm, wish.config.llm), (task.reflection, wish.reflection or wish.config.llm))
    for lm, given in llms:
        if isinstance(lm.tally.problem, TooDearError):
            raise RunError(
                f"--max-cost {wish.config.max_cost:g} US dollars reached, nothing is written: give "
                f"more and start again; answers that are kept are not paid twice"
            )
        if lm.tally.problem is not None:
            spec, _ = split_address(given)
            raise fatal(lm.tally.problem, spec) or RunError(
                f"the language model {spec!r} gave no answer ({one_line(lm.tally.problem)}): check "
                f"that it can be reached and start again; answers that are kept are not paid twice"
            )
    if isinstance(error, PamelaError):
        raise error
    if error is not None:
        raise RunError(f"the optimiser {wish.optimizer!r} failed: {one_line(error)}")


def _measured(before: Mapping[Key, float], after: Mapping[Key, float]) -> dict[str, Figure]:
    """Both and their difference, over prompts."""
    found = {
        "before": over_prompts(before),
        "after": over_prompts(after),
        "difference": over_prompts({key: gain - before[key] for key, gain in after.items()}),
    }
    return {name: figure for name, figure in found.items() if figure is not None}


def _spent(lm: PatientLM, reflection: PatientLM, bench: Bench) -> Spent:
    tallies = {id(one.tally): one.tally for one in (lm, reflection)}.values()
    return Spent(
        llm_calls=sum(tally.calls + tally.retries for tally in tallies),
        tokens_in=sum(tally.tokens_in for tally in tallies),
        tokens_out=sum(tally.tokens_out for tally in tallies),
        cost_usd=sum(tally.cost_usd for tally in tallies),
        unpriced_calls=sum(tally.unpriced for tally in tallies),
        too_long=sum(tally.too_long for tally in tallies),
        pictures=bench.pictures,
    )


def _state(tuning: Tuning, wish: Wish) -> dict[str, Any]:
    """The program as DSPy saves it, with where it comes from among what DSPy passes over."""
    program = EditProgram()
    program.instruct(tuning.instructions)
    about = {
        "optimizer": tuning.optimizer,
        "llm": tuning.llm,
        "reflection_llm": None if wish.reflection is None else split_address(wish.reflection)[0],
        "seed": wish.config.seed,
        "renderer": wish.config.renderer,
        "scorer": wish.config.scorer,
        "people": len(wish.people),
        "prompts": tuning.document()["prompts"],
        "heldout_gain": {
            name: asdict(figure)
            for name, figure in (
                ("before", tuning.before),
                ("after", tuning.after),
                ("difference", tuning.difference),
            )
        },
        "judged": tuning.judged,
    }
    metadata = {"dependency_versions": get_dependency_versions(), "pamela_agent": about}
    return {**program.dump_state(), "metadata": metadata}
