"""Draws edits from the catalogue for one request; deterministic from the request.

    edits = draw_edits(request, load_catalogue())

Each edit comes from another guess of what this person likes (`agent.lm.taste`): the value that
would improve the parent most, on an axis that this answer has not used yet. The one rule that is
not obvious: axes that the user's own prompt speaks of are never touched, and no value is proposed
that contradicts what the prompt says already.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agent.edits import MAX_PROMPT, prompt_key
from agent.lm.taste import Array, Belief, affinities, informed, kinship, learn
from agent.lm.wording import Reading, change, mentioned, read
from agent.proposer import ProposalRequest
from agent.trajectory import Edit
from prompts.catalogue import Catalogue, CatalogueValue

STATED = 1.2
"""What a like that names a value is worth beforehand, in standard deviations of the scores."""
SPREAD = 0.5
"""How uncertain the worth of a value is beforehand, on an axis of weight 1."""
WIDTH = 1.96
"""Standard deviations on either side of a mean in a 95 % interval."""
AT_ONCE = 4
"""Axes that an edit changes at most: once there is something to build on, one to so many alike."""


@dataclass(frozen=True)
class Option:
    """A prompt that could be tried, with the values that are new in it."""

    values: tuple[CatalogueValue, ...]
    prompt: str
    key: tuple[str, ...]

    @property
    def axis(self) -> str:
        """Of its only value; `free` if there are several."""
        return self.values[0].axis if len(self.values) == 1 else "free"

    def edit(self) -> Edit:
        """The option as an edit."""
        *others, last = (value.say for value in self.values)
        says = f"{', '.join(others)} and {last}" if others else last
        return Edit.model_validate({"axis": self.axis, "instruction": says, "prompt": self.prompt})


@dataclass(frozen=True)
class Board:
    """What is known when the edits of one request are drawn."""

    request: ProposalRequest
    catalogue: Catalogue
    reading: Reading
    columns: Mapping[str, int]
    """Where in the belief each value stands, by name."""
    belief: Belief
    options: tuple[Option, ...]
    """Every single value that the parent could get."""

    def improvement(self, option: Option, worth: Array) -> float:
        """What an option would add to the parent if the values had these worths."""
        replaced = (self.reading.added.get(value.axis) for value in option.values)
        gained = sum(worth[self.columns[value.name]] for value in option.values)
        return float(gained - sum(worth[self.columns[name]] for name in replaced if name))


def draw_edits(request: ProposalRequest, catalogue: Catalogue) -> list[Edit]:
    """At most `request.count` different edits whose prompts were not tried yet."""
    rng = np.random.default_rng(request.seed)
    board = set_up(request, catalogue)
    prompts = (request.first_prompt, request.parent_prompt, *request.tried_prompts)
    taken = {prompt_key(prompt) for prompt in prompts}
    used: set[str] = set()
    edits: list[Edit] = []
    while len(edits) < request.count:
        fresh = [option for option in board.options if option.key not in taken]
        if all(option.axis in used for option in fresh):
            used.clear()
        chosen = _choose(board, [o for o in fresh if o.axis not in used], taken, rng)
        if chosen is None:
            break
        taken.add(chosen.key)
        used.update(value.axis for value in chosen.values)
        edits.append(chosen.edit())
    return edits


def set_up(request: ProposalRequest, catalogue: Catalogue) -> Board:
    """Reads the prompts and works out what to believe of each value."""
    reading = read(request.parent_prompt, request.user_prompt, catalogue)
    added = reading.added.values()
    values = [v for v in catalogue.values if v.name in added or _is_wanted(v, request)]
    columns = {value.name: column for column, value in enumerate(values)}
    belief = _believe(values, request, catalogue)
    options = tuple(_options(values, request, reading, catalogue))
    return Board(request, catalogue, reading, columns, belief, options)


def _is_wanted(value: CatalogueValue, request: ProposalRequest) -> bool:
    axes = set(request.axes) - {"free"}
    return (not axes or value.axis in axes) and (not request.values or value.name in request.values)


def _believe(
    values: Sequence[CatalogueValue], request: ProposalRequest, catalogue: Catalogue
) -> Belief:
    said = affinities(
        values, catalogue, likes=request.likes, dislikes=request.dislikes, notes=request.notes
    )
    expected = np.array([request.leanings.get(value.name, 0.0) for value in values])
    prior = STATED * said + (1 - np.abs(said)) * expected  # what a person says of a value counts
    spread = np.array([SPREAD * catalogue.weights[value.axis] ** 0.5 for value in values])
    before = informed(prior, kinship(values) * np.outer(spread, spread), _told(values, request))
    scores = _known_scores(request)
    carried = np.zeros((len(scores), len(values)))
    for row, prompt in enumerate(scores):
        names = mentioned(prompt, catalogue)
        carried[row] = [value.name in names for value in values]
    return learn(before.mean, before.covariance, carried, np.array(list(scores.values())))


def _told(
    values: Sequence[CatalogueValue], request: ProposalRequest
) -> dict[int, tuple[float, float]]:
    """What earlier runs have shown of the values, in standard deviations of the scores."""
    if request.spread <= 0:
        return {}
    columns = {(value.axis, value.name): column for column, value in enumerate(values)}
    return {
        columns[known.axis, known.name]: (
            known.effect / request.spread,
            (known.high - known.low) / (2 * WIDTH * request.spread),
        )
        for known in request.known
        if (known.axis, known.name) in columns
    }


def _known_scores(request: ProposalRequest) -> dict[str, float]:
    tried = (*request.tried, *request.best_edits, *request.worst_edits)
    scores = {edit.prompt: edit.score for edit in tried}
    if request.first_score is not None:
        scores[request.first_prompt] = request.first_score
    if request.parent_score is not None:
        scores[request.parent_prompt] = request.parent_score
    return scores


def _options(
    values: Sequence[CatalogueValue],
    request: ProposalRequest,
    reading: Reading,
    catalogue: Catalogue,
) -> Iterator[Option]:
    for value in values:
        if _is_wanted(value, request):
            option = _option((value,), request.parent_prompt, reading, catalogue)
            if option is not None:
                yield option


def _option(
    values: tuple[CatalogueValue, ...], prompt: str, reading: Reading, catalogue: Catalogue
) -> Option | None:
    """The prompt with the last of the values set, if it may and can have it."""
    value = values[-1]
    others = reading.present - {value.name, reading.added.get(value.axis)}
    if value.axis in reading.closed or value.name in reading.present:
        return None
    if not all(catalogue.compatible(value.name, other) for other in others):
        return None
    changed = change(prompt, value, reading)
    return Option(values, changed, prompt_key(changed)) if len(changed) <= MAX_PROMPT else None


def _choose(
    board: Board, options: Sequence[Option], taken: set[tuple[str, ...]], rng: np.random.Generator
) -> Option | None:
    """The best of some options by a new guess, sometimes with values on other axes beside it."""
    worth = board.belief.draw(rng)
    wanted = _axes_at_once(board.request, rng)
    best = max(options, key=lambda option: board.improvement(option, worth), default=None)
    if best is not None and wanted > 1:
        several = _extended(best, board, worth, wanted)
        if len(several.values) > 1 and several.key not in taken:
            return several
    singles_wanted = set(board.request.axes) != {"free"}
    return best if singles_wanted else None


def _axes_at_once(request: ProposalRequest, rng: np.random.Generator) -> int:
    """How many axes the next edit changes at most."""
    if request.axes == ("free",):
        return int(rng.integers(2, AT_ONCE + 1))
    drawn = int(rng.integers(1, AT_ONCE + 1))
    wanted = not request.axes or "free" in request.axes
    known = request.tried or request.best_edits or request.leanings
    return drawn if wanted and known else 1


def _extended(option: Option, board: Board, worth: Array, wanted: int) -> Option:
    """The option with the best values of other axes that go with it and improve the parent."""
    ranked = sorted(board.options, key=lambda other: -board.improvement(other, worth))
    for other in ranked:
        if len(option.values) == wanted or board.improvement(other, worth) <= 0:
            break
        if other.axis not in {value.axis for value in option.values}:
            reading = read(option.prompt, board.request.user_prompt, board.catalogue)
            values = (*option.values, *other.values)
            option = _option(values, option.prompt, reading, board.catalogue) or option
    return option
