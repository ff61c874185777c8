"""A taste card: what of all that was tried this person likes, by axis and value, over many runs.

    card = make_card([load_run("runs/one"), load_run("runs/two")])
    card.effects[0]        # lighting "moonlight" +0.31 [0.18, 0.44], tried 9 times

A run is a designed experiment. The model is that of the catalogue (`agent.lm.taste`): a score is a
constant of its run plus the worth of every value that its prompt carries. The worths are random
effects around 0 (Robinson 1991, "That BLUP is a good thing"), so a value that was tried once is
believed less than one that was tried often. Their variance and that of the noise are averaged over
all that the scores allow, because few prompts with as many values leave nothing to estimate noise
from. The one rule that is not obvious: scores are used rather than gains, because a parent was
chosen for its score, luck included, and all its children would look worse for it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.cards import CardEffect, TasteCard
from agent.errors import InputError
from agent.gain import paired_differences
from agent.lm.taste import NOISE
from agent.look.effects import FREE, Worth, named_in, new_values
from agent.look.family import Family, is_measured
from agent.trajectory import Trajectory

Array = NDArray[np.float64]

RATIOS = np.geomspace(0.1, 50.0, 25)
"""Variance of the worths in that of the noise; beforehand one is as likely as another."""
KNOWN = 4.0
"""How many prompts' worth is known of the noise beforehand: a scaled inverse chi-square."""
SHARE = 0.5
"""Of the scores' variance, what is taken for noise beforehand where nothing was drawn twice."""
MISFIT = NOISE**2
"""Of the scores' variance, what worths that add up can't explain, beside what seeds do."""


@dataclass(frozen=True)
class Design:
    """All scored prompts of the runs."""

    worths: tuple[Worth, ...]
    carried: Array
    """1 where a prompt carries a value, (prompt, value)."""
    scores: Array
    """Less the mean of their run, (prompt,)."""
    tried: Mapping[Worth, int]
    noise: float | None
    """Variance from seed to seed, where it is known."""
    free: int
    """Scores less the constants of the runs; at least 1."""


def make_card(runs: Sequence[Trajectory]) -> TasteCard:
    """The card of one person's runs.

    Raises:
        InputError: there is no run, or they are of several people or scorers.
    """
    if not runs:
        raise InputError("a card needs a run: name at least one")
    for what, values in (
        ("people", {run.user_id for run in runs}),
        ("scorers", {run.config.scorer for run in runs}),
    ):
        if len(values) > 1:
            names = ", ".join(repr(value) for value in sorted(values))
            raise InputError(f"the runs are of several {what} ({names}): name those of one only")
    design = _design({run.id: run for run in runs}.values())
    effects = _effects(design)
    return TasteCard(
        user_id=runs[0].user_id,
        scorer=runs[0].config.scorer,
        runs=tuple(dict.fromkeys(run.id for run in runs)),
        prompts=len(design.scores),
        spread=float(design.scores.std()) if len(design.scores) else 0.0,
        effects=tuple(sorted(effects, key=lambda e: (-e.effect, e.axis, e.name))),
    )


def _design(runs: Collection[Trajectory]) -> Design:
    rows: list[frozenset[Worth]] = []
    scores: list[float] = []
    blocks: list[int] = []
    tried: dict[Worth, int] = {}
    for number, run in enumerate(runs):
        family = Family(run)
        carried = _carried(family)
        scored = [(c, c.score) for c in run.candidates if is_measured(c.score)]
        for candidate, score in scored:
            row = carried.get(candidate.id, frozenset())
            rows.append(row)
            scores.append(score)
            blocks.append(number)
            parent = family.parent(candidate)
            new = new_values(candidate, parent) if parent is not None else row
            for worth in new:
                tried[worth] = tried.get(worth, 0) + 1
    worths = tuple(sorted(tried))
    column = {worth: number for number, worth in enumerate(worths)}
    matrix = np.zeros((len(rows), len(worths)))
    for number, row in enumerate(rows):
        matrix[number, [column[worth] for worth in row if worth in column]] = 1.0
    return Design(
        worths,
        _centred(matrix, blocks),
        _centred(np.array(scores, dtype=np.float64), blocks),
        tried,
        _noise(runs),
        max(len(scores) - len(set(blocks)), 1),
    )


