"""`pamela-agent show`: everything that a run tried and what came of it, or one candidate of it."""

import argparse
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from agent.cli.looking import find_run
from agent.cli.output import print_json
from agent.cli.parsers import CANDIDATE_HELP, Subparsers, add_command, add_json, add_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    import PIL.Image

    from agent.look.salvage import Salvaged
    from agent.trajectory import Candidate, Image

EXAMPLES = """\
examples:
  pamela-agent show latest
  pamela-agent show latest best
  pamela-agent show 20261124-1530 c0012
  pamela-agent show latest --no-pictures
  pamela-agent show runs/20261124-1530-mossy-rocks-ab12 --json
"""


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(subparsers, "show", "show what a run tried and what came of it", EXAMPLES)
    add_run(parser)
    parser.add_argument(
        "candidate",
        nargs="?",
        metavar="CANDIDATE",
        help=CANDIDATE_HELP,
    )
    parser.add_argument(
        "--no-pictures",
        action="store_true",
        help="words only, where the terminal can show pictures too (kitty, iTerm2, sixel)",
    )
    add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Shows the run, or the candidate."""
    found = find_run(args.runs_dir, args.run, pictures=True)
    if args.candidate is not None:
        _show_candidate(found, args.candidate, json=args.json, pictures=not args.no_pictures)
    elif args.json:
        from agent.document import show_document

        print_json(show_document(found.run))
    else:
        _show(found, pictures=not args.no_pictures)
    return 0


def _show(found: "Salvaged", *, pictures: bool) -> None:
    from agent.console import is_colourful, make_console, say
    from agent.summary import closing, heading, tree

    console = make_console()
    colourful = is_colourful(console)
    for line in heading(found.run):
        say(console, line)
    if pictures:
        from agent.look.family import Family

        best, first = found.run.best, found.run.initial
        way = [*([first] if first else []), *(Family(found.run).lineage(best) if best else [])]
        _show_pictures(found, "From the first prompt to the best", way, each=1)
    console.print()
    console.print(tree(found.run, colourful=colourful))
    console.print()
    for line in closing(found.run, found.folder, colourful=colourful):
        say(console, line)


def _show_candidate(found: "Salvaged", name: str, *, json: bool, pictures: bool) -> None:
    from agent.look.closeup import closeup, find_candidate
    from agent.look.family import Family

    family = Family(found.run)
    candidate = find_candidate(family, name)
    if json:
        from agent.document import candidate_document

        print_json(candidate_document(family, candidate))
        return
    from agent.console import is_colourful, make_console, say

    console = make_console()
    for line in closeup(family, candidate, found.folder, colourful=is_colourful(console)):
        say(console, line)
    if pictures:
        _show_pictures(found, "Its pictures", [candidate], each=len(candidate.images))


def _show_pictures(
    found: "Salvaged", title: str, candidates: "Sequence[Candidate]", *, each: int
) -> None:
    """The first pictures of each candidate, where the terminal can show them; else nothing."""
    from agent.look.terminal import shown, strip, way_to_show

    way = way_to_show()
    if way is None:
        return
    from rich.text import Text

    from agent.console import make_console, say

    console = make_console()
    some = [image for candidate in candidates for image in candidate.images[:each]]
    row = strip(_readable(found, some), console.width)
    if row is None:
        return
    console.print()
    say(console, Text(title, "bold"))
    sys.stdout.write(shown(row, way))
    sys.stdout.flush()


def _readable(found: "Salvaged", images: "Sequence[Image]") -> "list[PIL.Image.Image]":
    """Those that are there; what is missing is said elsewhere."""
    from agent.look.inside import picture_of
    from scorer.pictures import PictureError

    pictures: list[PIL.Image.Image] = []
    for image in images:
        with suppress(PictureError):
            pictures.append(picture_of(found.folder, image.path))
    return pictures
