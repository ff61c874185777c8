"""`pamela-agent runs`: the runs of a folder, newest first."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.output import complain, print_json
from agent.cli.parsers import Subparsers, add_command, add_json, add_runs_dir

if TYPE_CHECKING:
    from agent.look.glance import Glance

EXAMPLES = """\
examples:
  pamela-agent runs
  pamela-agent runs --runs-dir old --json
"""
HEAD = ("Run", "State", "Gain", "Pictures", "Person", "Prompt")
HEAD_STYLES = ("dim",) * len(HEAD)
WIDEST = (42, 11, 22, 8, 18, 10_000)
"""Columns of the window that each cell has at most."""
SHORTEST_PROMPT = 16


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(subparsers, "runs", "list the runs of a folder, newest first", EXAMPLES)
    add_runs_dir(parser)
    add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Lists the runs; one that is damaged is named on standard error."""
    from agent.look.glance import glances

    runs = glances(args.runs_dir, damaged=complain)
    for run in runs:
        for problem in run.problems:
            complain(f"{run.folder.name}: {problem}")
    if args.json:
        from agent.document import runs_document

        print_json(runs_document(runs))
    else:
        _show(runs, args.runs_dir)
    return 0


def _show(runs: "Sequence[Glance]", runs_dir: Path) -> None:
    from agent.text import printable

    if not runs:
        print(printable(f"no runs in {str(runs_dir)!r} yet"))
    elif sys.stdout.isatty():
        _show_table(runs)
    else:
        for run in runs:
            came_to = f"{_gain(run)}, {run.renders} pictures  {run.status}"
            about = f"{run.folder.name}  {run.user_id}  {came_to}"
            print(f"{printable(about)}\n  {printable(run.prompt)}")


def _show_table(runs: "Sequence[Glance]") -> None:
    """A line a run, as wide as the window."""
    from rich.cells import cell_len, set_cell_size
    from rich.text import Text

    from agent.console import make_console
    from agent.text import printable

    console = make_console()
    table = [[printable(cell) for cell in _cells(run)] for run in runs]
    widths = [max(cell_len(row[n]) for row in (HEAD, *table)) for n in range(len(HEAD))]
    widths = [min(width, most) for width, most in zip(widths, WIDEST, strict=True)]
    widths[-1] = max(SHORTEST_PROMPT, console.width - sum(widths[:-1]) - 2 * len(HEAD))
    lines = Text()
    for row, run in zip((HEAD, *table), (None, *runs), strict=True):
        cells = [set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)]
        styles = HEAD_STYLES if run is None else _styles(run)
        for cell, style in zip(cells, styles, strict=True):
            lines.append(cell, style)
            lines.append("  ")
        lines.append("\n")
    console.print(lines, end="", no_wrap=True, crop=False, overflow="ignore")


def _cells(run: "Glance") -> tuple[str, ...]:
    return (run.folder.name, run.status, _gain(run), str(run.renders), run.user_id, run.prompt)


def _styles(run: "Glance") -> tuple[str, ...]:
    state = "" if run.status == "done" else "yellow"
    return ("bold", state, "bold green" if _is_sure(run) else "", "", "", "dim")


def _is_sure(run: "Glance") -> bool:
    return run.gain.heldout_ci95 is not None and run.gain.heldout_ci95[0] > 0


def _gain(run: "Glance") -> str:
    """The gain in short; that of the search alone is marked, because it is optimistic."""
    gain = run.gain
    if gain.heldout is None:
        return "–" if gain.search is None else f"{gain.search:+z.2f} (search)"
    if gain.heldout_ci95 is None:
        return f"{gain.heldout:+z.2f}"
    return f"{gain.heldout:+z.2f} [{gain.heldout_ci95[0]:z.2f}, {gain.heldout_ci95[1]:z.2f}]"
