"""Trains the predictor that ships: the PAMELA network on the simulated participants' ratings.

    python -m miniature.predictor

Two networks come of it: the personal one, with the prior of its closed-form adaptation, and
`average`, the same network with the person left out. Figures are measured by
`python -m benchmarks.predictor`.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from miniature import WEIGHTS
from miniature.participants import DATASET
from scorer.adapt import Group, Prior, estimate_prior, save_prior
from scorer.cache import CachedEncoder
from scorer.data.pamela import load_pamela
from scorer.data.table import Row
from scorer.demographics import estimate_demographics
from scorer.encoders import make_encoder
from scorer.predictor import PamelaNetwork, predict, save_network
from scorer.tokens import person_fields
from scorer.train import Ratings, Recipe, make_ratings, train_network

OUT = WEIGHTS / "predictor"
FIELDS = ("person.age", "person.gender", "person.nationality")
"""What a profile is asked for; `age_binned` says nothing beside `age`."""


def plain_rows(rows: Sequence[Row]) -> list[Row]:
    """Rows with the prompt as their only metadata, as a picture of a run has."""
    return [replace(row, metadata={"prompt": row.metadata["prompt"]}) for row in rows]


def load_splits(dataset: Path) -> dict[str, Ratings]:
    """Every split of the data set as the network reads it."""
    encoder = CachedEncoder(make_encoder("miniature"))
    table = load_pamela(dataset)
    return {
        split: make_ratings(plain_rows(table.where(split=split).rows), encoder, fields=FIELDS)
        for split in sorted({row.split for row in table})
    }


def people_of(network: PamelaNetwork, ratings: Ratings) -> list[Group]:
    """Each person's [CLS] features and what the zero-shot score leaves over."""
    score, cls = predict(network, ratings.tokens)
    residual = ratings.score.numpy() - score
    users = ratings.user.numpy()
    return [Group(cls[users == user], residual[users == user]) for user in np.unique(users)]


def embeddings_of(ratings: Ratings) -> np.ndarray:
    """Sentence embeddings of each person's fields, (person, field, sentence); nan if missing."""
    columns = person_fields(ratings.fields)
    users = ratings.user.numpy()
    first = [int(np.flatnonzero(users == user)[0]) for user in np.unique(users)]
    index = ratings.tokens.field_index.numpy()[first][:, columns]
    found = ratings.tokens.sentences.numpy()[index].astype(np.float64)
    found[index < 0] = np.nan
    return found


def prior_of(network: PamelaNetwork, train: Ratings) -> Prior:
    """The prior of the adaptation, with where the demographics let a person start."""
    groups = people_of(network, train)
    prior = estimate_prior(groups)
    told = estimate_demographics(groups, embeddings_of(train), prior)
    return replace(prior, demographics=told)


def main() -> None:
    """Trains both networks, estimates the prior, writes the weights in 16 bit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATASET, help="folder in PAMELA's layout")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    args = parser.parse_args()
    splits = load_splits(args.data)
    train = splits["pamela_train"]
    validation = {name: splits[f"pamela_val_{name}"] for name in ("seen", "unseen")}
    figures = {}
    for name, person, folder in (
        ("personal", True, args.out),
        ("average", False, args.out / "average"),
    ):
        recipe = Recipe(epochs=args.epochs, person=person, adaptation=float(person))
        trained = train_network(train, validation, recipe, seed=args.seed, device=args.device)
        save_network(trained.network, folder)
        figures[name] = dict(trained.history[trained.epoch])
        if person:
            save_prior(prior_of(trained.network, train), args.out)
    print(json.dumps({"validation_user_srocc": figures}, indent=1))


if __name__ == "__main__":
    main()
