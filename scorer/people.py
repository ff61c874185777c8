"""People as the closed-form adaptation meets them: features, residuals, embedded demographics.

    groups = people_of(network, train)              # by person
    prior = prior_of(network, train)                # scorer.adapt, with where demographics start

The one rule that is not obvious: residuals are on the scale on which the network speaks, whatever
the scale of the data set.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from scorer.adapt import Group, Prior, estimate_prior
from scorer.demographics import estimate_demographics
from scorer.predictor import PamelaNetwork, predict
from scorer.ratings import Ratings
from scorer.tokens import person_fields


@dataclass(frozen=True)
class Judged:
    """One person's ratings as the network sees them."""

    features: Float[np.ndarray, "rating feature"]
    residual: Float[np.ndarray, " rating"]
    """What the zero-shot score leaves over."""
    score: Float[np.ndarray, " rating"]
    """Zero-shot."""

    @property
    def group(self) -> Group:
        """For the estimation of a prior."""
        return Group(self.features, self.residual)

    def taken(self, part: slice) -> "Judged":
        """Some of the ratings."""
        return Judged(self.features[part], self.residual[part], self.score[part])


def people_of(network: PamelaNetwork, ratings: Ratings) -> dict[str, Judged]:
    """Each person's features, and what the zero-shot score leaves over."""
    score, features = predict(network, ratings.tokens)
    truth = ratings.standard.cpu().numpy() * network.score_std + network.score_mean
    users = ratings.user.cpu().numpy()
    rows = {name: np.flatnonzero(users == n) for n, name in enumerate(ratings.people)}
    return {
        name: Judged(features[own], (truth - score)[own], score[own]) for name, own in rows.items()
    }


def embeddings_of(ratings: Ratings) -> Float[np.ndarray, "person field sentence"]:
    """Sentence embeddings of each person's fields; nan where one is missing."""
    columns = person_fields(ratings.fields)
    users = ratings.user.cpu().numpy()
    first = [int(np.flatnonzero(users == person)[0]) for person in range(len(ratings.people))]
    index = ratings.tokens.field_index.cpu().numpy()[first][:, columns]
    found = ratings.tokens.sentences.cpu().numpy()[index].astype(np.float64)
    found[index < 0] = np.nan
    return found


def prior_of(network: PamelaNetwork, train: Ratings) -> Prior:
    """The prior of the adaptation, with where the demographics let a person start."""
    groups = [person.group for person in people_of(network, train).values()]
    prior = estimate_prior(groups)
    if not person_fields(train.fields):
        return prior
    told = estimate_demographics(groups, embeddings_of(train), prior)
    return replace(prior, demographics=told)
