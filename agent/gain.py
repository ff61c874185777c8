"""How much better the best prompt is than the user's own, said honestly.

    honest_gain(initial, best, heldout).heldout_ci95

The one rule that is not obvious: the search's own figure is optimistic (it is the best of many
on the very seeds that chose it), so the headline comes from held-out seeds, on which both
prompts are drawn and compared pair by pair.
"""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from agent.trajectory import Candidate, Gain, Heldout


def paired_interval(differences: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % t-interval of the mean of paired differences (Student 1908), low then high.

    None with fewer than two pairs.
    """
    if len(differences) < 2:
        return None
    from scipy.special import stdtrit

    quantile = float(stdtrit(len(differences) - 1, 0.975))
    half = quantile * stdev(differences) / math.sqrt(len(differences))
    mean = fmean(differences)
    return (mean - half, mean + half)


def paired_differences(initial: str, best: str, heldout: Sequence[Heldout]) -> list[float]:
    """Best less initial, for the seeds on which both have a score, in the order of the seeds."""
    scores = {(h.candidate, h.seed): h.score for h in heldout if h.score is not None}
    seeds = dict.fromkeys(h.seed for h in heldout)
    return [
        scores[best, seed] - scores[initial, seed]
        for seed in seeds
        if (best, seed) in scores and (initial, seed) in scores
    ]


def search_gain(initial: Candidate | None, best: Candidate | None) -> float | None:
    """The gain on the seeds of the search; None where one of the two has no score."""
    if initial is None or best is None or initial.score is None or best.score is None:
        return None
    return best.score - initial.score


def honest_gain(initial: Candidate, best: Candidate, heldout: Sequence[Heldout]) -> Gain:
    """The gain on the seeds of the search and on the held-out ones.

    The best prompt being the initial one, the gain is 0 and its interval [0, 0] by definition.
    """
    if best.id == initial.id:
        return Gain(search=0.0, heldout=0.0, heldout_ci95=(0.0, 0.0))
    differences = paired_differences(initial.id, best.id, heldout)
    return Gain(
        search=search_gain(initial, best),
        heldout=fmean(differences) if differences else None,
        heldout_ci95=paired_interval(differences),
    )
