"""`pamela-agent run`: improves a prompt for one person."""

import argparse
from typing import TYPE_CHECKING

from agent.cli.options import add_options, given_options
from agent.cli.output import complain, print_json
from agent.cli.parsers import (
    Subparsers,
    add_command,
    add_json,
    add_quiet,
    add_runs_dir,
    named_path,
)

if TYPE_CHECKING:
    from agent.session import Outcome

EXAMPLES = """\
examples:
  pamela-agent run --user examples/profile.json --prompt "floating mossy rocks"
  pamela-agent run --user me.json --prompt "a tower by a lake" --iterations 6 --seeds 4
  pamela-agent run --user me.json --prompt "a tower by a lake" --llm openai/gpt-5-mini --max-cost 1
  pamela-agent run --user me.json --prompt "a red tram" --renderer diffusers:models/my-pipeline
  pamela-agent run --user me.json --prompt "a red tram" --warm-start card.json
  pamela-agent run --resume latest
"""


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(subparsers, "run", "improve a prompt for one person", EXAMPLES)
    parser.add_argument("--user", type=named_path, metavar="PROFILE", help="whose taste counts")
    parser.add_argument("--prompt", metavar="TEXT", help="what the picture shows")
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with an interrupted run: an id, the beginning of one, latest, or a folder",
    )
    parser.add_argument(
        "--warm-start",
        type=named_path,
        metavar="CARD",
        help="begin from what earlier runs have shown (see `pamela-agent card --help`)",
    )
    add_runs_dir(parser)
    add_json(parser)
    add_quiet(parser)
    add_options(parser)


def execute(args: argparse.Namespace) -> int:
    """Runs the search and says how it ended."""
    from agent.cli.signals import interruptible

    with interruptible():
        outcome = _improve(args)
        _say_how_it_ended(outcome, json=args.json, quiet=args.quiet)
    return outcome.exit_code


def _improve(args: argparse.Namespace) -> "Outcome":
    from agent.clock import Clock, process_age
    from agent.display import Display
    from agent.session import Order, improve

    clock = Clock(age=process_age())
    order = Order(
        prompt=args.prompt,
        user=args.user,
        resume=args.resume,
        options=given_options(args),
        runs_dir=args.runs_dir,
        warm_start=args.warm_start,
    )
    with Display(quiet=args.quiet) as display:
        return improve(order, clock=clock, observer=display)


def _say_how_it_ended(outcome: "Outcome", *, json: bool, quiet: bool) -> None:
    from agent.console import is_colourful, make_console, say
    from agent.document import show_document
    from agent.summary import closing

    if outcome.message is not None:
        complain(outcome.message)
    if not (json and quiet):
        console = make_console(stderr=json)
        colourful = is_colourful(console)
        for line in closing(outcome.trajectory, outcome.folder, colourful=colourful):
            say(console, line)
    if json:
        print_json(show_document(outcome.trajectory))
