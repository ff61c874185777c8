"""How much would this person like this picture?

    scorer = make_scorer("pamela")
    scorer.score([picture], ["a boat on a lake"], UserProfile.load("profile.json"))

Nothing heavy is imported until a scorer that needs it is used. Names are looked up when they are
first used, so that a command that scores nothing pays for none of this.
"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from scorer.base import Scorer, Scores
    from scorer.errors import InputError
    from scorer.profile import Rating, UserProfile

    SCORERS: tuple[str, ...]

__all__ = ["SCORERS", "InputError", "Rating", "Scorer", "Scores", "UserProfile", "make_scorer"]

_ELSEWHERE = {
    "InputError": "scorer.errors",
    "Rating": "scorer.profile",
    "Scorer": "scorer.base",
    "Scores": "scorer.base",
    "UserProfile": "scorer.profile",
}
"""Where a name lives that is not in this file."""


def __getattr__(name: str) -> typing.Any:
    if name == "SCORERS":
        return _specs()
    if name not in _ELSEWHERE:
        raise AttributeError(f"module 'scorer' has no attribute {name!r}")
    return getattr(importlib.import_module(_ELSEWHERE[name]), name)


def _specs() -> tuple[str, ...]:
    """The specs that `make_scorer` knows."""
    from scorer.baselines import REWARDS

    rewards = (name if name == "glossy" else f"{name}[:<path or id>]" for name in REWARDS)
    return ("pamela[:<path or id>]", "average[:<path or id>]", *rewards, "fake:noise")


def make_scorer(
    spec: str, *, device: str = "auto", seed: int = 0, trust_remote_code: bool = False
) -> "Scorer":
    """The scorer that a spec names.

    Args:
        spec: `pamela[:<path or id>]` (personal), `average[:<path or id>]` (the person left out), a
            global reward model such as `hpsv3` (`scorer.baselines`), or `fake:noise`.
        device: `auto`, `cpu`, `cuda` or `mps`.
        seed: Of the noise; the others are deterministic.
        trust_remote_code: Whether code that comes with a reward model's checkpoint may run.

    Raises:
        InputError: the spec is unknown.
        PrerequisiteError: the weights that it names are missing.
    """
    from functools import partial

    from scorer.baselines import REWARDS
    from scorer.errors import InputError

    kind, separator, place = spec.partition(":")
    if spec == "fake:noise":
        from scorer.noise import NoiseScorer

        return NoiseScorer(seed=seed)
    if kind not in ("pamela", "average", *REWARDS) or (separator and not place):
        raise InputError(f"unknown scorer {spec!r}: known are {', '.join(_specs())}")
    if kind in REWARDS:
        from scorer.baselines import RewardScorer, load_reward

        return RewardScorer(
            kind, partial(load_reward, spec, device=device, trust_remote_code=trust_remote_code)
        )
    from scorer.personal import PersonalScorer, predictor_folder

    folder = str(predictor_folder(spec)) if kind == "average" or not place else place
    return PersonalScorer(
        folder, personal=kind == "pamela", device=device, called=place or "embedded"
    )
