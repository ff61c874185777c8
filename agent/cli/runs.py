"""`pamela-agent runs`: the runs of a folder, newest first."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.output import complain, print_json
from agent.cli.parsers import Subparsers, add_command, add_json, add_runs_dir

if TYPE_CHECKING:
    from agent.find import Found
    from agent.trajectory import Trajectory

EXAMPLES = """\
examples:
  pamela-agent runs
  pamela-agent runs --runs-dir old --json
"""


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(subparsers, "runs", "list the runs of a folder, newest first", EXAMPLES)
    add_runs_dir(parser)
    add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Lists the runs; one that is damaged is named on standard error."""
    from agent.document import runs_document
    from agent.errors import InputError
    from agent.find import list_runs
    from agent.store import load_run

    runs: list[tuple[Found, Trajectory]] = []
    for found in list_runs(args.runs_dir, damaged=complain):
        try:
            runs.append((found, load_run(found.folder)))
        except InputError as error:
            complain(str(error))
    if args.json:
        print_json(runs_document(runs))
    else:
        _show(runs, args.runs_dir)
    return 0


def _show(runs: "list[tuple[Found, Trajectory]]", runs_dir: Path) -> None:
    from rich.text import Text

    from agent.display import make_console, say
    from agent.summary import headline
    from agent.text import printable

    console = make_console()
    if not runs:
        say(console, Text(printable(f"no runs in {str(runs_dir)!r} yet")))
    for _, run in runs:
        status = headline(run) if run.status == "done" else run.status
        say(console, Text.assemble((run.id, "bold"), f"  {printable(run.user_id)}  {status}"))
        say(console, Text(f"  {printable(run.prompt)}", "dim"))
