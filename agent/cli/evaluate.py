"""`pamela-agent evaluate --data pamela=FOLDER`: how well do scores follow what people said?"""

import argparse
from typing import TYPE_CHECKING, Any

from agent.cli.options import JUDGES
from agent.cli.output import print_json
from agent.cli.parsers import (
    Subparsers,
    add_command,
    add_data,
    add_device,
    add_json,
    add_trust,
    counted,
)
from agent.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from scorer.data.table import Row, Table

EXAMPLES = """\
examples:
  pamela-agent evaluate --data pamela=PAMELA
  pamela-agent evaluate --data pamela=PAMELA --split test_seen --ratings 20
  pamela-agent evaluate --data csv=ratings.csv --scorer pamela:mine --scorer hpsv3 --json

Figures are for people (averaged per user), with 95 % intervals from a bootstrap over people, and
pooled over all ratings with --json. In pairs that a person rated alike there is no order: they are
left out. Global reward models need their own checkpoint, and most of them a GPU.
"""
SPLITS = ("val_seen", "val_unseen", "test_seen", "test_unseen")
COLUMNS = {"srocc": "SROCC", "plcc": "PLCC", "pairwise": "pairs"}


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers, "evaluate", "how well scores follow what people said", EXAMPLES
    )
    add_data(parser)
    parser.add_argument(
        "--split",
        action="append",
        choices=SPLITS,
        dest="splits",
        help="what is asked; may be repeated (default: every one that is there)",
    )
    parser.add_argument(
        "--scorer",
        action="append",
        metavar="SPEC",
        dest="scorers",
        help=f"what judges: {JUDGES} or glossy; may be repeated (default: pamela and average)",
    )
    parser.add_argument(
        "--ratings",
        type=counted,
        metavar="N",
        help="also adapt to so many of a seen person's training ratings",
    )
    add_trust(parser)
    add_device(parser)
    add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Runs the command; returns the exit code."""
    from agent.cli.data import load_tables

    table = load_tables(args.data, lenient=args.lenient)
    train = table.where(role="train").rows
    if not train:
        raise InputError("there are no training ratings, which the baselines are made of")
    splits = args.splits or [name for name in SPLITS if len(table.where(role=name))]
    found = {name: _models(args, table.where(role=name), train) for name in splits}
    if args.json:
        print_json({"data": args.data, "splits": found})
    else:
        for name in splits:
            _print_table(name, table.where(role=name), found[name])
    return 0


def _models(args: argparse.Namespace, asked: "Table", train: "tuple[Row, ...]") -> dict[str, Any]:
    """By model, the figures on one split."""
    from scorer.evaluate import baselines, figures_of

    if not len(asked):
        raise InputError("the split has no ratings: name another with --split")
    scores = baselines(asked.rows, train)
    for spec in args.scorers or ("average", "pamela"):
        scores |= _scores(spec, asked, train, args)
    return {name: figures_of(asked.rows, values) for name, values in scores.items()}


def _scores(
    spec: str, asked: "Table", train: "tuple[Row, ...]", args: argparse.Namespace
) -> "dict[str, np.ndarray]":
    from scorer.baselines import load_reward
    from scorer.evaluate import adapted_rows
    from scorer.personal import predictor_folder
    from scorer.rows import RowScorer, reward_scores

    kind, _, _ = spec.partition(":")
    if kind not in ("pamela", "average"):
        reward = load_reward(spec, device=args.device, trust_remote_code=args.trust_remote_code)
        return {spec: reward_scores(reward, asked.rows)}
    scorer = RowScorer(predictor_folder(spec), personal=kind == "pamela", device=args.device)
    found = {spec: scorer.scores(asked.rows)}
    if kind == "pamela" and args.ratings:
        known = adapted_rows(asked.rows, train, args.ratings)
        if known:
            found[f"{spec}, {args.ratings} ratings"] = scorer.scores(asked.rows, known)
    return found


def _print_table(split: str, asked: "Table", found: dict[str, Any]) -> None:
    from rich.table import Table as Shown
    from rich.text import Text

    from agent.console import make_console
    from agent.text import printable

    people = len({(row.dataset, row.user) for row in asked})
    shown = Shown(title=f"{split}: {len(asked)} ratings by {people} people, averaged per person")
    shown.add_column("model")
    for title in COLUMNS.values():
        shown.add_column(title, justify="right")
    for name, figures in found.items():
        shown.add_row(
            Text(printable(name)), *(_cell(figures["user"][metric]) for metric in COLUMNS)
        )
    make_console().print(shown)


def _cell(figure: dict[str, Any]) -> str:
    low, high = figure["ci95"]
    return f"{figure['value']:.4f} [{low:.3f}, {high:.3f}]"
