"""`pamela-agent card RUN…`: what a person likes, as their runs have shown."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.looking import find_run
from agent.cli.output import complain, print_json
from agent.cli.parsers import (
    Subparsers,
    add_command,
    add_json,
    add_overwrite,
    add_run,
    named_path,
)

if TYPE_CHECKING:
    from agent.cards import TasteCard

EXAMPLES = """\
examples:
  pamela-agent card latest
  pamela-agent card 20261124-1530 20261125 --out card.json
  pamela-agent run --user me.json --prompt "a red tram" --warm-start card.json
"""


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers, "card", "say which edits a person likes, from one or many runs", EXAMPLES
    )
    add_run(parser, many=True)
    parser.add_argument(
        "--out", type=named_path, metavar="FILE", help="write it as JSON, for --warm-start"
    )
    add_overwrite(parser)
    add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Works the card out and shows it."""
    from agent.look.card import make_card

    card = make_card([find_run(args.runs_dir, reference).run for reference in args.runs])
    if args.out is not None:
        _write(card, args.out, overwrite=args.overwrite)
    if args.json:
        print_json(card.model_dump(mode="json"))
    else:
        _show(card)
    return 0


def _write(card: "TasteCard", out: Path, *, overwrite: bool) -> None:
    from agent.cards import write_card
    from scorer.files import output

    with output(out, overwrite=overwrite) as stream:
        stream.write(write_card(card).encode())
    complain(f"wrote {str(out)!r}: use it with `pamela-agent run --warm-start`")


def _show(card: "TasteCard") -> None:
    from rich.text import Text

    from agent.console import make_console, say
    from agent.summary import card_lines
    from agent.text import printable

    console = make_console()
    runs = f"{len(card.runs)} run{'s' if len(card.runs) > 1 else ''}"
    about = f"{card.user_id}: {runs}, {card.prompts} scored prompts, scorer {card.scorer}"
    say(console, Text(printable(about), "bold"))
    for line in card_lines(card):
        say(console, line)
