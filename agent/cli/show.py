"""`pamela-agent show`: everything that a run tried and what came of it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.output import print_json
from agent.cli.parsers import Subparsers, add_command, add_json, add_runs_dir

if TYPE_CHECKING:
    from agent.trajectory import Trajectory

EXAMPLES = """\
examples:
  pamela-agent show latest
  pamela-agent show 20261124-1530
  pamela-agent show runs/20261124-1530-mossy-rocks-ab12 --json
"""


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(subparsers, "show", "show what a run tried and what came of it", EXAMPLES)
    parser.add_argument(
        "run", metavar="RUN", help="an id, the beginning of one, latest, or a folder"
    )
    add_runs_dir(parser)
    add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Shows the run."""
    from agent.document import show_document
    from agent.find import resolve_run
    from agent.store import load_run

    folder = resolve_run(args.runs_dir, args.run)
    run = load_run(folder)
    if args.json:
        print_json(show_document(run))
    else:
        _show(run, folder)
    return 0


def _show(run: "Trajectory", folder: Path) -> None:
    from agent.display import is_colourful, make_console, say
    from agent.summary import closing, heading, tree

    console = make_console()
    for line in heading(run):
        say(console, line)
    console.print()
    console.print(tree(run))
    console.print()
    for line in closing(run, folder, colourful=is_colourful(console)):
        say(console, line)
