"""`pamela-agent diff RUN RUN`: what differed between two runs, and in what came out."""

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from agent.cli.looking import find_run
from agent.cli.output import print_json
from agent.cli.parsers import RUN_HELP, Subparsers, add_command, add_json, add_runs_dir

if TYPE_CHECKING:
    from agent.look.compare import Difference

EXAMPLES = """\
examples:
  pamela-agent diff 20261124-1530 latest
  pamela-agent diff runs/20261124-1530-mossy-rocks-ab12 old/20261120-0900-mossy-rocks-cd34 --json
"""


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(subparsers, "diff", "show how two runs differ", EXAMPLES)
    parser.add_argument("first", metavar="RUN", help=RUN_HELP)
    parser.add_argument("second", metavar="RUN", help="the other one")
    add_runs_dir(parser)
    add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Puts the runs side by side."""
    from agent.look.compare import compare_runs
    from agent.names import SCHEMA_VERSION

    runs = [find_run(args.runs_dir, reference) for reference in (args.first, args.second)]
    difference = compare_runs(*runs)
    if args.json:
        print_json({"schema_version": SCHEMA_VERSION, **asdict(difference)})
    else:
        _show(difference)
    return 0


def _show(difference: "Difference") -> None:
    from rich.text import Text

    from agent.console import is_colourful, make_console, say
    from agent.summary import diff_text
    from agent.text import printable

    console = make_console()
    colourful = is_colourful(console)
    first, second = difference.runs
    say(console, Text(printable(f"- {first}"), "bold"))
    say(console, Text(printable(f"+ {second}"), "bold"))
    prompts = diff_text(*difference.prompts, colourful=colourful)
    say(console, Text.assemble(("\nPrompt       ", "bold"), prompts))
    for title, pairs in (
        ("Settings", difference.settings),
        ("Person", difference.person),
        ("Made with", difference.made_with),
        ("What came out", difference.outcome),
    ):
        say(console, Text(f"\n{title}", "bold"))
        for line in _lines(pairs):
            say(console, Text(printable(line)))
    best = tuple(prompt or "" for prompt in difference.best_prompts)
    marked = diff_text(best[0], best[1], colourful=colourful)
    say(console, Text.assemble(("\nBest prompt  ", "bold"), marked))
    chains = [", ".join(values) or "no edit" for values in difference.kept_values]
    told = [f"= {chains[0]}"] if chains[0] == chains[1] else [f"- {chains[0]}", f"+ {chains[1]}"]
    for line in told:
        say(console, Text(printable(f"  {line}")))


def _lines(pairs: Mapping[str, tuple[Any, Any]]) -> list[str]:
    if not pairs:
        return ["  nothing differs"]
    width = max(len(name) for name in pairs)
    return [
        f"  {name:<{width}}  {_said(one)}" + ("" if one == other else f" → {_said(other)}")
        for name, (one, other) in pairs.items()
    ]


def _said(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:z.3f}".rstrip("0").rstrip(".")
    if isinstance(value, tuple) and all(isinstance(part, float) for part in value):
        return f"[{', '.join(f'{part:z.2f}' for part in value)}]"
    return str(value)
