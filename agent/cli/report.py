"""`pamela-agent report RUN`: one file about a run, to be looked at or sent."""

import argparse
from pathlib import Path

from agent.cli.looking import find_run
from agent.cli.output import print_json
from agent.cli.parsers import Subparsers, add_command, add_json, add_run, named_path
from agent.errors import InputError

EXAMPLES = """\
examples:
  pamela-agent report latest
  pamela-agent report 20261124-1530 --out report.html
"""


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(subparsers, "report", "write a run's report.html anew", EXAMPLES)
    add_run(parser)
    parser.add_argument(
        "--out",
        type=named_path,
        metavar="FILE",
        help="where to (default: report.html in the run's folder)",
    )
    add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Writes the report and says where it lies."""
    from agent.look.report import write_report
    from agent.text import printable

    if args.out is not None and (args.out.is_dir() or not args.out.parent.is_dir()):
        raise InputError(f"--out {str(args.out)!r} is no file in a folder that exists: name one")
    found = find_run(args.runs_dir, args.run)
    place = write_report(found.folder, found, out=args.out)
    if args.json:
        print_json({"report": str(place), "bytes": place.stat().st_size})
    else:
        print(printable(str(Path(place))))
    return 0
