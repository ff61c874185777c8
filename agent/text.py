r"""Text from people and models is data: how it is shown, compared, and made part of a file name.

    printable("a\x1b[2Jb")                        # one line without the escape character
    marked(word_diff("a rock", "a mossy rock"))    # a [+mossy +]rock

The one rule that is not obvious: `printable` loses nothing. What a terminal would obey is shown
as an escape instead, because what was sent to a renderer is always shown whole.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of what follows them: they can make text read as other text."""
HIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
MAX_SLUG = 24

Change = Literal["same", "added", "removed"]


@dataclass(frozen=True)
class Piece:
    """A stretch of text and what became of it."""

    change: Change
    text: str


def _shown(character: str) -> str:
    if character in DIRECTIONS or unicodedata.category(character) in HIDDEN_CATEGORIES:
        return character.encode("unicode_escape").decode("ascii")
    return character


def printable(text: str) -> str:
    """The text on one line, with everything that a terminal would obey shown as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def slug(text: str) -> str:
    """A short name of a-z, 0-9 and hyphens that is safe in any path; `run` if nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    words = re.findall(r"[a-z0-9]+", plain)
    return "-".join(words)[:MAX_SLUG].strip("-") or "run"


def words_of(text: str) -> list[str]:
    """The text cut into words, each with the white space that follows it; joined they are it."""
    return re.findall(r"\s+|[^\s,;.]+\s*|[,;.]\s*", text)


def word_diff(before: str, after: str) -> list[Piece]:
    """What was taken out and put in, word by word, in reading order."""
    old, new = words_of(before), words_of(after)
    pieces: list[Piece] = []
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece("same", "".join(new[k:m])))
            continue
        if i < j:
            pieces.append(Piece("removed", "".join(old[i:j])))
        if k < m:
            pieces.append(Piece("added", "".join(new[k:m])))
    return pieces


def marked(pieces: Iterable[Piece]) -> str:
    """A diff in plain text: [+added+], [-removed-]."""
    brackets = {"same": ("", ""), "added": ("[+", "+]"), "removed": ("[-", "-]")}
    return "".join(
        f"{brackets[piece.change][0]}{piece.text}{brackets[piece.change][1]}" for piece in pieces
    )
