"""Beam search over prompts: expand the best few, keep the best few of everything seen.

    searcher = BeamSearch(beam_width=3, branching=2, iterations=4)
    searcher.tell([initial])
    while not searcher.done:
        searcher.tell(try_out(searcher.ask()))

The one rule that is not obvious: every iteration has the same budget of `beam_width * branching`
edits, shared out evenly over however many candidates the beam holds; so the first iteration,
whose beam is the user's own prompt alone, looks as far around as the later ones.
"""

from collections.abc import Iterable

from agent.search.base import Expansion
from agent.trajectory import Candidate, Step

TIE = 1e-3
"""Scores that lie no further apart are equal; the older candidate wins."""


def id_order(candidate_id: str) -> tuple[int, str]:
    """Sorts ids by their number, also past c9999."""
    return (len(candidate_id), candidate_id)


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The scored ones, best first: the lowest id among those within `TIE` of the best left.

    Whatever the order they come in, the result is the same, and its first is never more than
    `TIE` below the best.
    """
    left = [(c, c.score) for c in candidates if c.status == "scored" and c.score is not None]
    left.sort(key=lambda pair: (-pair[1], id_order(pair[0].id)))
    result: list[Candidate] = []
    while left:
        window = [pair for pair in left if pair[1] >= left[0][1] - TIE]
        chosen = min(window, key=lambda pair: id_order(pair[0].id))
        left.remove(chosen)
        result.append(chosen[0])
    return result


def shares(total: int, among: int) -> list[int]:
    """`total` shared out evenly; the first ones get what is left over."""
    each, over = divmod(total, among)
    return [each + (index < over) for index in range(among)]


class BeamSearch:
    """A `Searcher` that keeps the `beam_width` best candidates it was ever told.

    Args:
        beam_width: How many candidates survive an iteration.
        branching: How many edits each survivor of a full beam gets.
        iterations: After how many expansions the search is done.
    """

    def __init__(self, *, beam_width: int, branching: int, iterations: int) -> None:
        self._beam_width = beam_width
        self._budget = beam_width * branching
        self._iterations = iterations
        self._iteration = -1
        self._beam: tuple[Candidate, ...] = ()

    @property
    def done(self) -> bool:
        """Whether nothing is left to ask for."""
        return self._iteration >= self._iterations or (self._iteration >= 0 and not self._beam)

    def ask(self) -> list[Expansion]:
        """The beam, best first, each with its share of the budget."""
        if self.done or not self._beam:
            return []
        counts = shares(self._budget, len(self._beam))
        return [
            Expansion(parent=c.id, count=n) for c, n in zip(self._beam, counts, strict=True) if n
        ]

    def tell(self, candidates: list[Candidate]) -> None:
        """Takes the outcome of the last `ask`; rejected and failed ones never enter the beam."""
        self._beam = tuple(ranked((*self._beam, *candidates))[: self._beam_width])
        self._iteration += 1

    def step(self) -> Step:
        """The beam after the last `tell`."""
        return Step(
            iteration=self._iteration,
            beam=tuple(candidate.id for candidate in self._beam),
            best_score=self._beam[0].score if self._beam else None,
        )
