"""Draws edits from the catalogue for one request; deterministic from the request.

    edits = draw_edits(request, load_catalogue())

Each edit comes from another guess of what this person likes (`agent.lm.taste`): the value that
would improve the parent most, on an axis that this answer has not used yet. The one rule that is
not obvious: axes that the user's own prompt speaks of are never touched, and no value is proposed
that contradicts what the prompt says already.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from agent.edits import MAX_PROMPT, prompt_key
from agent.lm.taste import Array, Belief, affinities, kinship, learn
from agent.lm.wording import Reading, change, mentioned, read
from agent.proposer import ProposalRequest
from agent.trajectory import Edit
from prompts.catalogue import Catalogue, CatalogueValue

STATED = 1.2
"""What a like that names a value is worth beforehand, in standard deviations of the scores."""
SPREAD = 0.6
"""How uncertain the worth of a value is beforehand, on an axis of weight 1."""
PAIRS = 0.1
"""Share of edits that change two axes at once, once there is something to build on."""


@dataclass(frozen=True)
class Option:
    """A prompt that could be tried, with the values that are new in it."""

    values: tuple[CatalogueValue, ...]
    prompt: str
    key: tuple[str, ...]

    @property
    def axis(self) -> str:
        """Of its only value; `free` if there are two."""
        return self.values[0].axis if len(self.values) == 1 else "free"

    def edit(self) -> Edit:
        """The option as an edit."""
        says = " and ".join(value.say for value in self.values)
        return Edit.model_validate({"axis": self.axis, "instruction": says, "prompt": self.prompt})


@dataclass(frozen=True)
class Board:
    """All that is known when the edits of one request are drawn."""

    request: ProposalRequest
    catalogue: Catalogue
    reading: Reading
    columns: Mapping[str, int]
    """Where in the belief each value stands, by name."""
    belief: Belief

    def improvement(self, option: Option, worth: Array) -> float:
        """What an option would add to the parent if the values had these worths."""
        replaced = (self.reading.added.get(value.axis) for value in option.values)
        gained = sum(worth[self.columns[value.name]] for value in option.values)
        return float(gained - sum(worth[self.columns[name]] for name in replaced if name))


def draw_edits(request: ProposalRequest, catalogue: Catalogue) -> list[Edit]:
    """At most `request.count` different edits whose prompts were not tried yet."""
    rng = np.random.default_rng(request.seed)
    board = set_up(request, catalogue)
    options = list(_options(board))
    prompts = (request.user_prompt, request.parent_prompt, *request.tried_prompts)
    taken = {prompt_key(prompt) for prompt in prompts}
    used: set[str] = set()
    edits: list[Edit] = []
    while len(edits) < request.count:
        chosen = _choose(board, options, taken, used, rng)
        if chosen is None:
            break
        taken.add(chosen.key)
        used.add(chosen.values[0].axis)
        edits.append(chosen.edit())
    return edits


def set_up(request: ProposalRequest, catalogue: Catalogue) -> Board:
    """Reads the prompts and works out what to believe of each value."""
    reading = read(request.parent_prompt, request.user_prompt, catalogue)
    scores = {tried.prompt: tried.score for tried in _observations(request)}
    if request.user_score is not None:
        scores[request.user_prompt] = request.user_score
    if request.parent_score is not None:
        scores[request.parent_prompt] = request.parent_score
    carried = {prompt: mentioned(prompt, catalogue) for prompt in scores}
    concerned = set(reading.added.values()).union(*carried.values())
    values = [v for v in catalogue.values if v.name in concerned or _is_wanted(v, request)]
    columns = {value.name: column for column, value in enumerate(values)}
    return Board(request, catalogue, reading, columns, _believe(values, scores, carried, board=...))


def _choose(
    board: Board,
    options: list[Option],
    taken: set[tuple[str, ...]],
    used: set[str],
    rng: np.random.Generator,
) -> Option | None:
    """The best option by a new guess; an axis comes again when all were used once."""
    worth = board.belief.draw(rng)
    doubled = rng.random() < _share_of_pairs(board.request)
    fresh = [option for option in options if option.key not in taken]
