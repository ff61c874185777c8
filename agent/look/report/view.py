"""Everything that the page shows, as values that the template only has to place.

    view = view_of(salvage(folder), Pictures(folder, seen_from=folder))
    view.groups[0].cards[0].diff, view.axes[0].effect.mean

The one rule that is not obvious: where pictures and links lead is the album's affair, so that the
report and the local page show the same.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from agent.cards import CardEffect
from agent.look.card import make_card
from agent.look.effects import Effect, effects_of
from agent.look.family import Family
from agent.look.repeat import repeat_command
from agent.look.report.charts import Bar, Chart, bars
from agent.look.report.history import guard_charts, score_chart
from agent.look.report.thumbnails import Album, Small
from agent.look.report.tree import Tree, picture_tree
from agent.look.salvage import Salvaged
from agent.look.so_far import so_far
from agent.summary import headline
from agent.text import Piece, word_diff
from agent.trajectory import Candidate, Event, Image, Trajectory

HERO = 480
MANY, VERY_MANY = 200, 800
"""Candidates from which on their pictures are shown smaller."""
MOST_EVENTS = 200
MOST_MISSING = 20
SUM = 12
"""Characters of a checksum."""


@dataclass(frozen=True)
class Card:
    """One candidate as the contact sheet shows it."""

    candidate: Candidate
    number: int
    """Its place among the candidates."""
    link: str
    before: str
    """The prompt that it was made from."""
    parent: str | None
    """Where that one stands."""
    picture: Small | None
    others: tuple[tuple[int, str], ...]
    """The pictures of the other seeds: seed and link."""
    gain: float | None
    fate: str
    kind: str

    @cached_property
    def diff(self) -> tuple[Piece, ...]:
        """What was changed; worked out only where it is shown."""
        return tuple(word_diff(self.before, self.candidate.prompt))


@dataclass(frozen=True)
class Group:
    """The candidates of one iteration, best first."""

    iteration: int
    cards: tuple[Card, ...]
    tried: int
    kept: int
    best: float | None


@dataclass(frozen=True)
class EffectRow:
    """An axis or a value of it in the table."""

    effect: Effect
    bar: Bar | None
    link: str


@dataclass(frozen=True)
class Pair:
    """The first and the best prompt on one held-out seed."""

    seed: int
    first: Small | None
    best: Small | None
    difference: float | None


@dataclass(frozen=True)
class View:
    """The page."""

    found: Salvaged
    run: Trajectory
    """While it goes on, with the best so far."""
    headline: str
    first: Small | None
    best: Small | None
    diff: tuple[Piece, ...]
    steps: tuple[Card, ...]
    """The edits that led to the best prompt."""
    counts: Counter[str]
    pairs: tuple[Pair, ...]
    scores: Chart | None
    guards: tuple[Chart, ...]
    tree: Tree
    axes: tuple[EffectRow, ...]
    edits: tuple[EffectRow, ...]
    taste: tuple[tuple[CardEffect, Bar | None], ...]
    groups: tuple[Group, ...]
    failures: tuple[tuple[str, int, str], ...]
    """Reason, how often, and where the first stands."""
    leanings: str
    """What the scorer expected beforehand; empty where it expected nothing."""
    events: tuple[Event, ...]
    hidden_events: int
    problems: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]
    made_with: tuple[tuple[str, str], ...]
    command: str


def view_of(found: Salvaged, pictures: Album) -> View:
    """Reads the pictures and works out everything else."""
    run = so_far(found.run)
    family = Family(run)
    cards = _cards(family, pictures)
    links = {card.candidate.id: card.link for card in cards}
    small = {card.candidate.id: card.picture for card in cards}
    by_id = {card.candidate.id: card for card in cards}
    effects = effects_of(family)
    axes, edits = (
        _rows([e for e in effects if e.name is None], links),
        _rows([e for e in effects if e.name is not None], links),
    )
    best = run.best
    troubles = tuple(event for event in run.events if event.is_trouble)
    view = View(
        found=found,
        run=run,
        headline=headline(run),
        first=pictures.small(_first_image(run.initial), HERO),
        best=pictures.small(_first_image(best), HERO),
        diff=tuple(word_diff(run.prompt, best.prompt)) if best is not None else (),
        steps=tuple(by_id[c.id] for c in family.lineage(best) if c.id in by_id) if best else (),
        counts=Counter(candidate.status for candidate in run.candidates if candidate.parent),
        pairs=_pairs(run, pictures),
        scores=score_chart(family, links),
        guards=guard_charts(family, links),
        tree=picture_tree(family, links, lambda candidate: small.get(candidate.id)),
        axes=axes,
        edits=edits,
        taste=_taste(run),
        groups=_groups(cards, run),
        failures=_failures(cards),
        leanings=next((e.message for e in run.events if e.type == "leanings"), ""),
        events=troubles[:MOST_EVENTS],
        hidden_events=max(0, len(troubles) - MOST_EVENTS),
        problems=(),
        settings=tuple((n, _said(v)) for n, v in run.config.model_dump(mode="json").items()),
        made_with=_made_with(found),
        command=repeat_command(found.header, found.folder.resolve().parent.name or "runs"),
    )
    return _with_problems(view, pictures)


def _with_problems(view: View, pictures: Album) -> View:
    from dataclasses import replace

    lost = [f"{path} {reason}" for path, reason in pictures.missing.items()]
    if len(lost) > MOST_MISSING:
        lost = [*lost[:MOST_MISSING], f"… and {len(lost) - MOST_MISSING} pictures more"]
    return replace(view, problems=(*view.found.problems, *lost))


def _first_image(candidate: Candidate | None) -> Image | None:
    return candidate.images[0] if candidate is not None and candidate.images else None


def _side(count: int) -> int:
    """How large the pictures of the contact sheet are inside the page."""
    return 160 if count <= MANY else 112 if count <= VERY_MANY else 80


def _cards(family: Family, pictures: Album) -> list[Card]:
    candidates = family.run.candidates
    side = _side(len(candidates))
    links = {c.id: pictures.place_of(number, c) for number, c in enumerate(candidates)}
    pictures.prepare([c.images[0] for c in candidates if c.images], side)
    return [_card(family, number, links, pictures, side) for number in range(len(candidates))]


def _card(family: Family, number: int, links: dict[str, str], pictures: Album, side: int) -> Card:
    candidate = family.run.candidates[number]
    parent = family.parent(candidate)
    others = [(i.seed, pictures.link(i)) for i in candidate.images[1:]]
    kept = candidate.id in family.ever_kept
    return Card(
        candidate=candidate,
        number=number,
        link=links[candidate.id],
        before=parent.prompt if parent is not None else candidate.prompt,
        parent=links[parent.id] if parent is not None else None,
        picture=pictures.small(_first_image(candidate), side),
        others=tuple((seed, link) for seed, link in others if link is not None),
        gain=family.gain(candidate),
        fate=family.fate(candidate),
        kind="kept" if kept else "lost" if candidate.status == "scored" else "undone",
    )


def _groups(cards: Sequence[Card], run: Trajectory) -> tuple[Group, ...]:
    by_iteration: dict[int, list[Card]] = {}
    for card in cards:
        by_iteration.setdefault(card.candidate.iteration, []).append(card)
    groups: list[Group] = []
    for iteration, chosen in sorted(by_iteration.items()):
        chosen.sort(key=lambda c: (c.candidate.score is None, -(c.candidate.score or 0.0)))
        kept = sum(card.kind == "kept" for card in chosen)
        groups.append(Group(iteration, tuple(chosen), len(chosen), kept, chosen[0].candidate.score))
    return tuple(groups)


def _pairs(run: Trajectory, pictures: Album) -> tuple[Pair, ...]:
    if run.initial is None or run.best is None or run.initial.id == run.best.id:
        return ()
    held = {(h.candidate, h.seed): h for h in run.heldout}
    pairs: list[Pair] = []
    for seed in dict.fromkeys(h.seed for h in run.heldout):
        first, best = held.get((run.initial.id, seed)), held.get((run.best.id, seed))
        if first is None or best is None:
            continue
        both = (first.score, best.score)
        pairs.append(
            Pair(
                seed,
                pictures.small(first.image, 128),
                pictures.small(best.image, 128),
                None if None in both else (best.score or 0.0) - (first.score or 0.0),
            )
        )
    return tuple(pairs)


def _rows(effects: Sequence[Effect], links: dict[str, str]) -> tuple[EffectRow, ...]:
    placed = bars([None if e.mean is None else (e.mean, e.ci95) for e in effects])
    return tuple(
        EffectRow(effect, bar, links[effect.best])
        for effect, bar in zip(effects, placed, strict=True)
    )


def _taste(run: Trajectory) -> tuple[tuple[CardEffect, Bar | None], ...]:
    effects = make_card([run]).effects
    placed = bars([(effect.effect, (effect.low, effect.high)) for effect in effects])
    return tuple(zip(effects, placed, strict=True))


def _failures(cards: Sequence[Card]) -> tuple[tuple[str, int, str], ...]:
    """Candidates without a score, by reason; figures in a reason do not tell it apart."""
    groups: dict[str, list[Card]] = {}
    for card in cards:
        if card.candidate.status != "scored":
            reason = card.candidate.error or "no reason was recorded"
            plain = "".join("#" if c.isdigit() else c for c in reason)
            groups.setdefault(f"{card.candidate.status}: {plain}", []).append(card)
    return tuple(
        (f"{some[0].candidate.status}: {some[0].candidate.error or ''}", len(some), some[0].link)
        for some in sorted(groups.values(), key=len, reverse=True)
    )


def _made_with(found: Salvaged) -> tuple[tuple[str, str], ...]:
    header = found.header
    parts = [
        (f"{part} {key}", _short(value))
        for part, said in header.parts.items()
        for key, value in said.items()
    ]
    return (("device", header.device), *header.packages.items(), *parts)


def _short(value: str) -> str:
    """A checksum by its beginning; all of it stands in `run.json`."""
    is_sum = len(value) > 2 * SUM and all(c in "0123456789abcdef" for c in value)
    return f"{value[:SUM]}…" if is_sum else value


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return "x".join(map(str, value))
    return "–" if value is None else str(value)
