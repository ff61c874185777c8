"""`pamela-agent fork RUN CANDIDATE`: a new run that begins with a candidate's prompt."""

import argparse

from agent.cli.options import add_options, given_options
from agent.cli.output import complain
from agent.cli.parsers import (
    CANDIDATE_HELP,
    Subparsers,
    add_command,
    add_json,
    add_quiet,
    add_run,
    add_track,
    add_warm_start,
    named_path,
)
from agent.cli.run import carry_out

ABOUT = """\
The candidate's prompt is what the new run begins with, and every gain is measured against it. The
words that count as yours are the same as in the run before: what edits have added to them may be
replaced. To keep more of the prompt, say with --keep what. The settings are those of the run, where
no others are given here, and the person too. run.json says where it came from.
"""
EXAMPLES = """\
examples:
  pamela-agent fork latest best
  pamela-agent fork latest c0012 --iterations 6 --seed 1
  pamela-agent fork 20261124-1530 c0012 --user somebody-else.json
  pamela-agent fork latest best --renderer diffusers:models/my-pipeline
"""


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers, "fork", "begin a new run with a candidate's prompt", EXAMPLES, about=ABOUT
    )
    add_run(parser)
    parser.add_argument("candidate", metavar="CANDIDATE", help=CANDIDATE_HELP)
    parser.add_argument(
        "--user",
        type=named_path,
        metavar="PROFILE",
        help="whose taste counts (default: that of the run's person)",
    )
    add_warm_start(parser, default="the run's, for the same person")
    add_track(parser)
    add_json(parser)
    add_quiet(parser)
    add_options(parser, default="the run's")


def execute(args: argparse.Namespace) -> int:
    """Begins the run and says how it ended."""
    from agent.origin import from_candidate
    from agent.session import Order

    def order() -> Order:
        said = Order(
            user=args.user,
            options=given_options(args),
            runs_dir=args.runs_dir,
            warm_start=args.warm_start,
            track=args.track,
        )
        begun, notes = from_candidate(said, args.run, args.candidate)
        for note in notes:
            complain(note)
        return begun

    return carry_out(order, json=args.json, quiet=args.quiet)
