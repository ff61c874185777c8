"""The boundary to whatever judges pictures: one Protocol and its value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import PIL.Image

from scorer.profile import UserProfile


@dataclass(frozen=True)
class Scores:
    """The judgement of one picture.

    `value` is what a search maximises (for `pamela`: predicted liking on the scale 1–5, not
    clipped). `parts` holds it again under its own name (`personal`, `average`, `noise` …)
    beside the guards: `adherence`, `saturation`, `colourfulness`, `sharpness`, and
    `personal_sd` where the scorer knows its standard deviation.
    """

    value: float
    parts: Mapping[str, float] = field(default_factory=dict)


class Scorer(Protocol):
    """Judges pictures for one person.

    Contract: one `Scores` a picture, in order; `prompts` are the user's own prompts (None is a
    missing token), one a picture; the features of a picture are computed once, whoever the user
    is. Deterministic. `describe()` names models and versions for `run.json`.
    """

    def score(
        self,
        images: Sequence[PIL.Image.Image],
        prompts: Sequence[str | None],
        user: UserProfile,
    ) -> list[Scores]: ...

    def describe(self) -> Mapping[str, str]: ...


@runtime_checkable
class Leans(Protocol):
    """A scorer that expects something of words before a picture is drawn.

    Contract: by the name of each value, what a picture that shows it is expected to be worth to
    this person beside others of its axis, in standard deviations of the scores; nothing at all
    where the scorer has nothing to go by. Deterministic.
    """

    def leanings(
        self,
        prompt: str | None,
        user: UserProfile,
        words: Mapping[str, Mapping[str, Sequence[str]]],
    ) -> dict[str, float]: ...
