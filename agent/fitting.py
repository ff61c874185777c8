"""Edited prompts that a renderer reads to their end; pure.

    fit = fitted("a rock, at dusk, in mist, in snow", parent="a rock, at dusk, in mist",
                 user="a rock", unread=renderer.unread)
    fit.prompt, fit.dropped, fit.lost          # "a rock, in mist, in snow", ("at dusk",), ""

What earlier edits have added gives way, a part between commas at a time, to the edit that is tried
now. The one rule that is not obvious: the first of those parts goes first, because edits are added
at the end; a part that holds a word of the user's never goes, and none of the edit.
"""

from collections.abc import Callable
from dataclasses import dataclass

from agent.subject import meaningful, words_of


@dataclass(frozen=True)
class Fit:
    """A prompt, and what had to go so that all of it is read."""

    prompt: str
    dropped: tuple[str, ...] = ()
    lost: str = ""
    """The end that would not be read even so; the prompt is then the one that was given."""


def fitted(prompt: str, *, parent: str, user: str, unread: Callable[[str], str]) -> Fit:
    """The prompt as far as it has to be shortened for the renderer.

    The end of the user's own prompt that is never read is no loss of an edit.

    Args:
        prompt: What an edit has made of `parent`.
        parent: The prompt that was edited.
        user: The user's own.
        unread: The end of a prompt that the renderer does not read.
    """
    lost = unread(prompt)
    if not lost or unread(user).endswith(lost):
        return Fit(prompt)
    parts = [part.strip() for part in prompt.split(",")]
    users, there = user.split(","), {_key(part) for part in parts}
    within = {word for part in users if _key(part) not in there for word in _words(part)}
    older = {_key(part) for part in parent.split(",") if within.isdisjoint(_words(part))}
    older -= {_key(part) for part in users}
    dropped: list[str] = []
    while place := next((n for n, part in enumerate(parts) if n and _key(part) in older), None):
        dropped.append(parts.pop(place))
        shorter = ", ".join(parts)
        if not unread(shorter):
            return Fit(shorter, tuple(dropped))
    return Fit(prompt, lost=lost)


def _words(part: str) -> set[str]:
    """Those that carry meaning."""
    return {word.text for word in meaningful(words_of(part))}


def _key(part: str) -> str:
    return " ".join(part.casefold().split()).strip(" .;:!")
