"""The boundary to global reward models, and what makes a scorer of one."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import PIL.Image
from jaxtyping import Float

from scorer.base import Scores
from scorer.errors import InputError
from scorer.pictures import picture_digest
from scorer.profile import UserProfile
from scorer.quality import guards

BATCH = 16
"""Pictures that are judged at once."""


@runtime_checkable
class Reward(Protocol):
    """Judges pictures for everybody.

    Contract: one figure a picture, in order, on the authors' own scale; higher is better.
    Deterministic: no picture's figure depends on the others in the call, beyond rounding. `id`
    names the weights. `reads_prompt` says whether the figure depends on the prompt.
    """

    @property
    def id(self) -> str: ...

    @property
    def reads_prompt(self) -> bool: ...

    def rewards(
        self, images: Sequence[PIL.Image.Image], prompts: Sequence[str]
    ) -> Float[np.ndarray, " image"]: ...


class RewardScorer:
    """A reward model as a scorer that gives everybody the same. Implements `scorer.base.Scorer`.

    Args:
        name: What its figure is called among the parts of the scores.
        load: Gives the model; called at the first score.
    """

    def __init__(self, name: str, load: Callable[[], Reward]) -> None:
        self._name, self._load = name, load
        self._known: dict[tuple[str, str], float] = {}

    @cached_property
    def _reward(self) -> Reward:
        return self._load()

    def score(
        self,
        images: Sequence[PIL.Image.Image],
        prompts: Sequence[str | None],
        user: UserProfile,
    ) -> list[Scores]:
        """One judgement a picture; a picture with its prompt is judged once.

        Raises:
            InputError: the model reads prompts, and a picture has none.
        """
        if not images:
            return []
        if self._reward.reads_prompt and None in prompts:
            number = list(prompts).index(None) + 1
            raise InputError(
                f"{self._name} needs the prompt of every picture, and picture {number} has none: "
                f"give it with --prompt"
            )
        keys = [
            (picture_digest(image), (prompt or "") if self._reward.reads_prompt else "")
            for image, prompt in zip(images, prompts, strict=True)
        ]
        new = {
            key: image for key, image in zip(keys, images, strict=True) if key not in self._known
        }
        asked = list(new)
        for start in range(0, len(asked), BATCH):
            part = asked[start : start + BATCH]
            found = self._reward.rewards([new[key] for key in part], [text for _, text in part])
            self._known.update(zip(part, map(float, found), strict=True))
        return [
            Scores(self._known[key], {self._name: self._known[key]} | guards(image))
            for key, image in zip(keys, images, strict=True)
        ]

    def describe(self) -> Mapping[str, str]:
        """The model and its weights."""
        return {"scorer": self._name, "weights": self._reward.id}
