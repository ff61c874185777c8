"""`pamela-agent init [PROFILE]`: asks the few questions that make a profile.

Answers come from standard input, so they can also be piped; an empty one leaves a thing out.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from agent.cli.parsers import Subparsers, add_command, add_overwrite
from agent.errors import InputError
from agent.text import printable
from scorer.files import check_output

if TYPE_CHECKING:
    from scorer import UserProfile

T = TypeVar("T")

DEFAULT = "profile.json"
EXAMPLES = """\
examples:
  pamela-agent init
  pamela-agent init ada.json
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
    add_overwrite(parser)


def execute(args: argparse.Namespace) -> int:
    """Runs the command; returns the exit code."""
    from agent.folder import check_no_record

    if not args.profile:
        raise InputError("PROFILE '' is no file name: name the file to write, or leave it out")
    file = Path(args.profile)
    check_no_record(file)
    check_output(file, overwrite=args.overwrite)
    profile = ask_profile()
    profile.save(file, overwrite=args.overwrite)
    name = printable(args.profile)
    quoted = shlex.quote(name)
    print(f"wrote {name}: use it with `pamela-agent run --user {quoted} --prompt TEXT`")
    print(f"ratings make it better: `pamela-agent rate --user {quoted} FOLDER` asks for some")
    return 0


def ask_profile() -> "UserProfile":
    """Asks on standard error, reads standard input, and checks the answers.

    In a terminal a question is asked again until its answer is valid.

    Raises:
        InputError: an answer that was piped in is not valid; the message names it.
    """
    given: dict[str, Any] = {"user_id": _ask("A name for you (needed)", _name)}
    age = _ask("Your age, or a group such as 18-21", _age)
    demographics = {} if age is None else {"age": age}
    for name in ("gender", "nationality"):
        demographics |= _ask(f"Your {name}", partial(_field, name))
    given["demographics"] = demographics
    for name in ("likes", "dislikes"):
        question = f"What you {name.removesuffix('s')} in pictures, with commas between"
        given[name] = _ask(question, partial(_list, name))
    given["notes"] = _ask("Anything else about your taste", _notes)
    return _checked(given)


def _checked(answers: dict[str, Any]) -> "UserProfile":
    from scorer import UserProfile

    text = json.dumps({"user_id": "somebody"} | answers)
    return UserProfile.parse(text, folder=Path(), source="from your answers")


def _ask(question: str, read: Callable[[str], T]) -> T:
    """The answer to a question, as `read` understands it."""
    while True:
        line = _line(question)
        try:
            return read(line.strip())
        except InputError as error:
            if not line or not sys.stdin.isatty():
                raise
            print(printable(str(error)), file=sys.stderr)


def _line(question: str) -> str:
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
    return answer


def _name(answer: str) -> str:
    if not answer:
        raise InputError("the name is empty: a profile needs one, any word will do")
    return _checked({"user_id": answer}).user_id


def _age(answer: str) -> int | str | None:
    from scorer.profile import AGES, is_age

    whole = answer.isascii() and answer.isdecimal() and len(answer) < 5
    age = int(answer) if whole else answer
    if answer and not is_age(age):
        raise InputError(f"age = {answer!r}: {AGES}")
    return age if answer else None


def _field(name: str, answer: str) -> dict[str, Any]:
    told = {name: answer} if answer else {}
    _checked({"demographics": told})
    return told


def _list(name: str, answer: str) -> list[str]:
    parts = [part.strip() for part in answer.split(",") if part.strip()]
    _checked({name: parts})
    return parts


def _notes(answer: str) -> str:
    return _checked({"notes": answer}).notes
