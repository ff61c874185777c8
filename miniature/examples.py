"""Writes the example profiles: four simulated participants of clearly different taste.

    python -m miniature.examples

They took no part in training. Each has rated 20 pictures of the test split, those that
`pamela-agent rate` would ask them for, one after the other. Likes, dislikes and notes are left
empty: nothing of the hidden taste is told.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image

from miniature import WEIGHTS
from miniature.classifier import load_classifier
from miniature.participants import (
    DATASET,
    SEED,
    Participant,
    far_apart,
    make_participants,
)
from miniature.predictor import FIELDS, plain_rows
from miniature.taste import Percept, Taste, perceive, rate, true_liking
from scorer.adapt import Prior, load_prior, posterior, predict_residual
from scorer.cache import CachedEncoder
from scorer.data.pamela import load_pamela
from scorer.data.table import Row
from scorer.encoders import make_encoder
from scorer.files import written
from scorer.informative import may_be_liked, most_informative
from scorer.predictor import load_network, predict
from scorer.profile import Rating, UserProfile
from scorer.tokens import build_tokens

EXAMPLES = Path("examples")
NUMBERS = WEIGHTS / "examples.json"
"""Which spare participant each example profile is."""
NAMES = ("ada", "bruno", "chie", "dalia")
RATINGS = 20
Rated = tuple[Row, int]
"""A picture with what somebody says of it, 1 to 5."""


def user_id(name: str) -> str:
    """The profile's id; it says that nobody real is meant."""
    return f"simulated-{name}"


def write_profile(person: Participant, name: str, rated: list[Rated], folder: Path) -> Path:
    """Saves a profile with its rated pictures; returns its path."""
    ratings = []
    (folder / "ratings" / name).mkdir(parents=True, exist_ok=True)
    for number, (row, score) in enumerate(rated):
        place = f"ratings/{name}/{number:03d}.png"
        with written(folder / place) as stream:  # whoever reads it meanwhile finds it whole
            PIL.Image.open(row.image).convert("RGB").save(stream, "PNG", optimize=True)
        ratings.append(Rating(image=place, score=score, prompt=row.prompt))
    profile = UserProfile(
        user_id=user_id(name), demographics=dict(person.demographics), ratings=tuple(ratings)
    )
    path = folder / ("profile.json" if name == NAMES[0] else f"{name}.json")
    profile.placed_in(folder).save(path, overwrite=True)
    return path


def test_pictures(dataset: Path) -> tuple[list[Row], Percept]:
    """One row a picture of the test split, and what participants see in them."""
    rows = plain_rows(load_pamela(dataset, ["pamela_test_unseen"]).rows)
    rows = list({row.image: row for row in rows}.values())
    pixels = np.stack([np.asarray(PIL.Image.open(row.image).convert("RGB")) for row in rows])
    return rows, perceive(load_classifier("perception"), pixels)


def example_tastes(seed: int = SEED) -> dict[str, Taste]:
    """The hidden tastes behind the example profiles by user id, for measurements only."""
    numbers = json.loads(NUMBERS.read_text())
    people = {person.number: person for person in make_participants(seed)}
    return {name: people[number].taste for name, number in numbers.items()}


def questioned(
    people: Sequence[Participant], rows: Sequence[Row], seen: Percept
) -> list[list[Rated]]:
    """What each person is asked to rate, one after the other, and their answers.

    Args:
        people: Who is asked.
        rows: The pictures that there are.
        seen: What participants see in them.
    """
    encoder = CachedEncoder(make_encoder("miniature"))
    network, prior = load_network(WEIGHTS / "predictor"), load_prior(WEIGHTS / "predictor")
    own = [replace(r, demographics=dict(person.demographics)) for person in people for r in rows]
    scores, features = predict(network, build_tokens(own, encoder, fields=FIELDS))
    parts = (np.split(part, len(people)) for part in (scores, features))
    return [
        [(rows[place], answer) for place, answer in _asked(person, score, feature, prior, seen)]
        for person, score, feature in zip(people, *parts, strict=True)
    ]


def _asked(
    person: Participant, scores: np.ndarray, features: np.ndarray, prior: Prior, seen: Percept
) -> list[tuple[int, int]]:
    """Places of pictures with the person's answers, in the order of the questions."""
    liking = true_liking(person.taste, seen)
    rng = np.random.default_rng((SEED, 9, person.number))
    asked: list[int] = []
    answers: list[int] = []
    while len(asked) < RATINGS:
        taste = posterior(features[asked], np.array(answers) - scores[asked], prior)
        known = predict_residual(features, taste, prior)
        matters = may_be_liked(scores + known.mean, known.std)
        left = [place for place in range(len(features)) if place not in asked]
        asked += most_informative(features, taste, prior, count=1, among=left, matters=matters)
        answers += rate(liking[asked[-1:]], rng).tolist()
    return list(zip(asked, answers, strict=True))


def main() -> None:
    """Chooses people and pictures and writes `examples/`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATASET, help="folder in PAMELA's layout")
    parser.add_argument("--out", type=Path, default=EXAMPLES)
    args = parser.parse_args()
    rows, seen = test_pictures(args.data)
    spare = [person for person in make_participants() if person.group == "spare"]
    people = far_apart(spare, seen, len(NAMES))
    numbers = {user_id(name): p.number for name, p in zip(NAMES, people, strict=True)}
    for name, person, rated in zip(NAMES, people, questioned(people, rows, seen), strict=True):
        print(write_profile(person, name, rated, args.out))
    NUMBERS.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
