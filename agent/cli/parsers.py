"""What the parsers of all commands have in common.

parser = add_command(subparsers, "runs", "list the runs, newest first", EXAMPLES)
add_json(parser)
"""

import argparse
from pathlib import Path
from typing import Any, Protocol


class Subparsers(Protocol):
    """Where a command adds its parser; argparse has no public name for it."""

    def add_parser(self, name: str, **kwargs: Any) -> argparse.ArgumentParser: ...


def add_command(
    subparsers: Subparsers, name: str, summary: str, examples: str, *, about: str = ""
) -> argparse.ArgumentParser:
    """A parser whose help ends with examples; `about` says more than the summary."""
    return subparsers.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.{about and chr(10) * 2}{about}",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document and nothing else"
    )


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """`--quiet`."""
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """`--overwrite`."""
    parser.add_argument(
        "--overwrite", action="store_true", help="replace what was made there earlier"
    )


def add_track(parser: argparse.ArgumentParser) -> None:
    """`--track`."""
    parser.add_argument(
        "--track",
        choices=("mlflow",),
        help="write parameters, scores, pictures and what the language model was asked into "
        "MLflow's store too: $MLFLOW_TRACKING_URI, else ./mlflow.db (pip install "
        "'pamela-agent[mlflow]')",
    )


def add_warm_start(parser: argparse.ArgumentParser, *, default: str = "none") -> None:
    """`--warm-start`."""
    parser.add_argument(
        "--warm-start",
        type=named_path,
        metavar="CARD",
        help="begin from what earlier runs have shown, see `pamela-agent card --help` "
        f"(default: {default})",
    )


def named_path(text: str) -> Path:
    """A path; an empty text names none."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty: name a path")
    return Path(text)


def add_runs_dir(parser: argparse.ArgumentParser) -> None:
    """`--runs-dir`."""
    parser.add_argument(
        "--runs-dir",
        type=named_path,
        default=Path("runs"),
        metavar="DIR",
        help="where the runs lie (default: ./runs)",
    )


def add_users(parser: argparse.ArgumentParser) -> None:
    """`--users`."""
    parser.add_argument(
        "--users",
        type=named_path,
        required=True,
        metavar="FOLDER",
        help="for whom: a folder with profiles, or one profile",
    )


def counted(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def add_data(parser: argparse.ArgumentParser) -> None:
    """`--data` and `--lenient`."""
    parser.add_argument(
        "--data",
        action="append",
        required=True,
        metavar="LAYOUT=PLACE",
        help="a data set: pamela=FOLDER, para=FOLDER, lapis=FOLDER or csv=FILE; pamela=hub is "
        "fetched; may be repeated",
    )
    parser.add_argument(
        "--lenient",
        action="store_true",
        help="count and leave out flawed rows instead of stopping at the first; pictures that "
        "don't decode are always left out and counted",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """`--device`."""
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda", "mps"])


def add_trust(parser: argparse.ArgumentParser) -> None:
    """`--trust-remote-code`, for commands that load reward models."""
    parser.add_argument(
        "--trust-remote-code",
        action="store_true",
        help="let code run that comes with a reward model's checkpoint",
    )


CANDIDATE_HELP = "one of its candidates, by id; best and initial name two of them"
RUN_HELP = "an id, the beginning of one, latest, or a folder"


def add_run(parser: argparse.ArgumentParser, *, many: bool = False) -> None:
    """`RUN`, or `RUN…`."""
    if many:
        parser.add_argument("runs", nargs="+", metavar="RUN", help=f"{RUN_HELP}; several may be")
    else:
        parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    add_runs_dir(parser)
