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

from miniature import WEIGHTS
from miniature.participants import DATASET
from scorer.cache import CachedEncoder
from scorer.data.pamela import load_pamela
from scorer.data.table import Row
from scorer.encoders import make_encoder
from scorer.fit import train_predictor
from scorer.ratings import Ratings, Source, make_ratings, scales_of
from scorer.recipe import Recipe

OUT = WEIGHTS / "predictor"
FIELDS = ("person.age", "person.gender", "person.nationality")
"""What a profile is asked for; `age_binned` says nothing beside `age`."""


APART = 1
"""Of the two layers: many people's scores of a picture then cost little more than one's."""
EPOCHS = 15
"""Half of what `pamela-agent train` takes: as good here, since the rate falls sooner."""


def plain_rows(rows: Sequence[Row]) -> list[Row]:
    """Rows with the prompt as their only metadata, as a picture of a run has."""
    return [replace(row, metadata={"prompt": row.metadata["prompt"]}) for row in rows]


def load_splits(dataset: Path) -> dict[str, Ratings]:
    """Every split of the data set as the network reads it."""
    encoder = CachedEncoder(make_encoder("miniature"))
    table = load_pamela(dataset)
    rows = {split: table.where(split=split).rows for split in sorted({row.split for row in table})}
    source = Source(encoder, fields=FIELDS, scales=scales_of(rows["pamela_train"]))
    return {split: make_ratings(plain_rows(own), source) for split, own in rows.items()}


def main() -> None:
    """Trains both networks, estimates the prior, writes the weights in 16 bit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATASET, help="folder in PAMELA's layout")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--layers", type=int, default=Recipe.layers, help="of the networks")
    parser.add_argument(
        "--apart", type=int, default=APART, help="of them, keep picture and person apart"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    args = parser.parse_args()
    splits = load_splits(args.data)
    train = splits["pamela_train"]
    validation = {name: splits[f"pamela_val_{name}"] for name in ("seen", "unseen")}
    recipe = Recipe(epochs=args.epochs, layers=args.layers, apart=args.apart)
    figures = train_predictor(
        train, validation, recipe, args.out, seed=args.seed, device=args.device
    )
    print(json.dumps({"validation_user_srocc": figures}, indent=1))


if __name__ == "__main__":
    main()
