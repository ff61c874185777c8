"""Scores of the rows of a data set, as a predictor or a global reward model gives them.

    scorer = RowScorer("mine", device="cpu")
    scorer.scores(rows)                             # zero-shot, from the demographics
    scorer.scores(rows, known={"pamela/p1": given}) # after ratings of some of the people

The one rule that is not obvious: a picture is encoded once, whoever rated it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from scorer.adapt import design, posterior, predict_residual
from scorer.baselines.base import Reward
from scorer.data.table import Row
from scorer.demographics import prior_mean
from scorer.errors import InputError
from scorer.people import embeddings_of
from scorer.personal import load_models
from scorer.pictures import read_picture
from scorer.predictor import predict
from scorer.ratings import Ratings, Scale, Source, make_ratings, without_person

CHUNK = 64
"""Pictures that a reward model is given at once."""


class RowScorer:
    """A trained predictor from a folder.

    Args:
        folder: With the network, and the prior of the adaptation if it is personal.
        personal: Off for a network that leaves the person out.
        device: Where network and encoders run.
    """

    def __init__(self, folder: Path, *, personal: bool = True, device: str = "auto") -> None:
        models = load_models(folder, personal=personal, device=device)
        network = self._network = models.network
        self._personal, self._prior = personal, models.prior
        self._source = Source(
            models.encoder,
            network.encoder,
            network.fields,
            {"": Scale(network.score_mean, network.score_std)},
            network.sentence_encoder,
            models.embed,
        )

    def scores(
        self, rows: Sequence[Row], known: Mapping[str, Sequence[Row]] | None = None
    ) -> Float[np.ndarray, " rating"]:
        """The score of every row, on the scale on which the network speaks.

        Args:
            rows: What is asked.
            known: By `<data set>/<person>`, ratings to adapt to; on the network's scale.
        """
        ratings = self._ratings(rows)
        score, asked = predict(self._network, ratings.tokens)
        prior = self._prior
        if prior is None:
            return score.astype(float)
        starts = {
            name: prior_mean(prior, told)
            for name, told in zip(ratings.people, embeddings_of(ratings), strict=True)
        }
        found = score.astype(float)
        users = ratings.user.numpy()
        for number, name in enumerate(ratings.people):
            own = np.flatnonzero(users == number)
            given = list((known or {}).get(name, ()))
            if not given:
                found[own] += design(asked[own], prior) @ starts[name]
                continue
            seen = self._ratings(given)
            told, features = predict(self._network, seen.tokens)
            left = np.array([row.score for row in given]) - told
            person = posterior(features, left, prior, starts[name])
            found[own] += predict_residual(asked[own], person, prior).mean
        return found

    def _ratings(self, rows: Sequence[Row]) -> Ratings:
        ratings = make_ratings(rows, self._source)
        return ratings if self._personal else without_person(ratings)


def reward_scores(reward: Reward, rows: Sequence[Row]) -> Float[np.ndarray, " rating"]:
    """A global reward model's figure for every row; a picture with its prompt is judged once.

    Raises:
        InputError: the model reads prompts, and a row has none.
    """
    if reward.reads_prompt and (bare := next((r for r in rows if r.prompt is None), None)):
        raise InputError(
            f"{reward.id} reads prompts, and {bare.image.name!r} of {bare.dataset!r} has none"
        )
    keys = [(row.image, (row.prompt or "") if reward.reads_prompt else "") for row in rows]
    asked = list(dict.fromkeys(keys))
    found: dict[tuple[Path, str], float] = {}
    for start in range(0, len(asked), CHUNK):
        part = asked[start : start + CHUNK]
        judged = reward.rewards([read_picture(p) for p, _ in part], [text for _, text in part])
        found.update(zip(part, map(float, judged), strict=True))
    return np.array([found[key] for key in keys])
