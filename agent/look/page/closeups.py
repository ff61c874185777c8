"""One candidate closely, and two of them side by side, as values for the templates.

    closeup_of(view, "c0012", seed=0)
    comparison_of(view, ("c0000", "c0012"), seed=0).diff

`seed` is the place of a seed among those of the search, not the seed itself.
"""

from dataclasses import dataclass

from agent.look.closeup import find_candidate
from agent.look.family import Family
from agent.look.page.pictures import Linked
from agent.look.report.thumbnails import Small
from agent.look.report.view import Card, View
from agent.text import Piece, word_diff
from agent.trajectory import Candidate

LARGE = 480


@dataclass(frozen=True)
class Figure:
    """A score by name, beside that of something else."""

    name: str
    value: float | None
    beside: float | None

    @property
    def difference(self) -> float | None:
        """The value less what stands beside it."""
        return None if None in (self.value, self.beside) else self.value - self.beside  # type: ignore[operator]


@dataclass(frozen=True)
class Closeup:
    """A candidate with everything that is known of it."""

    candidate: Candidate
    card: Card
    seed: int
    picture: Small | None
    figures: tuple[Figure, ...]
    """Beside those of the user's own prompt."""
    beyond: float | None
    """Its gain over the user's own prompt."""
    lineage: tuple[Card, ...]
    children: tuple[Card, ...]


@dataclass(frozen=True)
class Side:
    """One half of a comparison."""

    candidate: Candidate
    card: Card
    picture: Small | None


@dataclass(frozen=True)
class Comparison:
    """Two candidates."""

    first: Side
    second: Side
    diff: tuple[Piece, ...]
    figures: tuple[Figure, ...]
    """Of the second beside those of the first."""
    seeds: tuple[int, ...]
    """That both were drawn on."""
    seed: int


def cards_of(view: View) -> dict[str, Card]:
    """The cards by candidate."""
    return {card.candidate.id: card for group in view.groups for card in group.cards}


def closeup_of(view: View, name: str, seed: int) -> Closeup:
    """A candidate by its id.

    Raises:
        InputError: there is none of that id.
    """
    family, cards = Family(view.run), cards_of(view)
    chosen = find_candidate(family, name)
    seed = min(max(seed, 0), max(0, len(chosen.images) - 1))
    path = family.lineage(chosen)[:-1]
    children = family.children.get(chosen.id, [])
    return Closeup(
        candidate=chosen,
        card=cards[chosen.id],
        seed=seed,
        picture=_picture(view, chosen, seed),
        figures=_figures(chosen, view.run.initial),
        beyond=family.beyond_initial(chosen),
        lineage=tuple(cards[c.id] for c in path),
        children=tuple(cards[c.id] for c in children),
    )


def comparison_of(view: View, names: tuple[str, str], seed: int) -> Comparison:
    """Two candidates by their ids.

    Raises:
        InputError: there is none of one of the ids.
    """
    family, cards = Family(view.run), cards_of(view)
    first, second = (find_candidate(family, name) for name in names)
    both = min(len(first.images), len(second.images))
    seed = min(max(seed, 0), max(0, both - 1))
    sides = [Side(c, cards[c.id], _picture(view, c, seed)) for c in (first, second)]
    return Comparison(
        first=sides[0],
        second=sides[1],
        diff=tuple(word_diff(first.prompt, second.prompt)),
        figures=_figures(second, first),
        seeds=tuple(image.seed for image in first.images[:both]),
        seed=seed,
    )


def _picture(view: View, candidate: Candidate, seed: int) -> Small | None:
    image = candidate.images[seed] if candidate.images else None
    return Linked(view.found).small(image, LARGE)


def _figures(candidate: Candidate, other: Candidate | None) -> tuple[Figure, ...]:
    beside = other.scores if other is not None else {}
    names = [*candidate.scores, *(name for name in beside if name not in candidate.scores)]
    total = Figure("score", candidate.score, other.score if other is not None else None)
    return (total, *(Figure(n, candidate.scores.get(n), beside.get(n)) for n in names))
