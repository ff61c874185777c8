"""What all known people are predicted to say of a picture.

    judge = Judge(Path("examples"), "pamela", device="auto")
    judge.opinions_of(found, candidate, seed=0)[0].mean

The one rule that is not obvious: the models are loaded when somebody first asks, and once; whoever
asks meanwhile waits for that.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from agent.errors import InputError
from agent.look.inside import picture_of
from agent.look.report.charts import WIDE, Bar, Scale
from agent.look.salvage import Salvaged
from agent.trajectory import Candidate
from scorer.pictures import PictureError

if TYPE_CHECKING:
    from agent.lists import People
    from scorer.personal import PersonalScorer

NOBODY = "nobody is known here: start `pamela-agent view` with --users FOLDER"


@dataclass(frozen=True)
class Opinion:
    """What one person is predicted to say of a picture."""

    user_id: str
    mean: float
    std: float | None
    """Of the liking; None where the scorer does not know it."""
    is_theirs: bool
    """Whether the run was made for them."""


def on_scale(opinion: Opinion) -> Bar:
    """Where it stands between 1 and 5; what lies beyond stands at the end."""
    scale, reach = Scale(1.0, 5.0, 4.0, WIDE - 4.0), 2 * (opinion.std or 0.0)

    def placed(value: float) -> float:
        return scale(min(5.0, max(1.0, value)))

    mean = opinion.mean
    return Bar(scale(3.0), placed(mean), placed(mean - reach), placed(mean + reach))


class Judge:
    """The people that are known and the scorer that speaks for them.

    Args:
        users: A folder with profiles, or one profile; None for nobody.
        spec: The scorer's: `pamela[:<path or id>]`.
        device: Where it runs.
    """

    def __init__(self, users: Path | None, spec: str, *, device: str) -> None:
        self._users = users
        self._spec = spec
        self._device = device
        self.lock = Lock()
        """Whoever uses the scorer holds it: the models are not for two threads at once."""

    def people(self) -> "People":
        """The known people as their files are now, and which of those can't be used.

        Raises:
            InputError: nobody is known.
        """
        from agent.clock import Clock
        from agent.lists import usable_people

        if self._users is None:
            raise InputError(NOBODY)
        return usable_people(self._users, Clock())

    @cached_property
    def scorer(self) -> "PersonalScorer":
        """The scorer; it loads its models at its first question.

        Raises:
            InputError: it is not there, or knows no people.
        """
        from scorer import make_scorer
        from scorer.personal import PersonalScorer

        made = make_scorer(self._spec, device=self._device)
        if not isinstance(made, PersonalScorer) or self._spec.partition(":")[0] != "pamela":
            raise InputError(f"--scorer {self._spec!r} learns from no ratings: take pamela")
        return made

    def opinions_of(self, found: Salvaged, candidate: Candidate, seed: int) -> list[Opinion]:
        """What everybody would say of a candidate's picture, whoever likes it most first.

        Raises:
            InputError: nobody is known, or there is no such picture.
        """
        people = list(self.people().usable.values())
        if seed >= len(candidate.images):
            raise InputError(f"{candidate.id!r} has no picture")
        path = candidate.images[seed].path
        try:
            picture = picture_of(found.folder, path)
        except PictureError as error:
            raise InputError(f"{path!r} {error}") from error
        words = found.run.config.words_of(found.run.prompt)
        with self.lock:
            liking = self.scorer.likings([picture], [words], people)
        opinions = [
            Opinion(
                user_id=user.user_id,
                mean=float(mean),
                std=float(std) if np.isfinite(std) else None,
                is_theirs=user.user_id == found.run.user_id,
            )
            for user, mean, std in zip(people, liking.mean[:, 0], liking.std[:, 0], strict=True)
        ]
        return sorted(opinions, key=lambda opinion: -opinion.mean)
