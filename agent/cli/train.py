"""`pamela-agent train --data pamela=FOLDER --out FOLDER`: trains a predictor of liking."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.output import print_json
from agent.cli.parsers import (
    Subparsers,
    add_command,
    add_data,
    add_device,
    add_json,
    add_overwrite,
    counted,
    named_path,
)
from agent.errors import InputError
from agent.text import printable

if TYPE_CHECKING:
    from scorer.data.table import Table
    from scorer.ratings import Ratings

EXAMPLES = """\
examples:
  pamela-agent train --data pamela=PAMELA --data lapis=LAPIS --lenient --out mine
  pamela-agent train --data csv=ratings.csv --encoder miniature --sentences minilm --out small
  accelerate launch -m agent.cli.start train --data pamela=hub --out mine
  pamela-agent evaluate --data pamela=PAMELA --scorer pamela:mine

Scores are told on the scale of the first data set. Features of pictures are computed once and kept
in the cache; training from them takes minutes on a CPU. Started again with the same words, a
training goes on where it was stopped.
"""
ENCODER = "siglip:google/siglip2-so400m-patch14-384"
SENTENCES = "Qwen/Qwen3-Embedding-0.6B"
VALIDATION = ("val_seen", "val_unseen")


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(subparsers, "train", "train a predictor of liking on ratings", EXAMPLES)
    add_data(parser)
    parser.add_argument(
        "--out", type=named_path, required=True, metavar="FOLDER", help="where the predictor goes"
    )
    parser.add_argument(
        "--encoder",
        default=ENCODER,
        metavar="SPEC",
        help="what sees: siglip:<path or id>[;patches=N] or miniature (default: %(default)s)",
    )
    parser.add_argument(
        "--sentences",
        default=SENTENCES,
        metavar="MODEL",
        help="what reads fields: a sentence-transformers model, or minilm (default: %(default)s)",
    )
    parser.add_argument("--epochs", type=counted, metavar="N", help="at most (default: 30)")
    parser.add_argument("--width", type=counted, metavar="N", help="of the tokens (default: 128)")
    parser.add_argument("--layers", type=counted, metavar="N", help="of the network (default: 2)")
    parser.add_argument(
        "--apart",
        type=int,
        default=0,
        metavar="N",
        help="of these, keep picture and person apart: many people cost less (default: 0)",
    )
    add_overwrite(parser)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(default: 0)")
    add_device(parser)
    add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Runs the command; returns the exit code."""
    from agent.cli.data import load_tables
    from agent.folder import check_spared
    from scorer.fit import check_free, train_predictor
    from scorer.recipe import Recipe

    check_spared(args.out)
    check_free(args.out, overwrite=args.overwrite)
    table = load_tables(args.data, lenient=args.lenient)
    given = {name: getattr(args, name) for name in ("epochs", "width", "layers", "apart")}
    recipe = Recipe(**{name: value for name, value in given.items() if value is not None})
    if not 0 <= recipe.apart < recipe.layers:
        raise InputError(
            f"--apart {recipe.apart} of {recipe.layers} layers: take 0 to {recipe.layers - 1}"
        )
    if recipe.width % recipe.heads:
        raise InputError(f"--width {recipe.width} is no multiple of {recipe.heads}: take one")
    train, validation = read_splits(table, args)
    figures = train_predictor(
        train, validation, recipe, args.out, seed=args.seed, device=args.device
    )
    defined = {
        network: {name: value if math.isfinite(value) else None for name, value in found.items()}
        for network, found in figures.items()
    }
    if args.json:
        print_json({"out": str(args.out), "validation_user_srocc": defined})
    else:
        _say(args.out, defined)
    return 0


def read_splits(table: "Table", args: argparse.Namespace) -> "tuple[Ratings, dict[str, Ratings]]":
    """The training ratings, and those that say when to stop.

    Raises:
        InputError: there are none of either.
    """
    from scorer.cache import CachedEncoder
    from scorer.encoders import make_encoder
    from scorer.ratings import Source, make_ratings, scales_of
    from scorer.sentences import make_embedder
    from scorer.tokens import fields_of

    train = table.where(role="train").rows
    validation = {name: table.where(role=name).rows for name in VALIDATION}
    found = {name.removeprefix("val_"): rows for name, rows in validation.items() if rows}
    if not train or not found:
        missing = "training" if not train else "validation"
        raise InputError(
            f"there are no {missing} ratings in {', '.join(args.data)}: a data set needs the "
            f"splits train and val_seen or val_unseen"
        )
    source = Source(
        CachedEncoder(make_encoder(args.encoder, device=args.device)),
        args.encoder,
        fields_of(train),
        scales_of(train),
        args.sentences,
        make_embedder(args.sentences, device=args.device),
    )
    return make_ratings(train, source), {n: make_ratings(r, source) for n, r in found.items()}


def _say(out: Path, figures: dict[str, dict[str, float | None]]) -> None:
    for network, found in figures.items():
        told = ", ".join(
            f"{name} not defined (too few that differ)" if value is None else f"{name} {value:.4f}"
            for name, value in found.items()
        )
        print(f"{network}: user SROCC on validation: {told}")
    use = f"score with `pamela-agent score IMAGE --user PROFILE --scorer pamela:{out}`"
    print(printable(f"wrote {out}: {use}"))
