"""What the constants of the taste are set by, before any predictor is trained (decision 13).

calibration(Path("build/participants"))["test-retest SROCC"]
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image

from miniature.classifier import load_classifier
from miniature.participants import SEED, Participant, make_participants
from miniature.taste import (
    Percept,
    expected_taste,
    perceive,
    rate,
    shared_taste,
    true_liking,
)
from scorer.data.pamela import load_pamela
from scorer.metrics import per_user, srocc

RETESTED = 400
"""Pictures that are rated twice to see how steady ratings are."""


def calibration(dataset: Path, seed: int = SEED) -> dict[str, float]:
    """Figures of a data set's ratings.

    The mean of the training ratings, the standard deviation of its groups' means (each group
    weighted by its ratings), and the mean SROCC per person of everybody's shared taste on the test
    pictures of people never trained on: in the real data set 3.16, 0.36, 0.40. Then the share that
    demographics have of the variance of taste beyond what is shared, and the mean SROCC of two
    ratings of the same pictures by the same person.
    """
    table = load_pamela(dataset, check_pictures=False)
    train = table.where(split="pamela_train").rows
    scores = np.array([row.score for row in train], float)
    groups = np.array([str(row.metadata["group"]) for row in train])
    means = {group: scores[groups == group].mean() for group in np.unique(groups)}
    test = table.where(split="pamela_test_unseen")
    percept = _percept_of(test.images)
    liking = dict(zip(test.images, true_liking(shared_taste(seed=seed), percept), strict=True))
    agreement = per_user(
        [row.user for row in test],
        np.array([row.score for row in test], float),
        np.array([liking[row.image] for row in test]),
        srocc,
    )
    people = [person for person in make_participants(seed) if person.group != "spare"]
    some = {name: values[:RETESTED] for name, values in percept.items()}
    figures = {
        "mean rating": scores.mean(),
        "spread of group means": np.std([means[group] for group in groups]),
        "SROCC of the shared taste, unseen people": np.mean(list(agreement.values())),
        "demographic share": demographic_share(people, percept, seed),
        "test-retest SROCC": np.nanmean(retests(people, some)),
    }
    return {name: round(float(value), 3) for name, value in figures.items()}


def _percept_of(images: Sequence[Path]) -> Percept:
    """What is seen in picture files."""
    pixels = [np.asarray(PIL.Image.open(image).convert("RGB")) for image in images]
    return perceive(load_classifier("perception"), np.stack(pixels))


def demographic_share(people: Sequence[Participant], percept: Percept, seed: int) -> float:
    """Of the variance over pictures of taste beyond what is shared, what demographics explain."""
    shared = true_liking(shared_taste(seed=seed), percept)
    told = [
        true_liking(expected_taste(person.demographics, seed=seed), percept) - shared
        for person in people
    ]
    whole = [true_liking(person.taste, percept) - shared for person in people]
    return float(np.var(told, axis=1).mean() / np.var(whole, axis=1).mean())


def retests(people: Sequence[Participant], percept: Percept) -> list[float]:
    """For each person the SROCC of two ratings of the same pictures."""
    found = []
    for person in people:
        liking = true_liking(person.taste, percept)
        rngs = [np.random.default_rng((person.number, time)) for time in (1, 2)]
        found.append(srocc(*(rate(liking, rng).astype(float) for rng in rngs)))
    return found