def _centred(values: Array, blocks: Sequence[int]) -> Array:
    """Less the mean of its run: that takes the constants of the runs out of the model."""
    result = values.copy()
    numbers = np.array(blocks)
    for block in set(blocks):
        result[numbers == block] -= result[numbers == block].mean(axis=0)
    return result


def _carried(family: Family) -> dict[str, frozenset[Worth]]:
    """What each prompt says beyond the user's own words; on an axis the last value holds."""
    words = family.run.config.words_of(family.run.prompt)
    carried: dict[str, frozenset[Worth]] = {}
    for _, candidate in family.depth_first():
        parent = family.parent(candidate)
        if parent is None:
            own = {worth.axis for worth in named_in(words)}
            said = named_in(candidate.prompt)
            carried[candidate.id] = frozenset(worth for worth in said if worth.axis not in own)
            continue
        new = new_values(candidate, parent)
        replaced = {worth.axis for worth in new} - {FREE}
        before = carried.get(parent.id, frozenset())
        stayed = {worth for worth in before if worth.axis not in replaced}
        carried[candidate.id] = frozenset({*stayed, *new})
    return carried


def _noise(runs: Iterable[Trajectory]) -> float | None:
    """Variance of a prompt's score from seed to seed, in what a search takes the mean of.

    From the held-out pictures: what a seed does to both prompts alike is in the constant of a run,
    so only how far their differences scatter counts. None where no run has two pairs.
    """
    squares, free = 0.0, 0
    for run in runs:
        if run.initial is None or run.best is None or run.best.id == run.initial.id:
            continue
        pairs = np.array(paired_differences(run.initial.id, run.best.id, run.heldout))
        if len(pairs) > 1 and np.isfinite(pairs).all():
            squares += float(((pairs - pairs.mean()) ** 2).sum()) / 2 / run.config.seeds
            free += len(pairs) - 1
    return squares / free if free else None


def _effects(design: Design) -> list[CardEffect]:
    if not design.worths or len(design.scores) < 3:
        return []
    mean, half = _posterior(design)
    return [
        CardEffect(
            axis=worth.axis,
            name=worth.name,
            effect=float(mean[column]),
            low=float(mean[column] - half[column]),
            high=float(mean[column] + half[column]),
            tried=design.tried[worth],
        )
        for column, worth in enumerate(design.worths)
    ]


def _posterior(design: Design) -> tuple[Array, Array]:
    """Mean of each worth, and half its 95 % interval.

    Given the ratio of the variances it is a Student t in closed form (Gelman et al. 2013, section
    14.2); the ratios are averaged by how likely they make the scores.
    """
    from scipy.special import stdtrit

    left, lengths, right = np.linalg.svd(design.carried, full_matrices=False)
    seen = left.T @ design.scores
    total = float(design.scores @ design.scores)
    rest = max(total - float(seen @ seen), 0.0)
    spread = total / design.free
    noise = SHARE * spread if design.noise is None else design.noise + MISFIT * spread
    free = KNOWN + design.free

    grown = 1 + RATIOS[:, None] * lengths**2  # (ratio, direction)
    squares = KNOWN * noise + rest + np.sum(seen**2 / grown, axis=1)
    squares = np.maximum(squares, np.finfo(float).tiny)
    likelihood = -0.5 * (free * np.log(squares) + np.sum(np.log(grown), axis=1))
    weight = np.exp(likelihood - likelihood.max())
    weight /= weight.sum()

    means = (RATIOS[:, None] * lengths / grown * seen) @ right  # (ratio, value)
    shrunk = (1 - 1 / grown) @ right**2
    scales = (squares / free * RATIOS)[:, None] * np.maximum(1 - shrunk, 0.0)
    mean = weight @ means
    scale = np.sqrt(weight @ (scales + (means - mean) ** 2))
    return mean, float(stdtrit(free, 0.975)) * scale
