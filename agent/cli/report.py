"""`pamela-agent report RUN`: one file about a run, to be looked at or sent."""

import argparse
from pathlib import Path

from agent.cli.looking import find_run
from agent.cli.output import print_json
from agent.cli.parsers import (
    Subparsers,
    add_command,
    add_json,
    add_overwrite,
    add_run,
    named_path,
)

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
    add_overwrite(parser)
    add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Writes the report and says where it lies."""
    from agent.folder import check_spared
    from agent.look.report import write_report
    from agent.text import printable
    from scorer.files import check_output

    if args.out is not None:
        check_spared(args.out)
        check_output(args.out, overwrite=args.overwrite)
    found = find_run(args.runs_dir, args.run, pictures=True, closely=True)
    place = write_report(found.folder, found, out=args.out, overwrite=args.overwrite)
    if args.json:
        print_json({"report": str(place), "bytes": place.stat().st_size})
    else:
        print(printable(str(Path(place))))
    return 0
