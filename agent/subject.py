"""The words of a prompt, and those that name what it is about; pure.

    [word.text for word in subject_of("an old keeper reading a letter")]       # ["old", "keeper"]

English is all that it knows of grammar; of other languages every word counts as one that carries
meaning. The one rule that is not obvious: in scripts without spaces each letter is a word.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from agent.text import ESCAPE, is_invisible

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_]+|[^\w\s]")
"""A letter of a script without spaces, a word, or a sign."""
_POSSESSIVE = re.compile(r"['’]s\b", re.IGNORECASE)
_NO_WORDS = frozenset("PM")
"""Punctuation, and marks that only change the sign before them."""
_PREPOSITIONS = (
    "above across against along amid among around as at before behind below beneath beside between "
    "by down during for from in inside into near next of off on onto out over through to toward "
    "towards under up upon with within without"
)
_OTHERS = (
    "a an and are be being but her his is it its made my or our seen that the their this these "
    "those was were who which while your"
)
_PICTURES = (
    "closeup drawing illustration image painting photo photograph picture portrait rendering scene "
    "shot sketch view"
)
PREPOSITIONS = frozenset(_PREPOSITIONS.split())
FUNCTION_WORDS = PREPOSITIONS | frozenset(_OTHERS.split())
PICTURES = frozenset(_PICTURES.split())
"""What a prompt may begin with before it comes to its subject."""


@dataclass(frozen=True)
class Word:
    """A word of a text, and where it stands."""

    text: str
    start: int
    end: int

    @property
    def span(self) -> tuple[int, int]:
        """Its first and last (not included) character."""
        return self.start, self.end


def words_of(text: str) -> list[Word]:
    """Words in lower case and signs, without punctuation and the possessive 's.

    What a terminal obeys and what shows nothing is no word, and divides none.
    """
    bare = ESCAPE.sub(_blank, text)
    places = [place for place, sign in enumerate(bare) if not is_invisible(sign)]
    seen = _POSSESSIVE.sub(_blank, "".join(bare[place] for place in places))
    return [
        Word(found.group().casefold(), places[found.start()], places[found.end() - 1] + 1)
        for found in _WORD.finditer(seen)
        if unicodedata.category(found.group()[0])[0] not in _NO_WORDS
    ]


def _blank(found: re.Match[str]) -> str:
    return " " * len(found.group())


def meaningful(words: Sequence[Word]) -> list[Word]:
    """The words without articles, prepositions and the like, or all if nothing else is left."""
    return [word for word in words if word.text not in FUNCTION_WORDS] or list(words)


def subject_of(text: str) -> list[Word]:
    """The words that name what a prompt is about: its first phrase behind no preposition.

    A phrase ends before a function word, punctuation and a participle in -ing.
    """
    phrases = _phrases(text)
    for place, (led_by, words) in enumerate(phrases):
        behind_picture = place > 0 and _is_picture(phrases[place - 1][1])
        if (led_by not in PREPOSITIONS or behind_picture) and not _is_picture(words):
            return words
    return phrases[0][1] if phrases else meaningful(words_of(text))


def _is_picture(words: Sequence[Word]) -> bool:
    return words[-1].text in PICTURES


def _phrases(text: str) -> list[tuple[str, list[Word]]]:
    """Runs of meaningful words, each with the last preposition before it or ""."""
    phrases: list[tuple[str, list[Word]]] = []
    led_by, end, open_ = "", 0, False
    for word in words_of(text):
        between = _POSSESSIVE.sub("", text[end : word.start])
        if between.strip(" -–"):
            led_by, open_ = "", False
        if open_ and (between == "-" or not _ends_a_phrase(word)):
            phrases[-1][1].append(word)
        elif word.text in FUNCTION_WORDS:
            led_by = word.text if word.text in PREPOSITIONS else led_by
            open_ = False
        else:
            phrases.append((led_by, [word]))
            led_by, open_ = "", True
        end = word.end
    return phrases


def _ends_a_phrase(word: Word) -> bool:
    return word.text in FUNCTION_WORDS or word.text.endswith("ing")
