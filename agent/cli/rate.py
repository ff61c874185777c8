"""`pamela-agent rate --user PROFILE FOLDER`: asks for ratings of the pictures that teach most.

Every answer is written into the profile at once, in one piece, so nothing is lost whenever one
stops. A rated picture that lies outside the profile's folder is copied into it.
"""

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.parsers import Subparsers, add_command, add_device, counted, named_path
from agent.errors import InputError
from agent.text import printable

if TYPE_CHECKING:
    import PIL.Image

    from scorer import UserProfile
    from scorer.personal import PersonalScorer

EXAMPLES = """\
examples:
  pamela-agent rate --user me.json pictures/
  pamela-agent rate --user me.json runs/*/images --count 20

Answer with 1 (not at all) to 5 (very much), s to skip a picture, q to stop. The picture's file is
named (and linked, where the terminal can), so that it can be looked at.
"""
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
COPIES = "ratings"
"""Folder beside the profile that rated pictures are copied into."""
SKIP, STOP = "s", "q"


@dataclass(frozen=True)
class Shown:
    """A picture that can be asked for."""

    path: Path
    pixels: "PIL.Image.Image"
    prompt: str | None


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
    from scorer import UserProfile, make_scorer
    from scorer.personal import PersonalScorer

    user = UserProfile.load(args.user)
    scorer = make_scorer(args.scorer, device=args.device)
    if not isinstance(scorer, PersonalScorer) or args.scorer.partition(":")[0] != "pamela":
        raise InputError(f"--scorer {args.scorer!r} learns from no ratings: take pamela")
    shown = _pictures(args.folders, user)
    given = _ask_all(shown, user, scorer, Path(args.user), args.count)
    print(f"{given} ratings written into {printable(args.user)}", file=sys.stderr)
    return 0


def _pictures(folders: list[Path], user: "UserProfile") -> list[Shown]:
    """The pictures of some folders that have no rating yet; the same one is there once.

    Raises:
        InputError: a folder does not exist, or there is nothing to rate.
    """
    from agent.cli.score import prompt_inside
    from scorer.pictures import PictureError, picture_digest, read_picture

    rated = {picture_digest(read_picture(path)) for path in user.picture_paths}
    found: dict[str, Shown] = {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{str(folder)!r} is no folder: name a folder of pictures")
        for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES):
            try:
                pixels = read_picture(path)
            except PictureError as error:
                print(printable(f"left out: {path} {error}"), file=sys.stderr)
                continue
            key = picture_digest(pixels)
            if key not in rated:
                found.setdefault(key, Shown(path, pixels, prompt_inside(str(path))))
    if not found:
        places = ", ".join(map(str, folders))
        raise InputError(f"no picture in {places} is still to be rated: name another folder")
    return list(found.values())


def _ask_all(
    shown: list[Shown], user: "UserProfile", scorer: "PersonalScorer", file: Path, count: int
) -> int:
    """Asks, one picture after the other; returns how many were rated."""
    left, given = list(shown), 0
    while left and given < count:
        place = scorer.most_informative([s.pixels for s in left], [s.prompt for s in left], user)
        asked = left.pop(place)
        answer = _answer(asked, given + 1, count)
        if answer is None:
            break
        if answer == 0:
            print("  skipped", file=sys.stderr)
            continue
        before = scorer.score([asked.pixels], [asked.prompt], user)[0].value
        user = _with_rating(user, asked, answer, file)
        user.save(file, overwrite=True)
        given += 1
        print(f"  predicted {before:.1f}, you say {answer}", file=sys.stderr)
    return given


def _answer(asked: Shown, number: int, count: int) -> int | None:
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


def _with_rating(user: "UserProfile", asked: Shown, score: int, file: Path) -> "UserProfile":
    """The profile with one rating more; its picture lies in the profile's folder."""
    from scorer import Rating
    from scorer.pictures import picture_digest

    folder = file.resolve().parent
    path = asked.path.resolve()
    if not path.is_relative_to(folder):
        copies = folder / COPIES
        copies.mkdir(exist_ok=True)
        copy = copies / f"{picture_digest(asked.pixels)[:16]}{path.suffix.lower()}"
        shutil.copyfile(path, copy)
        path = copy
    told = {"prompt": asked.prompt} if asked.prompt else {}
    rating = Rating(image=path.relative_to(folder).as_posix(), score=score, **told)
    return user.model_copy(update={"ratings": (*user.ratings, rating)}).placed_in(folder)
