"""How much would this person like this picture?

    scorer = make_scorer("pamela")
    scorer.score([picture], ["a boat on a lake"], UserProfile.load("profile.json"))

Nothing heavy is imported until a scorer that needs it is used.
"""

from functools import partial

from scorer.base import Scorer, Scores
from scorer.baselines import REWARDS as _REWARDS
from scorer.errors import InputError
from scorer.profile import Rating, UserProfile

__all__ = ["SCORERS", "InputError", "Rating", "Scorer", "Scores", "UserProfile", "make_scorer"]

SCORERS = (
    "pamela[:<path or id>]",
    "average[:<path or id>]",
    *(f"{name}[:<path or id>]" for name in _REWARDS),
    "fake:noise",
)
"""The specs that `make_scorer` knows."""


def make_scorer(
    spec: str, *, device: str = "auto", seed: int = 0, trust_remote_code: bool = False
) -> Scorer:
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
    kind, separator, place = spec.partition(":")
    if spec == "fake:noise":
        from scorer.noise import NoiseScorer

        return NoiseScorer(seed=seed)
    if kind not in ("pamela", "average", *_REWARDS) or (separator and not place):
        raise InputError(f"unknown scorer {spec!r}: known are {', '.join(SCORERS)}")
    if kind in _REWARDS:
        from scorer.baselines import RewardScorer, load_reward

        return RewardScorer(
            kind, partial(load_reward, spec, device=device, trust_remote_code=trust_remote_code)
        )
    from scorer.personal import PersonalScorer, predictor_folder

    folder = str(predictor_folder(spec)) if kind == "average" or not place else place
    return PersonalScorer(
        folder, personal=kind == "pamela", device=device, called=place or "embedded"
    )
