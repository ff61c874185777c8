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
from miniature.taste import Taste, perceive, rate, true_liking
from scorer.adapt import load_prior, posterior
from scorer.cache import CachedEncoder
from scorer.data.pamela import load_pamela
from scorer.data.table import Row
from scorer.encoders import make_encoder
from scorer.files import written
from scorer.informative import most_informative
from scorer.predictor import load_network, predict
from scorer.profile import Rating, UserProfile
from scorer.tokens import build_tokens

EXAMPLES = Path("examples")
NUMBERS = WEIGHTS / "examples.json"
"""Which spare participant each example profile is."""
NAMES = ("ada", "bruno", "chie", "dalia")
RATINGS = 20


def user_id(name: str) -> str:
    """The profile's id; it says that nobody real is meant."""
    return f"simulated-{name}"


def example_people(pixels: np.ndarray, seed: int = SEED) -> list[Participant]:
    """The four spare participants whose likings of the pictures agree least."""
    spare = [person for person in make_participants(seed) if person.group == "spare"]
    return far_apart(spare, perceive(load_classifier("perception"), pixels), len(NAMES))


def write_profile(person: Participant, name: str, rows: list[Row], folder: Path) -> Path:
    """Saves a profile with its rated pictures; returns its path."""
    pixels = np.stack([np.asarray(PIL.Image.open(row.image).convert("RGB")) for row in rows])
    liking = true_liking(person.taste, perceive(load_classifier("perception"), pixels))
    scores = rate(liking, np.random.default_rng((SEED, 9, person.number)))
    ratings = []
    (folder / "ratings" / name).mkdir(parents=True, exist_ok=True)
    for number, (row, picture, score) in enumerate(zip(rows, pixels, scores, strict=True)):
        place = f"ratings/{name}/{number:03d}.png"
        with written(folder / place) as stream:  # whoever reads it meanwhile finds it whole
            PIL.Image.fromarray(picture).save(stream, "PNG", optimize=True)
        ratings.append(Rating(image=place, score=int(score), prompt=row.prompt))
    profile = UserProfile(
        user_id=user_id(name), demographics=dict(person.demographics), ratings=tuple(ratings)
    )
    path = folder / ("profile.json" if name == NAMES[0] else f"{name}.json")
    profile.placed_in(folder).save(path, overwrite=True)
    return path


def test_pictures(dataset: Path) -> list[Row]:
    """One row a picture of the test split."""
    rows = plain_rows(load_pamela(dataset, ["pamela_test_unseen"]).rows)
    return list({row.image: row for row in rows}.values())


def example_tastes(seed: int = SEED) -> dict[str, Taste]:
    """The hidden tastes behind the example profiles by user id, for measurements only."""
    numbers = json.loads(NUMBERS.read_text())
    people = {person.number: person for person in make_participants(seed)}
    return {name: people[number].taste for name, number in numbers.items()}


def asked_rows(people: Sequence[Participant], rows: Sequence[Row]) -> list[list[Row]]:
    """What each person is asked to rate, in this order: the rows that teach most about them."""
    encoder = CachedEncoder(make_encoder("miniature"))
    network, prior = load_network(WEIGHTS / "predictor"), load_prior(WEIGHTS / "predictor")
    own = [replace(r, demographics=dict(person.demographics)) for person in people for r in rows]
    _, features = predict(network, build_tokens(own, encoder, fields=FIELDS))
    asked = []
    for seen in np.split(features, len(people)):
        nothing = posterior(seen[:0], np.zeros(0), prior)
        chosen = most_informative(seen, nothing, prior, count=RATINGS)
        asked.append([rows[place] for place in chosen])
    return asked


def main() -> None:
    """Chooses people and pictures and writes `examples/`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATASET, help="folder in PAMELA's layout")
    parser.add_argument("--out", type=Path, default=EXAMPLES)
    args = parser.parse_args()
    rows = test_pictures(args.data)
    pixels = np.stack([np.asarray(PIL.Image.open(row.image).convert("RGB")) for row in rows])
    people = example_people(pixels)
    numbers = {user_id(name): p.number for name, p in zip(NAMES, people, strict=True)}
    for name, person, asked in zip(NAMES, people, asked_rows(people, rows), strict=True):
        print(write_profile(person, name, asked, args.out))
    NUMBERS.write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
