"""`pamela-agent runs`: the runs of a folder, newest first."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.output import complain, print_json
from agent.cli.parsers import Subparsers, add_command, add_json, add_runs_dir

if TYPE_CHECKING:
    from rich.console import Console

    from agent.glance import Glance

EXAMPLES = """\
examples:
  pamela-agent runs
  pamela-agent runs --runs-dir old --json
"""
TABLE_WIDTH = 96
"""Narrower windows, files and pipes get two lines a run instead of the table."""


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(subparsers, "runs", "list the runs of a folder, newest first", EXAMPLES)
    add_runs_dir(parser)
    add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Lists the runs; one that is damaged is named on standard error."""
    from agent.glance import glances

    runs = glances(args.runs_dir, damaged=complain)
    for run in runs:
        for problem in run.problems:
            complain(f"{run.header.id}: {problem}")
    if args.json:
        from agent.document import runs_document

        print_json(runs_document(runs))
    else:
        _show(runs, args.runs_dir)
    return 0


def _show(runs: "Sequence[Glance]", runs_dir: Path) -> None:
    from rich.text import Text

    from agent.console import is_colourful, make_console, say
    from agent.text import printable

    console = make_console()
    if not runs:
        say(console, Text(printable(f"no runs in {str(runs_dir)!r} yet")))
    elif is_colourful(console) and console.width >= TABLE_WIDTH:
        _show_table(console, runs)
    else:
        for run in runs:
            about = f"  {run.header.user_id}  {_gain(run)}, {run.renders} pictures  {run.status}"
            say(console, Text.assemble((printable(run.header.id), "bold"), printable(about)))
            say(console, Text(f"  {printable(run.header.prompt)}", "dim"))


def _show_table(console: "Console", runs: "Sequence[Glance]") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from agent.text import printable

    table = Table(box=SIMPLE_HEAD, expand=True, padding=(0, 1))
    table.add_column("Run", no_wrap=True, min_width=13, ratio=3)
    table.add_column("Prompt", ratio=5, no_wrap=True)
    table.add_column("Person", ratio=2, no_wrap=True)
    table.add_column("Gain", justify="right", no_wrap=True, min_width=19)
    table.add_column("Pictures", justify="right", no_wrap=True)
    table.add_column("State", no_wrap=True, min_width=11)
    for run in runs:
        table.add_row(
            Text(printable(run.header.id), "bold"),
            Text(printable(run.header.prompt)),
            Text(printable(run.header.user_id)),
            Text(_gain(run), "green" if _is_sure(run) else ""),
            Text(str(run.renders)),
            Text(run.status, "" if run.status == "done" else "yellow"),
        )
    console.print(table)


def _is_sure(run: "Glance") -> bool:
    return run.gain.heldout_ci95 is not None and run.gain.heldout_ci95[0] > 0


def _gain(run: "Glance") -> str:
    """The gain in short; that of the search alone is marked, because it is optimistic."""
    gain = run.gain
    if gain.heldout is None:
        return "–" if gain.search is None else f"{gain.search:+.2f} (search)"
    if gain.heldout_ci95 is None:
        return f"{gain.heldout:+.2f}"
    return f"{gain.heldout:+.2f} [{gain.heldout_ci95[0]:.2f}, {gain.heldout_ci95[1]:.2f}]"
