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
    add_track,
    add_warm_start,
    named_path,
)
from agent.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.session import Order, Outcome

ABOUT = """\
With --from a picture says where to begin. One of a run is gone on from: the new run begins with its
prompt, of which the words that were said at first stay; its settings, seed and renderer are taken
over where none are given here, and the person is the one of --user. With --repeat its whole run is
repeated instead: the prompt that the run began with and all its settings, which for the same person
and models gives the same run. Of a picture of another program (the `parameters` text) prompt and
seed are taken, and with --renderer the steps, guidance scale and size too, which are another
model's than the one that ships.
"""

EXAMPLES = """\
examples:
  pamela-agent run --user examples/profile.json --prompt "floating mossy rocks"
  pamela-agent run --user me.json --prompt "a tower by a lake" --iterations 6 --seeds 4
  pamela-agent run --user me.json --prompt "a tower by a lake" --llm openai/gpt-5-mini --max-cost 1
  pamela-agent run --user me.json --prompt "a red tram" --renderer diffusers:models/my-pipeline
  pamela-agent run --user me.json --prompt "a red boat" --warm-start card.json
  pamela-agent run --user me.json --prompt "a house in the snow, at dusk" --keep "a house"
  pamela-agent run --user me.json --from runs/20261124-1530-mossy-rocks-ab12/best.png
  pamela-agent run --user me.json --from gallery/02-c0012-7.png --iterations 6 --seed 1
  pamela-agent run --user me.json --from gallery/02-c0012-7.png --repeat
  pamela-agent run --resume latest
"""


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers, "run", "improve a prompt for one person", EXAMPLES, about=ABOUT
    )
    parser.add_argument("--user", type=named_path, metavar="PROFILE", help="whose taste counts")
    parser.add_argument("--prompt", metavar="TEXT", help="what the picture shows")
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with an interrupted run: an id, the beginning of one, latest, or a folder",
    )
    parser.add_argument(
        "--from",
        type=named_path,
        dest="picture",
        metavar="PICTURE.png",
        help="go on from a picture: its prompt, and its settings where none are given here",
    )
    parser.add_argument(
        "--repeat",
        action="store_true",
        help="with --from: repeat the run that the picture is of, from its own prompt",
    )
    add_warm_start(parser)
    add_track(parser)
    add_runs_dir(parser)
    add_json(parser)
    add_quiet(parser)
    add_options(parser)


def execute(args: argparse.Namespace) -> int:
    """Runs the search and says how it ended."""
    return carry_out(lambda: _order(args), json=args.json, quiet=args.quiet)


def carry_out(order: "Callable[[], Order]", *, json: bool, quiet: bool) -> int:
    """Runs the search that an order asks for, says how it ended, and returns the exit code."""
    from agent.cli.signals import interruptible
    from agent.clock import Clock, process_age
    from agent.display import Display
    from agent.session import improve

    with interruptible():
        clock = Clock(age=process_age())
        wanted = order()
        with Display(quiet=quiet) as display:
            outcome = improve(wanted, clock=clock, observer=display)
        _say_how_it_ended(outcome, json=json, quiet=quiet)
    return outcome.exit_code


def _order(args: argparse.Namespace) -> "Order":
    from agent.session import Order

    order = Order(
        prompt=args.prompt,
        user=args.user,
        resume=args.resume,
        options=given_options(args),
        runs_dir=args.runs_dir,
        warm_start=args.warm_start,
        track=args.track,
    )
    if args.picture is None:
        if args.repeat:
            raise InputError("--repeat is for a picture: say with --from which one")
        return order
    if args.resume is not None:
        raise InputError("--resume goes on with a run, --from begins a new one: give one of them")
    return _from_picture(order, args)


def _from_picture(order: "Order", args: argparse.Namespace) -> "Order":
    """The order with what a picture says, of which the user is told."""
    from agent.builders import make_config
    from agent.look.repeat import settings_line
    from agent.origin import from_picture
    from agent.session import check_prompt
    from agent.text import brief

    order, notes = from_picture(order, args.picture, repeat=args.repeat)
    prompt = check_prompt(order.prompt)
    settings = settings_line(make_config(order.options)) or "the default settings"
    if not args.quiet:
        complain(f"from {args.picture.name!r}: --prompt {brief(prompt)!r}, {settings}")
    for note in notes:
        complain(f"from {args.picture.name!r}: {note}")
    return order


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
