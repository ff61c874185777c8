"""The beam as a picture tree: a column an iteration, the best on top; pure but for the pictures.

    tree = picture_tree(family, links, small)
    tree.nodes[0].x, tree.edges[0].path

The one rule that is not obvious: a run may have thousands of candidates, so of each column only
those that were kept and the best of the others are drawn, and `hidden` says how many are not.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agent.look.family import Family
from agent.look.report.thumbnails import Small
from agent.trajectory import Candidate

COLUMN, ROW, PICTURE = 232, 66, 54
MOST_COLUMNS, MOST_NODES, MOST_ROWS = 40, 240, 12
TEXT = 22
"""Characters of an edit beside its picture."""
GUTTER = 22
"""Between two columns, where nothing is written."""
LANES = (0, -3, 3)
"""Lines that share the space between two rows lie beside each other."""


@dataclass(frozen=True)
class Node:
    """A candidate in its place."""

    x: int
    y: int
    id: str
    link: str
    score: float | None
    status: str
    words: str
    title: str
    kind: str
    """`best`, `winner`, `kept` or `lost`."""
    picture: Small | None


@dataclass(frozen=True)
class Edge:
    """From a parent to its child."""

    path: str
    kind: str


@dataclass(frozen=True)
class Column:
    """What stands above and below a column."""

    x: int
    iteration: int
    hidden: int
    end: int


@dataclass(frozen=True)
class Tree:
    """The whole drawing."""

    width: int
    height: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    columns: tuple[Column, ...]
    left_out: int
    """Iterations that are not drawn."""


def picture_tree(
    family: Family,
    links: Mapping[str, str],
    small: Callable[[Candidate], Small | None],
) -> Tree:
    """Places everything that is drawn."""
    columns, left_out = _columns(family)
    limit = max(2, min(MOST_ROWS, MOST_NODES // max(1, len(columns))))
    placed: dict[str, tuple[int, int]] = {}
    nodes: list[Node] = []
    heads: list[Column] = []
    for number, (iteration, candidates) in enumerate(columns):
        shown = candidates[:limit]
        x = 4 + number * COLUMN
        for row, candidate in enumerate(shown):
            placed[candidate.id] = (x, 28 + row * ROW)
            nodes.append(_node(family, candidate, placed[candidate.id], links, small))
        heads.append(Column(x, iteration, len(candidates) - len(shown), 36 + len(shown) * ROW))
    return Tree(
        width=max(1, len(columns)) * COLUMN,
        height=max((column.end for column in heads), default=0) + 14,
        nodes=tuple(nodes),
        edges=tuple(_edges(family, placed)),
        columns=tuple(heads),
        left_out=left_out,
    )


def _columns(family: Family) -> tuple[list[tuple[int, list[Candidate]]], int]:
    """The candidates by iteration, best first, and how many iterations are left out."""
    groups: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in family.run.candidates:
        groups[candidate.iteration].append(candidate)
    winning = {c.iteration for c in family.run.candidates if c.id in family.winners}
    order = sorted(groups, key=lambda iteration: (iteration not in winning, -iteration))
    chosen = sorted(order[:MOST_COLUMNS])
    return [(i, _best_first(family, groups[i])) for i in chosen], len(groups) - len(chosen)


def _best_first(family: Family, candidates: Sequence[Candidate]) -> list[Candidate]:
    def rank(candidate: Candidate) -> tuple[bool, bool, float]:
        kept = candidate.id in family.winners or candidate.id in family.ever_kept
        return (not kept, candidate.score is None, -(candidate.score or 0.0))

    return sorted(candidates, key=rank)


def _kind(family: Family, candidate: Candidate) -> str:
    if family.run.best is not None and candidate.id == family.run.best.id:
        return "best"
    if candidate.id in family.winners:
        return "winner"
    return "kept" if candidate.id in family.ever_kept else "lost"


def _node(
    family: Family,
    candidate: Candidate,
    place: tuple[int, int],
    links: Mapping[str, str],
    small: Callable[[Candidate], Small | None],
) -> Node:
    edit = candidate.edit
    words = "your own prompt" if edit is None else edit.instruction
    return Node(
        x=place[0],
        y=place[1],
        id=candidate.id,
        link=links[candidate.id],
        score=candidate.score,
        status=candidate.status,
        words=words if len(words) <= TEXT else words[: TEXT - 1].rstrip() + "…",
        title=f"{candidate.id} · {words} · {family.fate(candidate)}",
        kind=_kind(family, candidate),
        picture=small(candidate),
    )


def _reach(family: Family, candidate: Candidate) -> int:
    """About where the words beside the parent's picture end."""
    parent = family.parent(candidate)
    words = parent.edit.instruction if parent is not None and parent.edit else "your own prompt"
    return PICTURE + 16 + 7 * min(len(words), TEXT)


def _edges(family: Family, placed: Mapping[str, tuple[int, int]]) -> list[Edge]:
    edges: list[Edge] = []
    jumps = 0
    for name, (x, y) in placed.items():
        candidate = family.by_id[name]
        start = placed.get(candidate.parent or "")
        if start is None:
            continue
        begin = min(start[0] + COLUMN - GUTTER, start[0] + _reach(family, candidate))
        way = _way(start, (x, y), lane=LANES[jumps % len(LANES)])
        jumps += x - start[0] != COLUMN
        edges.append(Edge(f"M{begin} {start[1] + PICTURE // 2}{way}", _kind(family, candidate)))
    order = {"lost": 0, "kept": 1, "winner": 2, "best": 2}
    return sorted(edges, key=lambda edge: order[edge.kind])


def _way(start: tuple[int, int], end: tuple[int, int], *, lane: int) -> str:
    """From beside a parent to its child; over columns between them it goes between their rows."""
    out, into = start[0] + COLUMN - GUTTER, end[0] - 4
    y0, y1 = start[1] + PICTURE // 2, end[1] + PICTURE // 2
    if end[0] - start[0] == COLUMN:
        return f"H{out}{_bend(out, y0, into, y1)}"
    gap = y0 + (ROW // 2 if y1 >= y0 else -(ROW // 2)) + lane  # beside the parent's own row
    first, last = start[0] + COLUMN - 4, end[0] - GUTTER
    return f"H{out}{_bend(out, y0, first, gap)}H{last}{_bend(last, gap, into, y1)}"


def _bend(x0: int, y0: int, x1: int, y1: int) -> str:
    reach = max(18, (x1 - x0) // 2)
    return f"C{x0 + reach} {y0} {x1 - reach} {y1} {x1} {y1}"
