"""The beam as a picture tree: a column an iteration, the best on top; pure but for the pictures.

    tree = picture_tree(family, links, small)
    tree.nodes[0].x, tree.edges[0].path

The one rule that is not obvious: a run may have thousands of candidates, so of each column only
those that were kept and the best of the others are drawn, and `hidden` says how many are not.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap

from agent.look.effects import label, new_values
from agent.look.family import Family
from agent.look.report.thumbnails import Small
from agent.text import printable
from agent.trajectory import Candidate

ROW, PICTURE = 66, 54
WIDE, NARROW, WIDEST = 1032, 232, 340
"""Pixels that there are in all, and of a column."""
MOST_COLUMNS, MOST_NODES, MOST_ROWS = 40, 240, 12
BESIDE, LETTER = 62, 6.5
"""Where words beside a picture begin, and how wide a letter of them is."""
MOST_LINES = 2
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
    why: str
    """Why it went no further."""
    words: tuple[str, ...]
    """What was changed, by its short name, in lines."""
    title: str
    kind: str
    """`best`, `winner`, `kept` or `lost`."""
    picture: Small | None

    @property
    def top(self) -> int:
        """Where its first line stands."""
        return self.y + (22 if len(self.words) == 1 else 15)


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
    width = min(WIDEST, max(NARROW, WIDE // max(1, len(columns))))
    limit = max(2, min(MOST_ROWS, MOST_NODES // max(1, len(columns))))
    nodes: dict[str, Node] = {}
    heads: list[Column] = []
    for number, (iteration, candidates) in enumerate(columns):
        shown = candidates[:limit]
        x = 4 + number * width
        for row, candidate in enumerate(shown):
            lines = _lines(family, candidate, width)
            node = _node(family, candidate, lines, links[candidate.id], small(candidate))
            nodes[candidate.id] = replace(node, x=x, y=28 + row * ROW)
        heads.append(Column(x, iteration, len(candidates) - len(shown), 36 + len(shown) * ROW))
    return Tree(
        width=max(1, len(columns)) * width,
        height=max((column.end for column in heads), default=0) + 14,
        nodes=tuple(nodes.values()),
        edges=tuple(_edges(family, nodes, width)),
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


def _lines(family: Family, candidate: Candidate, width: int) -> tuple[str, ...]:
    """What was changed, by the names that the tables of effects use."""
    parent = family.parent(candidate)
    if candidate.edit is None:
        words = "the first prompt"
    elif parent is None:
        words = candidate.edit.instruction
    else:
        words = label(new_values(candidate, parent))
    letters = int((width - BESIDE - GUTTER) / LETTER)
    lines = wrap(
        printable(words),
        letters,
        max_lines=MOST_LINES,
        placeholder=" …",
        break_on_hyphens=False,
    )
    return tuple(lines) or ("–",)


def _node(
    family: Family, candidate: Candidate, lines: tuple[str, ...], link: str, picture: Small | None
) -> Node:
    """A node that has no place yet."""
    words = "the first prompt" if candidate.edit is None else candidate.edit.instruction
    return Node(
        x=0,
        y=0,
        id=candidate.id,
        link=link,
        score=candidate.score,
        why=family.why(candidate),
        words=lines,
        title=f"{candidate.id} · {words} · {family.fate(candidate)}",
        kind=_kind(family, candidate),
        picture=picture,
    )


def _reach(node: Node) -> int:
    """About where the words beside a picture end."""
    first = f"{node.score:.2f} {node.why}" if node.score is not None else node.why
    letters = max(1.15 * len(first), *map(len, node.words))
    return BESIDE + 8 + int((LETTER + 0.5) * letters)


def _edges(family: Family, nodes: Mapping[str, Node], width: int) -> list[Edge]:
    edges: list[Edge] = []
    jumps = 0
    for name, node in nodes.items():
        candidate = family.by_id[name]
        start = nodes.get(candidate.parent or "")
        if start is None:
            continue
        begin = min(start.x + width - GUTTER, start.x + _reach(start))
        way = _way(start, node, width, lane=LANES[jumps % len(LANES)])
        jumps += node.x - start.x != width
        edges.append(Edge(f"M{begin} {start.y + PICTURE // 2}{way}", node.kind))
    order = {"lost": 0, "kept": 1, "winner": 2, "best": 2}
    return sorted(edges, key=lambda edge: order[edge.kind])


def _way(start: Node, end: Node, width: int, *, lane: int) -> str:
    """From beside a parent to its child; over columns between them it goes between their rows."""
    out, into = start.x + width - GUTTER, end.x - 4
    y0, y1 = start.y + PICTURE // 2, end.y + PICTURE // 2
    if end.x - start.x == width:
        return f"H{out}{_bend(out, y0, into, y1)}"
    gap = y0 + (ROW // 2 if y1 >= y0 else -(ROW // 2)) + lane  # beside the parent's own row
    first, last = start.x + width - 4, end.x - GUTTER
    return f"H{out}{_bend(out, y0, first, gap)}H{last}{_bend(last, gap, into, y1)}"


def _bend(x0: int, y0: int, x1: int, y1: int) -> str:
    reach = max(18, (x1 - x0) // 2)
    return f"C{x0 + reach} {y0} {x1 - reach} {y1} {x1} {y1}"
