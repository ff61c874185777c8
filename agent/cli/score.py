"""`pamela-agent score IMAGE… --user PROFILE`: how much would this person like these pictures?

Several judges may be asked; the pictures come in the order of the first, best first.
"""

import argparse
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.cli.options import SCORERS
from agent.cli.output import print_json
from agent.cli.parsers import Subparsers, add_command, add_device, add_json, add_trust
from agent.errors import InputError
from agent.text import printable

if TYPE_CHECKING:
    import PIL.Image

    from scorer import Scores, UserProfile

EXAMPLES = """\
examples:
  pamela-agent score picture.png --user examples/profile.json
  pamela-agent score runs/*/best.png --user me.json --json
  pamela-agent score photo.jpg --user me.json --prompt "a tower by a lake" --scorer average
  pamela-agent score *.png --user me.json --scorer pamela --scorer hpsv3
"""
NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Picture:
    """A picture to score."""

    path: str
    pixels: "PIL.Image.Image"
    prompt: str | None


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(subparsers, "score", "how much a person would like pictures", EXAMPLES)
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="a picture file")
    parser.add_argument("--user", required=True, metavar="PROFILE", help="the person's profile")
    parser.add_argument(
        "--prompt", metavar="TEXT", help="what was asked for (default: the prompt in the PNG)"
    )
    parser.add_argument(
        "--scorer",
        action="append",
        dest="scorers",
        metavar="SPEC",
        help=f"what judges: {SCORERS}; may be repeated (default: pamela)",
    )
    add_trust(parser)
    add_device(parser)
    add_json(parser)


def execute(args: argparse.Namespace) -> int:
    """Runs the command; returns the exit code."""
    from agent.session import check_prompt
    from scorer import UserProfile, make_scorer

    if args.prompt is not None:
        check_prompt(args.prompt)
    user = UserProfile.load(args.user)
    specs = list(dict.fromkeys(args.scorers or ["pamela"]))
    scorers = [
        make_scorer(spec, device=args.device, trust_remote_code=args.trust_remote_code)
        for spec in specs
    ]
    pictures = [_open(path, args.prompt) for path in args.images]
    pixels, prompts = [p.pixels for p in pictures], [p.prompt for p in pictures]
    judged = _joined([scorer.score(pixels, prompts, user) for scorer in scorers])
    order = sorted(range(len(pictures)), key=lambda row: -judged[row].value)
    pictures, scores = [pictures[row] for row in order], [judged[row] for row in order]
    if args.json:
        print_json(_document(user, specs, pictures, scores))
    else:
        _print_table(user, pictures, scores)
    return 0


def _joined(judged: "list[list[Scores]]") -> "list[Scores]":
    """One judgement a picture: the value of the first judge, and what all of them say."""
    from scorer import Scores

    joined = []
    for row in zip(*judged, strict=True):
        parts: dict[str, float] = {}
        for score in row:
            parts |= {name: value for name, value in score.parts.items() if name not in parts}
        joined.append(Scores(row[0].value, parts))
    return joined


def _open(path: str, prompt: str | None) -> Picture:
    from scorer.pictures import PictureError, prompt_inside, read_picture

    try:
        pixels = read_picture(Path(path))
    except (PictureError, ValueError) as error:
        raise InputError(f"the picture {path!r} {error}: name a picture file") from error
    return Picture(path, pixels, prompt if prompt is not None else prompt_inside(Path(path)))


def _document(
    user: "UserProfile", specs: list[str], pictures: list[Picture], scores: "list[Scores]"
) -> dict[str, Any]:
    return {
        "user_id": user.user_id,
        "scorer": specs[0],
        "scorers": specs,
        "images": [
            {"path": p.path, "prompt": p.prompt, "score": s.value, "scores": dict(s.parts)}
            for p, s in zip(pictures, scores, strict=True)
        ],
    }


def _print_table(user: "UserProfile", pictures: list[Picture], scores: "list[Scores]") -> None:
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    from agent.console import UNLIMITED, make_console, say

    console = make_console()
    found = dict.fromkeys(name for score in scores for name in score.parts)
    names = [name for name in found if not name.endswith("_sd")]
    title = Text(f"Scores for {printable(user.user_id)}")
    table = Table(title=title)
    table.add_column("picture", no_wrap=True)
    for name in names:
        table.add_column(name, justify="right")
    for picture, score in zip(pictures, scores, strict=True):
        cells = [_cell(score, name) for name in names]
        table.add_row(Text(printable(picture.path)), *cells)
    whole = Measurement.get(console, console.options.update(width=UNLIMITED), table)
    if whole.maximum <= console.width:
        console.print(table)
        return
    say(console, title)
    for picture, score in zip(pictures, scores, strict=True):  # a line each where there is no room
        say(console, Text(printable(picture.path), "bold"))
        said = (f"{name} {_cell(score, name)}" for name in names if name in score.parts)
        unbroken = "  ".join(part.replace(" ", NO_BREAK) for part in said)
        for line in textwrap.wrap(unbroken, max(20, console.width - 2)):
            say(console, Text(f"  {line.replace(NO_BREAK, ' ')}"))


def _cell(score: "Scores", name: str) -> str:
    if name not in score.parts:
        return "–"
    deviation = score.parts.get(f"{name}_sd")
    text = f"{score.parts[name]:z.2f}"
    return text if deviation is None else f"{text} ± {deviation:.2f}"
