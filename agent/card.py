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

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from agent.effects import FREE, Worth, new_values
from agent.errors import InputError
from agent.family import Family
from agent.trajectory import Candidate, Trajectory, Value

Array = NDArray[np.float64]

CARD_VERSION = 1
WIDTH = 1.96
"""Standard deviations in a 95 % interval."""
RATIOS = np.geomspace(0.02, 50.0, 25)
"""Variance of the worths in that of the noise, tried one by one."""
MAX_CARD = 1_000_000
"""Bytes; far more than any card has."""


class CardEffect(Value):
    """What one value is worth to this person, in points of the scorer."""

    axis: str
    name: str
    effect: float
    low: float
    high: float
    tried: int = Field(ge=1)
    """Scored prompts in which it was new."""

    @property
    def is_sure(self) -> bool:
        """Whether its interval leaves out zero."""
        return self.low > 0 or self.high < 0


class TasteCard(Value):
    """What was learnt of a person's taste."""

    schema_version: int = CARD_VERSION
    user_id: str
    scorer: str
    runs: tuple[str, ...]
    prompts: int = Field(ge=0)
    """Scored prompts in all."""
    spread: float = Field(ge=0)
    """Standard deviation of the scores within a run."""
    effects: tuple[CardEffect, ...] = ()
    """The most liked first."""


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


def _design(runs: "Any") -> Design:
    rows: list[frozenset[Worth]] = []
    scores: list[float] = []
    blocks: list[int] = []
    tried: dict[Worth, int] = {}
    for number, run in enumerate(runs):
        family = Family(run)
        carried = _carried(family)
        scored = [(c, c.score) for c in run.candidates if c.score is not None]
        for candidate, score in scored:
            rows.append(carried.get(candidate.id, frozenset()))
            scores.append(score)
            blocks.append(number)
            parent = family.parent(candidate)
            for worth in new_values(candidate, parent) if parent is not None else ():
                tried[worth] = tried.get(worth, 0) + 1
    worths = tuple(sorted(tried))
    matrix = np.array([[worth in row for worth in worths] for row in rows], dtype=np.float64)
    matrix = matrix.reshape(len(rows), len(worths))
    return Design(
        worths, _centred(matrix, blocks), _centred(np.array(scores, dtype=np.float64), blocks), tried
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


def write_card(card: TasteCard) -> str:
    """The card as a small JSON document."""
    document = card.model_dump(mode="json")
    for effect in document["effects"]:
        effect |= {name: round(effect[name], 4) for name in ("effect", "low", "high")}
    document["spread"] = round(card.spread, 4)
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def read_card(path: Path) -> TasteCard:
    """Reads a card from a file.

    Raises:
        InputError: it is no card, or one of another version.
    """
    advice = "make one with `pamela-agent card RUN --out FILE`"
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_CARD + 1)
        if len(text) > MAX_CARD:
            raise InputError(f"the card {str(path)!r} has more than {MAX_CARD} bytes: {advice}")
        card = TasteCard.model_validate_json(text)
    except OSError as error:
        raise InputError(f"the card {str(path)!r} can't be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise InputError(
            f"the card {str(path)!r} is not valid: {place}: {first['msg'].lower()}; {advice}"
        ) from error
    if card.schema_version != CARD_VERSION:
        raise InputError(
            f"the card {str(path)!r} has schema version {card.schema_version}, this program reads "
            f"{CARD_VERSION}: {advice}"
        )
    return card


def is_known(candidate: Candidate) -> bool:
    """Whether a candidate counts for a card."""
    return candidate.score is not None
