"""The contact sheet of a run in parts, so that a large run's page is there at once; pure.

sheet = sheet_of(view, "kept", part=1)
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from agent.look.report.view import Card, Group, View

Shown = Literal["all", "kept", "scored", "undone"]
AT_ONCE, LATEST = 120, 12
"""Cards of a part."""
FITS: dict[Shown, Callable[[Card], bool]] = {
    "all": lambda card: True,
    "kept": lambda card: card.kind == "kept",
    "scored": lambda card: card.kind != "undone",
    "undone": lambda card: card.kind == "undone",
}


@dataclass(frozen=True)
class Sheet:
    """A part of the candidates that were asked for."""

    groups: tuple[Group, ...]
    shown: Shown
    count: int
    part: int
    parts: int


def sheet_of(view: View, shown: Shown, part: int) -> Sheet:
    """The candidates of a part, by iteration; a part that isn't there is the nearest that is."""
    fits = FITS[shown]
    groups = [replace(g, cards=tuple(filter(fits, g.cards))) for g in view.groups]
    count = sum(len(group.cards) for group in groups)
    parts = max(1, -(-count // AT_ONCE))
    part = min(max(part, 1), parts)
    start, chosen = (part - 1) * AT_ONCE, list[Group]()
    end = start + AT_ONCE
    for group in groups:
        cards = group.cards[max(0, start) : max(0, end)]
        if cards:
            chosen.append(replace(group, cards=cards))
        start, end = start - len(group.cards), end - len(group.cards)
    return Sheet(tuple(chosen), shown, count, part, parts)


def latest(view: View) -> list[Card]:
    """What was tried last, the latest first."""
    cards = [card for group in view.groups for card in group.cards]
    return sorted(cards, key=lambda card: -card.number)[:LATEST]
