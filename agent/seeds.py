"""Where randomness comes from: every seed of a run follows from the one that the user gave.

    search = derive_seeds(0, "search", 2)
    heldout = derive_seeds(0, "heldout", 8, avoid=search)

The one rule that is not obvious: a seed is a hash of the run's seed, a stream and a number, so
that it depends on no library's generator and asking for more seeds keeps the earlier ones.
"""

import hashlib
from collections.abc import Collection

SEED_BITS = 31
"""All renderers take a seed of this size."""


def derive_seed(root: int, *names: str | int) -> int:
    """One seed of a stream that is named by `names`."""
    text = ":".join(map(str, (root, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> (32 - SEED_BITS)


def derive_seeds(
    root: int, stream: str, count: int, *, avoid: Collection[int] = ()
) -> tuple[int, ...]:
    """`count` different seeds, none of which is in `avoid`."""
    seeds: list[int] = []
    number = 0
    while len(seeds) < count:
        seed = derive_seed(root, stream, number)
        if seed not in avoid and seed not in seeds:
            seeds.append(seed)
        number += 1
    return tuple(seeds)
