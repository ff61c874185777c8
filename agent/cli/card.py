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
from agent.errors import InputError

if TYPE_CHECKING:
    from agent.cards import TasteCard

EXAMPLES = """\
examples:
  pamela-agent card latest
  pamela-agent card 20261124-1530 20261125 --out card.json
  pamela-agent card latest --out card.png
  pamela-agent card latest --out card.svg
  pamela-agent run --user me.json --prompt "a red boat" --warm-start card.json
"""


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers, "card", "say which edits a person likes, from one or many runs", EXAMPLES
    )
    add_run(parser, many=True)
    parser.add_argument(
        "--out",
        type=named_path,
        metavar="FILE",
        help="write it: card.json for --warm-start, card.png or card.svg to look at or to send",
    )
    parser.add_argument(
        "--dark",
        action="store_true",
        help="a PNG for dark pages; an SVG is light or dark as its reader prefers",
    )
    add_overwrite(parser)
    add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Works the card out and shows it."""
    from agent.folder import check_spared
    from agent.look.card import make_card

    if args.out is not None:
        check_spared(args.out)
    kind = _kind(args.out, dark=args.dark)
    card = make_card([find_run(args.runs_dir, reference).run for reference in args.runs])
    if args.out is not None:
        _write(_written(card, kind, dark=args.dark), args.out, overwrite=args.overwrite)
        use = ": use it with `pamela-agent run --warm-start`" if kind == ".json" else ""
        complain(f"wrote {str(args.out)!r}{use}")
    if args.json:
        print_json(card.model_dump(mode="json"))
    else:
        _show(card)
    return 0


def _kind(out: Path | None, *, dark: bool) -> str:
    """Of the file, by the end of its name."""
    kind = out.suffix.lower() or ".json" if out is not None else ".json"
    if kind not in (".json", ".png", ".svg"):
        raise InputError(
            f"--out {str(out)!r} is no kind of card: let it end in .json, .png or .svg"
        )
    if dark and kind != ".png":
        raise InputError("--dark is for a PNG: say with --out which, as in --out card.png")
    return kind


def _written(card: "TasteCard", kind: str, *, dark: bool) -> bytes:
    from agent.cards import write_card
    from agent.look.card_picture import png_of, svg_of

    if kind == ".json":
        return write_card(card).encode()
    return png_of(card, dark=dark) if kind == ".png" else svg_of(card).encode()


def _write(data: bytes, out: Path, *, overwrite: bool) -> None:
    from scorer.files import output

    with output(out, overwrite=overwrite) as stream:
        stream.write(data)


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
