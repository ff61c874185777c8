r"""Text from people and models is data: how it is shown, compared, and made part of a file name.

    printable("a\x1b[2Jb")                        # one line without the escape character
    marked(word_diff("a rock", "a mossy rock"))    # a [+mossy +]rock

The one rule that is not obvious: `printable` loses nothing. What a terminal would obey is shown
as an escape instead, because what was sent to a renderer is always shown whole.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)", re.DOTALL)
"""What a terminal obeys: its escape character and what belongs to it."""
JOINERS = frozenset("\u200c\u200d")
"""Invisible, but parts of words in some scripts and of emoji."""
FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that show nothing."""
INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
LINE_ENDS = frozenset({"Zl", "Zp"})
MAX_SLUG = 24
BRIEF = 240
"""Characters of a prompt in lists and headings; three lines of a terminal."""
AROUND = 60
"""Characters on either side of a change that are shown of what stayed the same."""

Change = Literal["same", "added", "removed"]


@dataclass(frozen=True)
class Piece:
    """A stretch of text and what became of it."""

    change: Change
    text: str


def is_invisible(character: str) -> bool:
    """Whether a character shows nothing, not even a space: a control, a mark of direction."""
    if character.isspace():
        return False
    return character in FILLERS or unicodedata.category(character) in INVISIBLE_CATEGORIES


def _shown(text: str, place: int) -> str:
    character = text[place]
    if character in JOINERS and _joins(text, place):
        return character
    category = unicodedata.category(character)
    if character in FILLERS or category in INVISIBLE_CATEGORIES or category in LINE_ENDS:
        return character.encode("unicode_escape").decode("ascii")
    return character


def _joins(text: str, place: int) -> bool:
    """Whether a joiner stands where scripts and emoji need it: between what is not ASCII."""
    sides = (text[place - 1 : place], text[place + 1 : place + 2])
    return all(side and not side.isascii() and not is_invisible(side) for side in sides)


def printable(text: str) -> str:
    """The text on one line; what a terminal would obey, or not show, stands there as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(text, place) for place in range(len(text)))


def is_blank(text: str) -> bool:
    """Whether nothing can be seen of it."""
    return not any(sign.isprintable() and not sign.isspace() for sign in text)


def brief(text: str, most: int = BRIEF) -> str:
    """The text for people, cut where it is longer than that; `…` says that there is more."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


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


def without_the_middle(pieces: Sequence[Piece]) -> list[Piece]:
    """A diff in which long stretches that stayed the same are cut to what is beside the changes."""
    short: list[Piece] = []
    for place, piece in enumerate(pieces):
        text = piece.text
        if piece.change == "same" and len(text) > BRIEF:
            start = text[:AROUND].rstrip() if place > 0 else ""
            end = text[-AROUND:].lstrip() if place < len(pieces) - 1 else ""
            text = f"{start}…{end}" if start or end else brief(text)
        short.append(Piece(piece.change, text))
    return short


def marked(pieces: Iterable[Piece]) -> str:
    """A diff in plain text: [+added+], [-removed-]."""
    brackets = {"same": ("", ""), "added": ("[+", "+]"), "removed": ("[-", "-]")}
    return "".join(
        f"{brackets[piece.change][0]}{piece.text}{brackets[piece.change][1]}" for piece in pieces
    )
