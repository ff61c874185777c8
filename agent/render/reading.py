"""Reads the attributes of a scene out of a prompt; pure, the embedding is an argument.

    read("a red boat at dusk", phrases, embed)      # {"subject": "boat", "colour": "red", …}

Phrases that stand in the prompt word for word come first, the longest of them first, and a word
belongs to one phrase only: "stone tower" is a tower and no stone, "snowman" is no snow, "black
and white" is no white. What they leave open is looked for among the parts of the prompt that no
phrase has used, by sentence embedding. The one rule that is not obvious: the subject is what is
named first, everything else is what is named last, because edits are added at the end.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

Phrases = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By attribute and value: the ways to say it."""
Embed = Callable[[Sequence[str]], Float[np.ndarray, "text dim"]]

NOTHING = "nothing"
"""An attribute for phrases that only look like a value: "depth of field" is no meadow."""
PAUSE = "|"
"""Stands for punctuation between words."""
PREPOSITIONS = frozenset(
    (
        "above",
        "against",
        "among",
        "as",
        "at",
        "behind",
        "below",
        "beneath",
        "beside",
        "between",
        "by",
        "during",
        "from",
        "in",
        "inside",
        "into",
        "lit",
        "near",
        "of",
        "on",
        "over",
        "seen",
        "shot",
        "standing",
        "surrounded",
        "through",
        "under",
        "with",
    )
)
ARTICLES = frozenset({"a", "an", "the"})
EMPTY_WORDS = frozenset({"", "light", "view"})
"""What is left of "against the light" says nothing."""
NEGATIONS = frozenset({"no", "not", "without", "never"})
ADJECTIVE_REACH = 3
"""How many words may stand between a colour and what it colours."""


@dataclass(frozen=True)
class Mention:
    """A phrase found in the prompt: words `start` to `end` (not included)."""

    attribute: str
    value: str
    start: int
    end: int


@lru_cache(maxsize=4096)
def split_words(text: str) -> tuple[str, ...]:
    """Lower-case words without apostrophes and hyphens; other punctuation is a pause."""
    plain = re.sub(r"['’`]", "", text.lower()).replace(":", " ")
    tokens = re.findall(r"[^\W_]+|[^\w\s\-–]+", plain)
    return tuple(token if token.isalnum() else PAUSE for token in tokens)


def mentions(words: Sequence[str], phrases: Phrases) -> list[Mention]:
    """The phrases that stand in the prompt, in reading order; longer ones win where they overlap.

    A phrase behind "no" or "without" uses up its words and is not mentioned.
    """
    known = {
        (attribute, value, split_words(phrase))
        for attribute, values in phrases.items()
        for value, ways in values.items()
        for phrase in ways
    }
    used: set[int] = set()
    found: list[Mention] = []
    for attribute, value, phrase in sorted(known, key=lambda item: (-len(item[2]), item)):
        for start in _places(words, phrase):
            span = range(start, start + len(phrase))
            if used.isdisjoint(span):
                used.update(span)
                found.append(Mention(attribute, value, start, span.stop))
    return sorted(found, key=lambda mention: mention.start)


def _places(words: Sequence[str], phrase: tuple[str, ...]) -> list[int]:
    last = len(words) - len(phrase)
    return [n for n in range(last + 1) if tuple(words[n : n + len(phrase)]) == phrase]


def names_one(prompt: str, subjects: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether a prompt says what is in the picture with one of these words.

    Not as a place: "a giraffe in front of a house" names no house. A prompt that begins with the
    place may: "on a hill a tower".
    """
    words = split_words(prompt)
    found = mentions(words, {"subject": subjects})
    if found and words[0] in PREPOSITIONS:
        return True
    led_by = PREPOSITIONS - {"of"}
    before = (" ".join(words[: mention.start]).rpartition(PAUSE)[2] for mention in found)
    return any(led_by.isdisjoint(clause.split()) for clause in before)


def denied(words: Sequence[str], mention: Mention) -> bool:
    """Whether the phrase is what the picture is not to show."""
    before = words[max(0, mention.start - 2) : mention.start]
    return not NEGATIONS.isdisjoint(before)


def meant(words: Sequence[str], found: Sequence[Mention]) -> list[Mention]:
    """The mentions without colours of other things: "a red boat", but not "a boat, red sky"."""
    subject = next((m for m in found if m.attribute == "subject" and not denied(words, m)), None)
    return [m for m in found if m.attribute != "colour" or _colours(words, m, subject)]


def chosen(words: Sequence[str], found: Sequence[Mention]) -> dict[str, str]:
    """One value an attribute: the first subject, the last of everything else."""
    wanted = [m for m in found if m.attribute != NOTHING and not denied(words, m)]
    values = {mention.attribute: mention.value for mention in wanted}
    subjects = [mention.value for mention in wanted if mention.attribute == "subject"]
    return {**values, "subject": subjects[0]} if subjects else values


def _colours(words: Sequence[str], colour: Mention, subject: Mention | None) -> bool:
    if subject is None:
        return False
    between = words[colour.end : subject.start]
    stops = PREPOSITIONS | ARTICLES | {PAUSE}
    reach = 0 <= subject.start - colour.end <= ADJECTIVE_REACH
    return reach and stops.isdisjoint(between)


def leftovers(words: Sequence[str], found: Sequence[Mention]) -> list[str]:
    """The parts of the prompt that no phrase has used, cut at pauses and prepositions."""
    used = {place for mention in found for place in range(mention.start, mention.end)}
    parts: list[list[str]] = [[]]
    for place, word in enumerate(words):
        if word == PAUSE or place in used or word in PREPOSITIONS:
            parts.append([])
        if word != PAUSE and place not in used:
            parts[-1].append(word)
    return [core for part in parts if (core := _core(part))]


def _core(words: Sequence[str]) -> str:
    """Words without prepositions and articles: "by the fireplace" is not "by the water"."""
    return " ".join(word for word in words if word not in PREPOSITIONS | ARTICLES | {PAUSE})


def nearest(
    parts: Sequence[str], values: Mapping[str, tuple[str, ...]], embed: Embed
) -> tuple[str, float]:
    """The value with a phrase that comes closest to one of the parts, and its cosine."""
    heard = embed(parts)
    closeness: dict[str, float] = {}
    for value, ways in values.items():
        said = sorted({_core(split_words(way)) for way in ways} - EMPTY_WORDS)
        closeness[value] = float((heard @ embed(said).T).max())
    best = max(closeness, key=lambda value: closeness[value])
    return best, closeness[best]


def read(
    prompt: str, phrases: Phrases, embed: Embed, thresholds: Mapping[str, float]
) -> dict[str, str]:
    """The attributes that a prompt names.

    Args:
        prompt: What is to be drawn.
        phrases: The ways to say every value.
        embed: Unit-length sentence embeddings, (text, dim).
        thresholds: For attributes that may be said in other words: the least cosine that counts.

    Returns:
        Values by attribute; what the prompt leaves open is left out.
    """
    words = split_words(prompt)
    found = meant(words, mentions(words, phrases))
    values = chosen(words, found)
    parts = leftovers(words, found)
    for attribute, threshold in thresholds.items():
        if parts and attribute not in values:
            value, cosine = nearest(parts, phrases[attribute], embed)
            if cosine >= threshold:
                values[attribute] = value
    return values
