"""Ratings with a known rule: pictures are vectors, and taste is linear in them."""

from collections.abc import Sequence

import numpy as np
import PIL.Image
import torch

from scorer.encoders import PictureFeatures, unit
from scorer.ratings import Ratings, Scale, Source
from scorer.tokens import Vocabulary, assemble

FIELDS = ("person.age", "person.gender")


def sentences(texts: Sequence[str]) -> np.ndarray:
    """A fixed vector of six numbers for each text."""
    rows = [np.random.default_rng(list(text.encode())).normal(size=6) for text in texts]
    return np.array(rows, np.float32).reshape(len(rows), 6)


class SyntheticEncoder:
    """Reads the mean colour of a picture; texts are fixed vectors."""

    id, visual_tokens, visual_dim, dim = "synthetic", 1, 5, 4

    def encode_images(self, images: Sequence[PIL.Image.Image]) -> PictureFeatures:
        colours = [np.asarray(image.convert("RGB"), np.float32).mean((0, 1)) for image in images]
        means = np.array(colours, np.float32).reshape(len(images), 3) / 127.5 - 1
        visual = np.concatenate([means, means[:, :2] * means[:, 1:]], axis=1)
        return PictureFeatures(visual, unit(visual[:, :4] + 1e-3))

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return unit(sentences(texts)[:, :4])


def synthetic_ratings(
    people: int, ratings: int, *, seed: int = 0, by_gender: float = 1.5
) -> Ratings:
    """Everybody likes the first feature; the second is liked by women and disliked by men."""
    generator = np.random.default_rng(seed)
    count = people * ratings
    visual = generator.normal(size=(count, 5)).astype(np.float32)
    user = np.repeat(np.arange(people), ratings)
    women = generator.random(people) < 0.5
    own = generator.normal(size=people)
    liking = visual[:, 0] + by_gender * np.where(women, 1, -1)[user] * visual[:, 1]
    liking += own[user] * visual[:, 2] + 0.3 * generator.normal(size=count)
    said = [{"person.gender": "female" if women[u] else "male"} for u in user]
    tokens = assemble(
        visual,
        range(count),
        [None] * count,
        said,
        Vocabulary(SyntheticEncoder(), FIELDS, sentences),
    )
    score = torch.tensor(np.clip(np.round(3 + liking), 1, 5), dtype=torch.float32)
    mean, std = float(score.mean()), float(score.std())
    return Ratings(
        tokens,
        score,
        (score - mean) / std,
        torch.tensor(user),
        tuple(f"{seed}/{number}" for number in range(people)),
        Source(SyntheticEncoder(), "synthetic", FIELDS, {"synthetic": Scale(mean, std)}),
    )
