"""How much would this person like this picture?

    scorer = make_scorer("pamela")
    scorer.score([picture], ["a boat on a lake"], UserProfile.load("profile.json"))

Nothing heavy is imported until a scorer that needs it is used.
"""

from scorer.base import Scorer, Scores
from scorer.errors import InputError
from scorer.profile import Rating, UserProfile

__all__ = ["SCORERS", "InputError", "Rating", "Scorer", "Scores", "UserProfile", "make_scorer"]

SCORERS = ("pamela[:<path or id>]", "average", "fake:noise")
"""The specs that `make_scorer` knows."""


def make_scorer(spec: str, *, device: str = "auto", seed: int = 0) -> Scorer:
    """The scorer that a spec names.

    Args:
        spec: `pamela[:<path or id>]` (personal), `average` (the person left out), `fake:noise`.
        device: `auto`, `cpu`, `cuda` or `mps`.
        seed: Of the noise; the others are deterministic.

    Raises:
        InputError: the spec is unknown.
        PrerequisiteError: the weights that it names are missing.
    """
    kind, _, place = spec.partition(":")
    if spec == "fake:noise":
        from scorer.noise import NoiseScorer

        return NoiseScorer(seed=seed)
    if spec == "average" or (kind == "pamela" and (place or spec == kind)):
        from miniature import WEIGHTS
        from scorer.personal import PersonalScorer

        default = WEIGHTS / "predictor"
        if spec == "average":
            embedded = str(default / "average")
            return PersonalScorer(embedded, personal=False, device=device, called="embedded")
        if not place:
            return PersonalScorer(str(default), personal=True, device=device, called="embedded")
        return PersonalScorer(place, personal=True, device=device)
    raise InputError(f"unknown scorer {spec!r}: known are {', '.join(SCORERS)}")
