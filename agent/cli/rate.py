"""`pamela-agent rate --user PROFILE FOLDER`: asks for ratings of the pictures that teach most.

Every answer is written into the profile at once, in one piece, so nothing is lost whenever one
stops. A rated picture that lies outside the profile's folder is copied into it.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.parsers import Subparsers, add_command, add_device, counted, named_path
from agent.errors import InputError
from agent.text import printable

if TYPE_CHECKING:
    from agent.rating import Ratable
    from scorer import UserProfile
    from scorer.personal import PersonalScorer

EXAMPLES = """\
examples:
  pamela-agent rate --user me.json pictures/
  pamela-agent rate --user me.json runs/*/images --count 20

Answer with 1 (not at all) to 5 (very much), s to skip a picture, q to stop. The picture's file is
named (and linked, where the terminal can), so that it can be looked at.
"""
SKIP, STOP = "s", "q"


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(subparsers, "rate", "rate the pictures that teach most", EXAMPLES)
    parser.add_argument("folders", nargs="+", type=named_path, metavar="FOLDER", help="of pictures")
    parser.add_argument("--user", required=True, metavar="PROFILE", help="whose ratings they are")
    parser.add_argument(
        "--count", type=counted, default=20, metavar="N", help="how many to ask for (default: 20)"
    )
    parser.add_argument(
        "--scorer",
        default="pamela",
        metavar="SPEC",
        help="what is to learn: pamela[:<path or id>] (default: pamela)",
    )
    add_device(parser)


def execute(args: argparse.Namespace) -> int:
    """Runs the command; returns the exit code."""
    from agent.rating import pictures_in, unrated
    from scorer import UserProfile, make_scorer
    from scorer.personal import PersonalScorer

    user = UserProfile.load(args.user)
    scorer = make_scorer(args.scorer, device=args.device)
    if not isinstance(scorer, PersonalScorer) or args.scorer.partition(":")[0] != "pamela":
        raise InputError(f"--scorer {args.scorer!r} learns from no ratings: take pamela")
    shown = unrated(pictures_in(args.folders), user, _left_out)
    if not shown:
        places = ", ".join(map(str, args.folders))
        raise InputError(f"no picture directly in {places} lacks a rating: name another folder")
    where = printable(args.user)
    try:
        given = _ask_all(shown, user, scorer, Path(args.user), min(args.count, len(shown)))
    except KeyboardInterrupt:
        print(f"\nevery answer until here stands in {where}", file=sys.stderr)
        raise
    ratings = "1 rating" if given == 1 else f"{given} ratings"
    print(f"{ratings} written into {where}, each as it was given", file=sys.stderr)
    return 0


def _left_out(path: Path, reason: str) -> None:
    print(printable(f"left out: {path} {reason}"), file=sys.stderr)


def _ask_all(
    shown: "list[Ratable]", user: "UserProfile", scorer: "PersonalScorer", file: Path, count: int
) -> int:
    """Asks, one picture after the other; returns how many were rated."""
    from agent.rating import with_rating

    left, given = list(range(len(shown))), 0
    pictures, prompts = [s.pixels for s in shown], [s.prompt for s in shown]
    while left and given < count:
        place = scorer.inquire(pictures, prompts, user, left).ask
        left.remove(place)
        asked = shown[place]
        answer = _answer(asked, given + 1, count)
        if answer is None:
            break
        if answer == 0:
            print("  skipped", file=sys.stderr)
            continue
        before = scorer.score([asked.pixels], [asked.prompt], user)[0].value
        user = with_rating(user, asked, answer, file)
        user.save(file, overwrite=True)
        given += 1
        print(f"  predicted {before:.1f}, you say {answer}", file=sys.stderr)
    return given


def _answer(asked: "Ratable", number: int, count: int) -> int | None:
    """1 to 5, 0 for a picture that is skipped, None to stop."""
    words = f"{number}/{count} {_linked(asked.path)}" + (
        f" ({printable(asked.prompt)})" if asked.prompt else ""
    )
    while True:
        print(f"{words}\n  1-5, {SKIP} or {STOP}: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline() if sys.stdin else ""
        text = line.strip().lower()
        if not line or text == STOP:
            return None
        if text == SKIP:
            return 0
        if text in {"1", "2", "3", "4", "5"}:
            return int(text)
        print(f"  {printable(text)!r} is no rating", file=sys.stderr)


def _linked(path: Path) -> str:
    """The path, as a link in a terminal."""
    name = printable(str(path))
    if not sys.stderr.isatty():
        return name
    return f"\x1b]8;;{path.resolve().as_uri()}\x1b\\{name}\x1b]8;;\x1b\\"
