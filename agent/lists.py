"""Lists that several runs are made of: prompts from a file, people from a folder.

    prompts = read_prompts(Path("prompts.jsonl"))       # in the order of the file
    people = read_people(Path("examples"))              # by path, in the order of their names

A file holds one prompt a line, as text or (where its name ends in `.jsonl`) as
`{"prompt": "a rock"}`. The one rule that is not obvious: a prompt that comes twice, or a person
that does, is an error, because results would count it twice; where people are only shown
(`usable_people`) what is wrong with one profile is told and costs the others nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.clock import Clock
from agent.errors import InputError
from agent.session import check_prompt, load_user
from scorer.files import contents
from scorer.profile import UserProfile

JSON_LINES = ".jsonl"
LARGEST = 10_000_000
"""Bytes of a file with prompts."""


def read_prompts(file: Path, *, option: str = "--prompts") -> tuple[str, ...]:
    """The prompts of a file.

    Args:
        file: One prompt a line; lines without any text are passed over.
        option: What named the file, for messages.

    Raises:
        InputError: it can't be read, holds no prompt, or a line of it is none.
    """
    lines = [(n, line) for n, line in enumerate(_lines(file, option), start=1) if line.strip()]
    if not lines:
        raise InputError(f"{option} {str(file)!r} holds no prompt: write one a line")
    seen: dict[str, int] = {}
    for number, line in lines:
        where = f"{option} {str(file)!r}, line {number}"
        prompt = _parsed(line, where) if file.suffix == JSON_LINES else line.strip()
        try:
            check_prompt(prompt)
        except InputError as error:
            raise InputError(f"{where}: {str(error).removeprefix('--prompt ')}") from None
        if prompt in seen:
            raise InputError(f"{where}: {prompt!r} stands in line {seen[prompt]} already")
        seen[prompt] = number
    return tuple(seen)


def _lines(file: Path, option: str) -> Sequence[str]:
    try:
        content = contents(file, at_most=LARGEST)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{option} {str(file)!r} can't be read ({reason})") from error
    if len(content) > LARGEST:
        raise InputError(f"{option} {str(file)!r} has more than {LARGEST} bytes: shorten it")
    try:
        return content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise InputError(f"{option} {str(file)!r} is no text in UTF-8: save it as such") from None


def _parsed(line: str, where: str) -> str:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if (
        not isinstance(value, dict)
        or set(value) != {"prompt"}
        or not isinstance(value["prompt"], str)
    ):
        raise InputError(f'{where} is not {{"prompt": "…"}}: write one such object a line')
    return value["prompt"]


@dataclass(frozen=True)
class People:
    """Whose profiles can be used, by path, and why the others can't."""

    usable: Mapping[Path, UserProfile]
    problems: tuple[InputError, ...]


def read_people(place: Path, clock: Clock) -> Mapping[Path, UserProfile]:
    """The profiles of a folder, or the one of a file, by path.

    Raises:
        InputError: there is none, one is not valid, or two have the same user_id.
    """
    people = sift_people(place, clock)
    if people.problems:
        raise people.problems[0]
    return people.usable


def usable_people(place: Path, clock: Clock) -> People:
    """The profiles that can be used, at least one, and what is wrong with the others.

    Raises:
        InputError: there is none.
    """
    people = sift_people(place, clock)
    if not people.usable:
        raise InputError(
            f"--users {str(place)!r} holds no profile that can be used: {people.problems[0]}"
        )
    return people


def sift_people(place: Path, clock: Clock) -> People:
    """The profiles of a folder, or the one of a file; of two with the same user_id the first.

    Raises:
        InputError: there is no profile, valid or not.
    """
    try:
        files = sorted(place.glob("*.json")) if place.is_dir() else [place]
    except (OSError, ValueError) as error:
        raise InputError(f"--users {str(place)!r} can't be read ({error})") from error
    if not files:
        raise InputError(
            f"--users {str(place)!r} holds no profile: make one with `pamela-agent init PROFILE`"
        )
    people: dict[Path, UserProfile] = {}
    known: dict[str, Path] = {}
    problems: list[InputError] = []
    for file in files:
        try:
            user = load_user(file, clock)
        except InputError as error:
            problems.append(error)
            continue
        if user.user_id in known:
            problems.append(_same(place, known[user.user_id], file, user.user_id))
            continue
        known[user.user_id] = file
        people[file] = user
    return People(people, tuple(problems))


def _same(place: Path, one: Path, other: Path, user_id: str) -> InputError:
    return InputError(
        f"--users {str(place)!r}: {one.name!r} and {other.name!r} have the same user_id "
        f"{user_id!r}: leave one out"
    )
