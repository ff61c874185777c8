"""A taste card: what of all that was tried this person likes, by axis and value, over many runs.

    card = make_card([load_run("runs/one"), load_run("runs/two")])
    card.effects[0]        # lighting "moonlight" +0.31 [0.18, 0.44], tried 9 times

A run is a designed experiment. The model is that of the catalogue (`agent.lm.taste`): a score is a
constant of its run plus the worth of every value that its prompt carries. The worths are random
effects around 0, whose variance and that of the noise are those that make the scores most likely
(empirical Bayes; Robinson 1991, "That BLUP is a good thing"), so a value that was tried once is
believed less than one that was tried often. The one rule that is not obvious: scores are used
rather than gains, because a parent was chosen for its score, luck included, and all its children
would look worse for it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.cards import CardEffect, TasteCard
from agent.errors import InputError
from agent.look.effects import FREE, Worth, new_values
from agent.look.family import Family, is_measured
from agent.trajectory import Trajectory

Array = NDArray[np.float64]

WIDTH = 1.96
"""Standard deviations in a 95 % interval."""
RATIOS = np.geomspace(0.02, 50.0, 25)
"""Variance of the worths in that of the noise, tried one by one."""


@dataclass(frozen=True)
class Design:
    """All scored prompts of the runs."""

    worths: tuple[Worth, ...]
    carried: Array
    """1 where a prompt carries a value, (prompt, value)."""
    scores: Array
    """Less the mean of their run, (prompt,)."""
    tried: Mapping[Worth, int]


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


def _design(runs: Iterable[Trajectory]) -> Design:
    rows: list[frozenset[Worth]] = []
    scores: list[float] = []
    blocks: list[int] = []
    tried: dict[Worth, int] = {}
    for number, run in enumerate(runs):
        family = Family(run)
        carried = _carried(family)
        scored = [(c, c.score) for c in run.candidates if is_measured(c.score)]
        for candidate, score in scored:
            rows.append(carried.get(candidate.id, frozenset()))
            scores.append(score)
            blocks.append(number)
            parent = family.parent(candidate)
            for worth in new_values(candidate, parent) if parent is not None else ():
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
    )


def _centred(values: Array, blocks: Sequence[int]) -> Array:
    """Less the mean of its run: that takes the constants of the runs out of the model."""
    result = values.copy()
    numbers = np.array(blocks)
    for block in set(blocks):
        result[numbers == block] -= result[numbers == block].mean(axis=0)
    return result


def _carried(family: Family) -> dict[str, frozenset[Worth]]:
    """What edits have put into each prompt; on an axis the last value holds."""
    carried: dict[str, frozenset[Worth]] = {}
    for _, candidate in family.depth_first():
        parent = family.parent(candidate)
        if parent is None:
            carried[candidate.id] = frozenset()
            continue
        new = new_values(candidate, parent)
        replaced = {worth.axis for worth in new} - {FREE}
        before = carried.get(parent.id, frozenset())
        stayed = {worth for worth in before if worth.axis not in replaced}
        carried[candidate.id] = frozenset({*stayed, *new})
    return carried


def _effects(design: Design) -> list[CardEffect]:
    if not design.worths or len(design.scores) < 3:
        return []
    mean, deviation = _posterior(design.carried, design.scores)
    return [
        CardEffect(
            axis=worth.axis,
            name=worth.name,
            effect=float(mean[column]),
            low=float(mean[column] - WIDTH * deviation[column]),
            high=float(mean[column] + WIDTH * deviation[column]),
            tried=design.tried[worth],
        )
        for column, worth in enumerate(design.worths)
    ]


def _posterior(carried: Array, scores: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of each worth, with the likeliest variances."""
    left, lengths, right = np.linalg.svd(carried, full_matrices=False)
    seen = left.T @ scores
    rest = float(scores @ scores - seen @ seen)
    count = len(scores)

    def noise_of(ratio: float) -> float:
        return max((rest + float(np.sum(seen**2 / (1 + ratio * lengths**2)))) / count, 1e-12)

    def likelihood(ratio: float) -> float:
        spread = float(np.sum(np.log1p(ratio * lengths**2)))
        return -0.5 * (count * math.log(noise_of(ratio)) + spread)

    ratio = max((float(ratio) for ratio in RATIOS), key=likelihood)
    noise = noise_of(ratio)
    mean = right.T @ (ratio * lengths / (1 + ratio * lengths**2) * seen)
    shrunk = ratio * lengths**2 / (1 + ratio * lengths**2)
    variance = noise * ratio * (1 - np.sum(right.T**2 * shrunk, axis=1))
    return mean, np.sqrt(np.maximum(variance, 0.0))
