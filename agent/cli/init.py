"""`pamela-agent init [PROFILE]`: asks the few questions that make a profile.

Answers come from standard input, so they can also be piped; an empty one leaves a thing out.
"""

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.cli.parsers import Subparsers, add_command
from agent.errors import InputError
from agent.text import printable

if TYPE_CHECKING:
    from scorer import UserProfile

DEFAULT = "profile.json"
EXAMPLES = """\
examples:
  pamela-agent init
  pamela-agent init people/ada.json
"""


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command."""
    parser = add_command(subparsers, "init", "ask the few questions that make a profile", EXAMPLES)
    parser.add_argument(
        "profile",
        nargs="?",
        default=DEFAULT,
        metavar="PROFILE",
        help="the file to write (default: %(default)s)",
    )


def execute(args: argparse.Namespace) -> int:
    """Runs the command; returns the exit code."""
    if not args.profile:
        raise InputError("PROFILE '' is no file name: name the file to write, or leave it out")
    file = Path(args.profile)
    if file.exists():
        raise InputError(f"{args.profile!r} exists and is not overwritten: name another file")
    if not file.parent.is_dir():
        raise InputError(f"the folder {str(file.parent)!r} does not exist: make it first")
    profile = ask_profile()
    profile.save(file)
    name = printable(args.profile)
    print(f"wrote {name}: use it with `pamela-agent run --user {shlex.quote(name)}`")
    print("ratings of pictures you know make it better; the README says how to add them")
    return 0


def ask_profile() -> "UserProfile":
    """Asks on standard error, reads standard input, and checks the answers.

    Raises:
        InputError: an answer is not valid; the message names it.
    """
    user_id = _ask("A name for you (needed)")
    if not user_id:
        raise InputError("the name is empty: a profile needs one, any word will do")
    _checked({"user_id": user_id})
    age = _ask("Your age")
    demographics: dict[str, Any] = {"age": _age(age)} if age else {}
    for name in ("gender", "nationality"):
        answer = _ask(f"Your {name}")
        if answer:
            demographics[name] = answer
    likes = _split(_ask("What you like in pictures, with commas between"))
    dislikes = _split(_ask("What you dislike in pictures, with commas between"))
    notes = _ask("Anything else about your taste")
    answers = {"user_id": user_id, "demographics": demographics, "notes": notes}
    return _checked(answers | {"likes": likes, "dislikes": dislikes})


def _checked(answers: dict[str, Any]) -> "UserProfile":
    from scorer import UserProfile

    text = json.dumps(answers)
    return UserProfile.parse(text, folder=Path(), source="from your answers")


def _ask(question: str) -> str:
    print(f"{question}: ", end="", file=sys.stderr, flush=True)
    if sys.stdin is None:  # closed by the shell, as in `<&-`
        raise InputError("standard input is closed: the answers are read from there")
    try:
        answer = sys.stdin.readline()
        answer.encode()  # some locales read broken bytes as surrogates
    except UnicodeError:
        raise InputError(f"the answer to {question!r} is not valid text: use UTF-8") from None
    if not sys.stdin.isatty():
        print(file=sys.stderr)
    return answer.strip()


def _age(answer: str) -> int:
    if not answer.isdecimal() or not 1 <= int(answer) <= 130:
        raise InputError(f"age = {answer!r}: must be a whole number of years from 1 to 130")
    return int(answer)


def _split(answer: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in answer.split(",") if part.strip())
