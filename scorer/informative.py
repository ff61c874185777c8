"""Which picture would a person's rating teach most about?

    taste = posterior(...)
    order = most_informative(features, taste, prior, count=10)

The greedy choice of Bayesian experimental design (Chaloner and Verdinelli 1995): a rating of a
picture with regressors φ takes ½·log(1 + φᵀΣφ / noise) of information about the weights, and then
Σ shrinks as if it had been given, whatever it says. So pictures that resemble each other are not
all asked for.
"""

import numpy as np
from jaxtyping import Float

from scorer.adapt import Posterior, Prior, design


def most_informative(
    features: Float[np.ndarray, "image feature"], person: Posterior, prior: Prior, *, count: int
) -> list[int]:
    """The pictures to ask for, the one that teaches most first.

    Args:
        features: Those of the pictures that can be asked for.
        person: What is known already.
        prior: Of the weights and the noise.
        count: How many at most.
    """
    phi = design(features, prior)
    covariance = person.covariance.copy()
    chosen: list[int] = []
    for _ in range(min(count, len(phi))):
        variance = ((phi @ covariance) * phi).sum(axis=1)
        variance[chosen] = -np.inf
        best = int(variance.argmax())
        chosen.append(best)
        seen = covariance @ phi[best]
        covariance -= np.outer(seen, seen) / (phi[best] @ seen + prior.noise)
    return chosen
