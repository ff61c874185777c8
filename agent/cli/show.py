"""`pamela-agent show`: everything that a run tried and what came of it, or one candidate of it."""

import argparse
from typing import TYPE_CHECKING

from agent.cli.looking import find_run
from agent.cli.output import print_json
from agent.cli.parsers import Subparsers, add_command, add_json, add_run

if TYPE_CHECKING:
    from agent.look.salvage import Salvaged

EXAMPLES = """\
examples:
  pamela-agent show latest
  pamela-agent show latest best
  pamela-agent show 20261124-1530 c0012
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
        help="one of its candidates, by id; best and initial name two of them",
    )
    add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Shows the run, or the candidate."""
    found = find_run(args.runs_dir, args.run, pictures=True)
    if args.candidate is not None:
        _show_candidate(found, args.candidate, json=args.json)
    elif args.json:
        from agent.document import show_document

        print_json(show_document(found.run))
    else:
        _show(found)
    return 0


def _show(found: "Salvaged") -> None:
    from agent.console import is_colourful, make_console, say
    from agent.summary import closing, heading, tree

    console = make_console()
    colourful = is_colourful(console)
    for line in heading(found.run):
        say(console, line)
    console.print()
    console.print(tree(found.run, colourful=colourful))
    console.print()
    for line in closing(found.run, found.folder, colourful=colourful):
        say(console, line)


def _show_candidate(found: "Salvaged", name: str, *, json: bool) -> None:
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
