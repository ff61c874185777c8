"""Which of the catalogue's values a prompt speaks of, and how a prompt gets another one; pure.

    reading = read(parent_prompt, user_prompt, catalogue)
    reading.added                      # {"lighting": "moonlight"}: put there by an earlier edit
    reading.closed                     # {"setting"}: the user's own words, not to be touched
    change(parent_prompt, catalogue.value("neon"), reading)

The one rule that is not obvious: only a whole part between commas that is one of the catalogue's
phrases counts as added. Words inside a sentence are never replaced, they close their axis.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from prompts.catalogue import Catalogue, CatalogueValue, load_catalogue

_PART = re.compile(r"[^,]+")


@dataclass(frozen=True)
class Reading:
    """What a parent's prompt says, in terms of the catalogue."""

    added: Mapping[str, str]
    """By axis, the value that an earlier edit put there."""
    closed: frozenset[str]
    """Axes that other words of the prompt speak of already."""
    present: frozenset[str]
    """Names of all values that the prompt speaks of."""


def read(prompt: str, user_prompt: str, catalogue: Catalogue) -> Reading:
    """Takes a parent's prompt apart; whatever the user's own words speak of is closed."""
    users = mentioned(user_prompt, catalogue)
    closed = {catalogue.value(name).axis for name in users}
    added: dict[str, str] = {}
    for match in _PART.finditer(prompt):
        value = _phrase_value(match.group(), catalogue)
        if value is None or value.axis in added:
            closed |= {catalogue.value(name).axis for name in mentioned(match.group(), catalogue)}
        else:
            added[value.axis] = value.name
    open_ = {axis: name for axis, name in added.items() if axis not in closed}
    present = users | set(added.values()) | mentioned(prompt, catalogue)
    return Reading(open_, frozenset(closed), frozenset(present))


def mentioned(text: str, catalogue: Catalogue) -> set[str]:
    """The names of the values whose phrases or cues occur in a text as whole words."""
    pattern, names = _cues(catalogue)
    return {names[match.group(1).casefold()] for match in pattern.finditer(_plain(text))}


def change(prompt: str, value: CatalogueValue, reading: Reading) -> str:
    """The prompt with the value: in the place of an added one of its axis, else at the end."""
    if value.axis in reading.added:
        catalogue = load_catalogue()
        for match in _PART.finditer(prompt):
            found = _phrase_value(match.group(), catalogue)
            if found is not None and found.name == reading.added[value.axis]:
                space = match.group()[: len(match.group()) - len(match.group().lstrip())]
                return prompt[: match.start()] + space + value.phrase + prompt[match.end() :]
    return f"{prompt.rstrip(' ,.;:')}, {value.phrase}"


def _phrase_value(part: str, catalogue: Catalogue) -> CatalogueValue | None:
    words = _plain(part).strip().casefold()
    return next((v for v in catalogue.values if words in map(str.casefold, v.phrases)), None)


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
