"""`pamela-agent export RUN`: a run as a table, or its pictures as files."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.cli.looking import find_run
from agent.cli.output import complain
from agent.cli.parsers import Subparsers, add_command, add_overwrite, add_run, named_path
from agent.errors import InputError

if TYPE_CHECKING:
    from agent.look.salvage import Salvaged
    from agent.look.table import TableFormat

FORMATS = ("csv", "parquet", "jsonl")
EXAMPLES = """\
examples:
  pamela-agent export latest --to csv --out run.csv
  pamela-agent export latest --to jsonl
  pamela-agent export latest --pictures gallery
  pamela-agent export latest --pictures to-publish --strip-metadata
"""


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(
        subparsers, "export", "write a run's candidates as a table, or its pictures", EXAMPLES
    )
    add_run(parser)
    parser.add_argument("--to", choices=FORMATS, help="a row a candidate, in this format")
    parser.add_argument(
        "--out", type=named_path, metavar="FILE", help="where to (default: standard output)"
    )
    parser.add_argument(
        "--pictures", type=named_path, metavar="FOLDER", help="copy the pictures into a new folder"
    )
    add_overwrite(parser)
    parser.add_argument(
        "--strip-metadata",
        action="store_true",
        help="leave prompts, seeds and scores out of the pictures",
    )


def execute(args: argparse.Namespace) -> int:
    """Writes what was asked for."""
    from agent.folder import check_spared
    from scorer.files import check_output

    if args.out is not None and args.to is None:
        raise InputError(f"--out is for a table: say with --to which format, {'|'.join(FORMATS)}")
    if args.strip_metadata and args.pictures is None:
        raise InputError("--strip-metadata is for pictures: say with --pictures where to")
    if args.to is None and args.pictures is None:
        raise InputError(f"say what to export: --to {'|'.join(FORMATS)}, or --pictures FOLDER")
    for place in filter(None, (args.out, args.pictures)):
        check_spared(place)
    found = find_run(args.runs_dir, args.run)
    if args.out is not None:
        check_output(args.out, overwrite=args.overwrite)
    if args.pictures is not None:
        _copy(found, args.pictures, strip=args.strip_metadata, overwrite=args.overwrite)
    if args.to is not None:
        _write(found, args.to, args.out)
    return 0


def _copy(found: "Salvaged", folder: Path, *, strip: bool, overwrite: bool) -> None:
    from agent.look.gallery import export_pictures
    from agent.look.salvage import pictures_problem

    copied = export_pictures(found, folder, strip=strip, overwrite=overwrite)
    count = len(copied.files) + len(copied.missing)
    for problem in pictures_problem(copied.missing, count):
        complain(problem)
    if not copied.files:
        raise InputError(f"no picture of the run {found.run.id!r} is left to export")
    pictures = "1 picture" if len(copied.files) == 1 else f"{len(copied.files)} pictures"
    complain(f"{pictures} in {str(folder)!r}")


def _write(found: "Salvaged", kind: "TableFormat", out: Path | None) -> None:
    from agent.look.table import rows_of, write_table
    from scorer.files import output

    rows = rows_of(found.run)
    if out is None:
        stream: Any = getattr(sys.stdout, "buffer", None)
        if kind == "parquet" and sys.stdout.isatty():
            raise InputError("parquet is not for a terminal: say with --out where to")
        write_table(rows, kind, stream)
        stream.flush()
        return
    with output(out, overwrite=True) as file:  # it was looked at before anything was done
        write_table(rows, kind, file)
    complain(f"{len(rows)} candidates in {str(out)!r}")
