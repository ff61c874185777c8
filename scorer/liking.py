"""What the predictor says of people and pictures: scores, likings, what a rating would teach."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from scorer.adapt import Posterior


@dataclass(frozen=True)
class Judgement:
    """What the network says of pictures as some people see them."""

    score: Float[np.ndarray, "user image"]
    cls: Float[np.ndarray, "user image width"]
    pooled: Float[np.ndarray, "image pooled"]
    """The same for everybody."""

    def features(self) -> Float[np.ndarray, "image feature"]:
        """What the first person's ratings are regressed on (`PamelaNetwork.features`)."""
        return np.concatenate([self.cls[0], self.pooled], axis=1)


@dataclass(frozen=True)
class Liking:
    """How much people like pictures, on the scale of the ratings."""

    mean: Float[np.ndarray, "user image"]
    std: Float[np.ndarray, "user image"]
    """Of the liking itself; nan where the person is left out."""


@dataclass(frozen=True)
class Inquiry:
    """What some pictures leave open of a person's taste."""

    ask: int
    """The picture whose rating would teach most."""
    mean: float
    """What the person is expected to say of it."""
    uncertainty: float
    """Standard deviation of the liking, mean over the pictures."""
    left_out: float | None
    """Mean distance of the person's ratings from what the others make one expect; None with one."""


@dataclass(frozen=True)
class Known:
    """What the demographics and ratings of one person come to."""

    taste: Posterior
    left_out: Float[np.ndarray, " rating"]
