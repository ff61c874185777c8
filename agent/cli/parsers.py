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
    subparsers: Subparsers, name: str, summary: str, examples: str
) -> argparse.ArgumentParser:
    """A parser whose help ends with examples."""
    return subparsers.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document and nothing else"
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
