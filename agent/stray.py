"""How far the words of an edit have left the user's; pure, the embedding is an argument.

    own = OwnWords("a red house in the snow", embed_spans)
    left = strays(own, "a red car in the snow", "medium")
    left.message()       # "subject 0.210 is below 0.350: nothing in the edit stands for 'house' …"

Every word of the user's prompt that carries meaning is looked for in the edit: 1 where it stands
there, else its best cosine with a word of the edit, both read in their sentences (the recall of
BERTScore, Zhang et al. 2020, word by word). The figure is that of the word that is found least:
`words` among all of them, `subject` among those that name the subject. The one rule that is not
obvious: words that stand there unchanged are not embedded, so an edit that only adds words never
loads a model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from agent.config import Stray
from agent.subject import Word, meaningful, subject_of, words_of

EmbedSpans = Callable[[str, Sequence[tuple[int, int]]], np.ndarray]
"""Unit-length vectors of parts of a text, (span, dim)."""

WORDS, SUBJECT, VERBATIM = "words", "subject", "verbatim"
LEAST: Mapping[Stray, Mapping[str, float]] = {
    "none": {VERBATIM: 1.0},
    "low": {WORDS: 0.31, SUBJECT: 0.35},
    "medium": {SUBJECT: 0.35},
    "high": {},
}
"""What each figure may come down to; `python -m benchmarks.stray` measures it."""


@dataclass(frozen=True)
class OwnWords:
    """The user's prompt; its vectors are computed once, when they are first needed."""

    prompt: str
    embed: EmbedSpans

    @cached_property
    def words(self) -> list[Word]:
        """Those that carry meaning."""
        return meaningful(words_of(self.prompt))

    @cached_property
    def subject(self) -> list[Word]:
        """Those that name what it is about."""
        return subject_of(self.prompt)

    @cached_property
    def vectors(self) -> dict[Word, np.ndarray]:
        """Of the words that carry meaning and the subject's."""
        words = list(dict.fromkeys((*self.words, *self.subject)))
        spans = [word.span for word in words]
        return dict(zip(words, self.embed(self.prompt, spans), strict=True))


def found(own: OwnWords, text: str, wanted: Sequence[Word]) -> np.ndarray:
    """How surely each wanted word is found in a text: 1 if it stands there, else a cosine."""
    there = words_of(text)
    said = {word.text for word in there}
    figures = np.ones(len(wanted))
    missing = [place for place, word in enumerate(wanted) if word.text not in said]
    if missing:
        heard = own.embed(text, [w.span for w in meaningful(there)]) if there else np.zeros((0, 1))
        for place in missing:
            cosines = heard @ own.vectors[wanted[place]] if there else np.zeros(0)
            figures[place] = max(0.0, float(cosines.max(initial=0.0)))
    return figures


@dataclass(frozen=True)
class Straying:
    """Why an edit goes too far."""

    figure: str
    value: float
    least: float
    gone: str
    """The word of the user's prompt that is found least."""

    def message(self) -> str:
        """One line with the figure."""
        return (
            f"{self.figure} {self.value:.3f} is below {self.least:.3f}: nothing in the edit stands "
            f"for {self.gone!r} of your prompt"
        )


def strays(own: OwnWords, text: str, level: Stray) -> Straying | None:
    """Why a text is further from the user's prompt than the level allows, or None."""
    for figure, least in LEAST[level].items():
        value, gone = measured(own, text, figure)
        if value < least:
            return Straying(figure, value, least, gone)
    return None


def measured(own: OwnWords, text: str, figure: str) -> tuple[float, str]:
    """A figure of a text, and the word of the user's prompt that says most against it."""
    if figure == VERBATIM:
        return verbatim(own.prompt, text)
    wanted = own.subject if figure == SUBJECT else own.words
    if not wanted:
        return 1.0, ""
    figures = found(own, text, wanted)
    return float(figures.min()), wanted[int(figures.argmin())].text


def verbatim(prompt: str, text: str) -> tuple[float, str]:
    """How much of a prompt stands in a text word for word, in order, and what is then missing."""
    wanted = [word.text for word in words_of(prompt)]
    there = iter(word.text for word in words_of(text))
    gone = next((n for n, word in enumerate(wanted) if word not in there), len(wanted))
    return (gone / len(wanted), wanted[gone]) if gone < len(wanted) else (1.0, "")
