"""Global reward models: what everybody is said to like, to compare the personal predictor with.

    reward = load_reward("hpsv3")                   # or "hpsv3:<path or id>"
    reward.rewards([picture], ["a boat on a lake"])

One file a model. The one rule that is not obvious: each keeps its authors' preprocessing and
scale, so figures of two models are never compared with each other, only their rankings are.
"""

import importlib

from scorer.baselines.base import Reward, RewardScorer
from scorer.errors import InputError

__all__ = ["REWARDS", "Reward", "RewardScorer", "load_reward"]

REWARDS = {
    "hpsv3": "scorer.baselines.hpsv3",
    "qalign": "scorer.baselines.qalign",
    "laion": "scorer.baselines.laion",
    "pickscore": "scorer.baselines.pickscore",
    "imagereward": "scorer.baselines.imagereward",
    "clipscore": "scorer.baselines.clipscore",
    "glossy": "scorer.baselines.glossy",
}
"""The module of each, which has `load(place, *, device, trust_remote_code) -> Reward`."""


def load_reward(spec: str, *, device: str = "auto", trust_remote_code: bool = False) -> Reward:
    """The reward model that `<name>` or `<name>:<path or id>` names.

    Args:
        spec: The name alone takes the authors' published checkpoint.
        device: `auto`, `cpu`, `cuda` or `mps`.
        trust_remote_code: Whether code that comes with a checkpoint may run.

    Raises:
        InputError: the name is unknown.
        PrerequisiteError: the checkpoint, or a package that it needs, is missing.
    """
    name, _, place = spec.partition(":")
    if name not in REWARDS:
        raise InputError(f"unknown reward model {spec!r}: known are {', '.join(REWARDS)}")
    module = importlib.import_module(REWARDS[name])
    reward: Reward = module.load(place or None, device=device, trust_remote_code=trust_remote_code)
    return reward
