"""A scorer that knows nothing: the control for every claim of a gain. Spec `fake:noise`."""

import hashlib
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import PIL.Image

from scorer.base import Scores
from scorer.pictures import picture_digest
from scorer.profile import UserProfile
from scorer.quality import guards


class NoiseScorer:
    """Scores drawn from N(3, 1) by a hash of the pixels and the seed. Implements `Scorer`.

    Who asks and for what prompt makes no difference; there is no adherence, as that takes a model.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self._seed = seed

    def score(
        self,
        images: Sequence[PIL.Image.Image],
        prompts: Sequence[str | None],
        user: UserProfile,
    ) -> list[Scores]:
        """One independent draw a picture; equal pictures get equal scores."""
        values = [self._draw(image) for image in images]
        return [
            Scores(value, {"noise": value} | guards(image))
            for value, image in zip(values, images, strict=True)
        ]

    def describe(self) -> Mapping[str, str]:
        """The spec and its seed."""
        return {"scorer": "fake:noise", "seed": str(self._seed)}

    def _draw(self, image: PIL.Image.Image) -> float:
        key = f"{self._seed}:{picture_digest(image)}".encode()
        number = int.from_bytes(hashlib.sha256(key).digest()[:8], "big")
        return NormalDist(3.0, 1.0).inv_cdf((number + 0.5) / 2**64)
