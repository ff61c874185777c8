"""Which picture would a person's rating teach most about the others?

    taste = posterior(...)
    order = most_informative(features, taste, prior, count=10)

The greedy choice of the V-optimal design: a rating of a picture with regressors φ takes
(ψᵀΣφ)² / (φᵀΣφ + noise) from the variance of what is predicted of a picture ψ; asked for is what
takes most from all of them together, and then Σ shrinks as if it had been given, whatever it says
(Cohn, Ghahramani and Jordan 1996, Active Learning with Statistical Models; Yu, Bi and Tresp 2006,
Active Learning via Transductive Experimental Design). The one rule that is not obvious: the picture
of which least is known may be one that stands alone, whose rating says nothing of the rest.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from scorer.adapt import Posterior, Prior, design


def most_informative(
    features: Float[np.ndarray, "image feature"],
    person: Posterior,
    prior: Prior,
    *,
    count: int,
    among: Sequence[int] | None = None,
) -> list[int]:
    """The pictures to ask for, the one that teaches most first.

    Args:
        features: Those of the pictures of which more is to be known.
        person: What is known already.
        prior: Of the weights and the noise.
        count: How many at most.
        among: Places of those that can be asked for; None for all.
    """
    phi = design(features, prior)
    wanted, covariance = phi.T @ phi, person.covariance.copy()
    left = list(range(len(phi)) if among is None else among)
    chosen: list[int] = []
    while left and len(chosen) < count:
        seen = phi[left] @ covariance
        taken = ((seen @ wanted) * seen).sum(axis=1)
        variance = (seen * phi[left]).sum(axis=1) + prior.noise
        best = int((taken / variance).argmax())
        chosen.append(left.pop(best))
        covariance -= np.outer(seen[best], seen[best]) / variance[best]
    return chosen
