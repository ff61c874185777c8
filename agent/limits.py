"""What a run may spend, and when it has to stop: pictures, money, time.

    budget = plan_budget(config)
    reason = limit_reached(config, budget, spent, pictures=8)      # None: go on

The one rule that is not obvious: the held-out comparison at the end belongs to the run, so its
pictures are set aside within `max_renders` and its time within `time_limit`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from agent.config import RunConfig
from agent.errors import InputError
from agent.trajectory import Candidate


@dataclass(frozen=True)
class Budget:
    """How the pictures that a run may draw are shared out."""

    search: int | None
    """For the candidates; None is no limit."""
    heldout_seeds: int
    """Each takes two pictures at the end."""
    notice: str | None = None
    """What was cut to fit, in words."""


@dataclass(frozen=True)
class Spent:
    """What the search has used so far."""

    renders: int
    """Pictures asked for; those of failed candidates count too."""
    cost: float
    """US dollars."""
    dearest: float
    """The dearest iteration so far, in US dollars."""
    elapsed: float
    """Seconds since the run began."""
    seconds_per_picture: float


def plan_budget(config: RunConfig) -> Budget:
    """Shares out `max_renders`.

    Fewer held-out seeds than asked for are planned where the search could not try even one
    edit otherwise.

    Raises:
        InputError: `max_renders` does not cover the pictures of the user's own prompt.
    """
    if config.max_renders is None:
        return Budget(search=None, heldout_seeds=config.heldout_seeds)
    if config.max_renders < config.seeds:
        raise InputError(
            f"--max-renders {config.max_renders} does not cover the {config.seeds} pictures of "
            f"the first prompt: raise it, or lower --seeds"
        )
    fitting = max(0, (config.max_renders - 2 * config.seeds) // 2)
    heldout = min(config.heldout_seeds, fitting)
    notice = None
    if heldout < config.heldout_seeds:
        notice = (
            f"max_renders {config.max_renders} leaves room for {heldout} held-out seeds instead "
            f"of {config.heldout_seeds}"
        )
    return Budget(config.max_renders - 2 * heldout, heldout, notice)


def room_for(budget: Budget, spent: Spent, *, seeds: int, wanted: int) -> int:
    """How many of `wanted` candidates may still be drawn."""
    if budget.search is None:
        return wanted
    return max(0, min(wanted, (budget.search - spent.renders) // seeds))


def renders_message(config: RunConfig, budget: Budget) -> str:
    """Says that no further picture may be drawn."""
    return (
        f"max_renders {config.max_renders} reached: {2 * budget.heldout_seeds} pictures of it "
        f"are set aside for the held-out comparison"
    )


def out_of_time(config: RunConfig, budget: Budget, spent: Spent, *, pictures: int) -> str | None:
    """Why `pictures` more of them can't be drawn within the time limit, or None."""
    if config.time_limit is None:
        return None
    ahead = (pictures + 2 * budget.heldout_seeds) * spent.seconds_per_picture
    if spent.elapsed + ahead < config.time_limit:
        return None
    return f"time_limit {config.time_limit:g} s reached"


def last_answer(config: RunConfig, budget: Budget, spent: Spent) -> float | None:
    """When a language model is no longer waited for, in seconds of the run; None is no limit."""
    if config.time_limit is None:
        return None
    return config.time_limit - 2 * budget.heldout_seeds * spent.seconds_per_picture


def limit_reached(config: RunConfig, budget: Budget, spent: Spent, *, pictures: int) -> str | None:
    """Why no further iteration may begin, or None. `pictures` is the least that it would draw."""
    if budget.search is not None and spent.renders + pictures > budget.search:
        return renders_message(config, budget)
    if config.max_cost is not None and spent.cost + spent.dearest > config.max_cost:
        return f"max_cost {config.max_cost:g} US dollars reached"
    return out_of_time(config, budget, spent, pictures=pictures)


def seconds_per_picture(candidates: Iterable[Candidate]) -> float:
    """The pace of the edits so far; the user's own prompt is left out, it loads the models."""
    drawn = [c for c in candidates if c.images and c.parent is not None]
    pictures = sum(len(c.images) for c in drawn)
    return sum(sum(c.seconds.values()) for c in drawn) / pictures if pictures else 0.0
