"""How a list of requests is cut into the batches that are drawn at once; pure.

    >>> [len(batch) for batch in batches([RenderRequest("a rock", seed) for seed in range(5)], 2)]
    [2, 2, 1]

The one rule that is not obvious: a batch depends on the list alone, never on what is cached or was
drawn before. A model's rounding may differ between batches, so equal batches are what makes equal
pictures; the cache (`agent.render.cache`) relies on it.
"""

from collections.abc import Sequence
from itertools import groupby

from agent.render.base import RenderRequest


def batches(requests: Sequence[RenderRequest], size: int) -> list[list[RenderRequest]]:
    """Consecutive requests of the same picture size, at most `size` of them in a batch."""
    runs = (list(run) for _, run in groupby(requests, key=lambda r: (r.width, r.height)))
    return [run[start : start + size] for run in runs for start in range(0, len(run), size)]
