"""Which of the catalogue's values a prompt speaks of, and how a prompt gets another one; pure.

    reading = read(parent_prompt, user_prompt, catalogue)
    reading.added                      # {"lighting": "moonlight"}: put there by an earlier edit
    reading.closed                     # {"setting"}: the user's own words, not to be touched
    change(parent_prompt, catalogue.value("neon"), reading)

What is not the user's counts as added where it can be taken out whole: a part between commas that
says nothing else, or within a sentence what begins with a preposition and ends where the next one
begins ("in the snow" of "a house in the snow at dusk", not of "a house in the snow storm"). The one
rule that is not obvious: other words within a sentence are never replaced, they close their axis.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from agent.subject import meaningful, words_of
from prompts.catalogue import Catalogue, CatalogueValue

_PART = re.compile(r"[^,]+")
_PREPOSITION = r"(?:above|among|at|behind|below|beside|by|from|in|near|on|over|under|with)\b"
_LEADING = r"(?:lit|photographed|seen|shot|taken|viewed)"
_BEFORE = re.compile(
    rf"(?:\b{_LEADING}\s+)?"
    rf"(?:\b{_PREPOSITION}\s+(?:(?:an?|the)\s+)?)?\Z",
    re.IGNORECASE,
)
"""What belongs to a value's words and stands before them."""
_BEGINS = re.compile(rf"(?:{_LEADING}|{_PREPOSITION})", re.IGNORECASE)
"""How words begin that a sentence can do without."""
_ENDS = re.compile(rf"\s*(?:\Z|{_PREPOSITION})", re.IGNORECASE)
_FIRST_ENDS = re.compile(rf"\s*(?:\Z|{_PREPOSITION}|(?:an?|the)\b)", re.IGNORECASE)
"""How a sentence goes on behind them, and behind those that it begins with."""


@dataclass(frozen=True)
class Reading:
    """What a parent's prompt says, in terms of the catalogue."""

    added: Mapping[str, str]
    """By axis, the value that an earlier edit put there, or that may be taken out like one."""
    closed: frozenset[str]
    """Axes that other words of the prompt speak of already."""
    present: frozenset[str]
    """Names of all values that the prompt speaks of."""
    places: Mapping[str, tuple[int, int]]
    """By axis, where what is added stands: the first and last (not included) character."""


def read(prompt: str, user_prompt: str, catalogue: Catalogue) -> Reading:
    """Takes a parent's prompt apart; whatever the user's own words speak of is closed."""
    users = mentioned(user_prompt, catalogue)
    closed = {catalogue.value(name).axis for name in users}
    added: dict[str, str] = {}
    places: dict[str, tuple[int, int]] = {}
    theirs = _kept_in(prompt, user_prompt)
    for name, place in _said(prompt, catalogue):
        axis = catalogue.value(name).axis
        if place is None or axis in added or theirs(*place):
            closed.add(axis)
        else:
            added[axis], places[axis] = name, place
    open_ = {axis: name for axis, name in added.items() if axis not in closed}
    present = users | set(added.values()) | mentioned(prompt, catalogue)
    return Reading(
        open_, frozenset(closed), frozenset(present), {axis: places[axis] for axis in open_}
    )


def _said(prompt: str, catalogue: Catalogue) -> Iterator[tuple[str, tuple[int, int] | None]]:
    """The names of the values that are said, each with its place if it can be taken out."""
    pattern, names = _cues(catalogue)
    for part in _PART.finditer(prompt):
        bare = part.group().strip()
        start = part.start() + part.group().index(bare) if bare else part.start()
        whole = names.get(_plain(bare).casefold())
        if whole is not None:
            yield whole, (start, start + len(bare))
            continue
        for found in pattern.finditer(_plain(part.group())):
            yield names[found.group(1).casefold()], _loose(part, *found.span(1))


def _loose(part: re.Match[str], start: int, end: int) -> tuple[int, int] | None:
    """The place of words within a part with what belongs to them, if it can do without them."""
    text = part.group()
    before = _BEFORE.search(text, 0, start)
    start = before.start() if before is not None else start
    begins_it = not text[:start].strip()
    if not _BEGINS.match(text, start) or not (_FIRST_ENDS if begins_it else _ENDS).match(text, end):
        return None
    return part.start() + start, part.start() + end


def _kept_in(prompt: str, user_prompt: str) -> Callable[[int, int], bool]:
    """Whether a place holds some of the user's words: where they stand, or wherever they do."""
    whole = user_prompt.strip(" ,.;:").casefold()
    first = prompt.casefold().find(whole)
    if first >= 0:
        return lambda start, end: start < first + len(whole) and end > first
    own = {word.text for word in meaningful(words_of(user_prompt))}
    return lambda start, end: any(word.text in own for word in words_of(prompt[start:end]))


def mentioned(text: str, catalogue: Catalogue) -> set[str]:
    """The names of the values whose phrases or cues occur in a text as whole words."""
    pattern, names = _cues(catalogue)
    return {names[match.group(1).casefold()] for match in pattern.finditer(_plain(text))}


def change(prompt: str, value: CatalogueValue, reading: Reading) -> str:
    """The prompt with the value: in the place of an added part of its axis, else at the end."""
    place = reading.places.get(value.axis)
    if place is not None:
        before, after = prompt[: place[0]], prompt[place[1] :]
        if not before.strip(" ") or before.rstrip(" ").endswith(","):
            return before + value.phrase + after
        prompt = before.rstrip(" ") + after  # it stood within a sentence, which goes on without it
    return f"{prompt.rstrip(' ,.;:')}, {value.phrase}"


def _plain(text: str) -> str:
    return text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


@lru_cache(maxsize=4)
def _cues(catalogue: Catalogue) -> tuple[re.Pattern[str], dict[str, str]]:
    names: dict[str, str] = {}
    for value in catalogue.values:
        for words in (value.name, *value.phrases, *value.cues):
            names.setdefault(words.casefold(), value.name)
    longest_first = sorted(names, key=lambda words: (-len(words), words))
    alternatives = "|".join(map(re.escape, longest_first))
    return re.compile(rf"(?<![\w-])({alternatives})s?(?![\w-])", re.IGNORECASE), names
