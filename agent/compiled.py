"""Instructions that `pamela-agent compile` has tuned: where they lie, and how they are read.

    saved = read_compiled(find_compiled("llama-8b"))      # prompts/compiled/llama-8b.json
    program.load_state(saved.state)

A file is the JSON state that DSPy's own `program.save` writes and its `load` reads. The one rule
that is not obvious: of what stands in it only instructions and examples are used. A language model,
an address or anything else that a file from elsewhere may name is left aside.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

import prompts
from agent.errors import InputError
from agent.folder import check_spared
from scorer.files import check_output, contents, output, unwritable

SUFFIX = ".json"
FOLDER = Path("prompts", "compiled")
"""Seen from the current folder; the package's own is looked into as well."""
LARGEST = 2_000_000
"""Bytes of a file."""
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")


class _Fields(BaseModel):
    prefix: str
    description: str


class _Signature(BaseModel):
    instructions: str = Field(min_length=1)
    fields: list[_Fields]


class _Predictor(BaseModel):
    """What is taken of a predictor's state."""

    demos: list[dict[str, Any]] = Field(default_factory=list)
    signature: _Signature


class _State(BaseModel):
    propose: _Predictor
    repair: _Predictor


@dataclass(frozen=True)
class Compiled:
    """A file that was read."""

    state: dict[str, Any]
    """As `EditProgram.load_state` takes it."""
    sha256: str
    """Of the file."""


def folders() -> tuple[Path, ...]:
    """Where names are looked for, in this order."""
    return (FOLDER, prompts.ROOT / "compiled")


def compiled_names() -> list[str]:
    """The names of all compiled programs."""
    return sorted({file.stem for folder in folders() for file in folder.glob(f"*{SUFFIX}")})


def find_compiled(reference: str) -> Path:
    """The file of a compiled program.

    Args:
        reference: A name, or the path of a file: what ends in `.json` or holds a slash is a path.

    Raises:
        InputError: there is none.
    """
    is_path = reference.endswith(SUFFIX) or "/" in reference or "\\" in reference
    if is_path:
        places = [Path(reference)]
    else:
        named = NAME.fullmatch(reference) is not None
        places = [folder / f"{reference}{SUFFIX}" for folder in folders() if named]
    for file in places:
        if _is_file(file):
            return file
    names = compiled_names()
    known = f"there are {', '.join(names)}" if names else f"there is none in {FOLDER}"
    called = "is no file" if is_path else "is no compiled program"
    raise InputError(
        f"--program {reference!r} {called}: {known}; make one with `pamela-agent compile`"
    )


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except (OSError, ValueError):  # too long, or with a null byte
        return False


def read_compiled(file: Path) -> Compiled:
    """What of a file counts.

    Raises:
        InputError: it can't be read, or holds something else.
    """
    try:
        content = contents(file, at_most=LARGEST)
        if len(content) > LARGEST:
            raise ValueError(f"it has more than {LARGEST} bytes")
        state = _State.model_validate(json.loads(content))
    except OSError as error:
        raise InputError(f"the program {str(file)!r} can't be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        reason = "it lacks what a program has" if isinstance(error, ValidationError) else str(error)
        raise InputError(
            f"the program {str(file)!r} is not valid ({reason}): name a file that `pamela-agent "
            f"compile` has written"
        ) from error
    kept = {
        name: {**predictor, "traces": [], "train": [], "lm": None}
        for name, predictor in state.model_dump().items()
    }
    return Compiled(kept, hashlib.sha256(content).hexdigest())


def check_out(file: Path, *, overwrite: bool = False) -> None:
    """Makes sure that a program may be written there, before anything is spent.

    Raises:
        InputError: the name is no name of a program, the file is there already, or its folder
            can't be made.
    """
    if file.suffix != SUFFIX or not NAME.fullmatch(file.stem):
        raise InputError(f"--out {str(file)!r} is no name of a program: give {FOLDER}/NAME{SUFFIX}")
    check_spared(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(unwritable(file, error.strerror)) from error
    check_output(file, overwrite=overwrite)


def write_compiled(file: Path, state: dict[str, Any], *, overwrite: bool = False) -> None:
    """Writes a program's state in one piece.

    Raises:
        InputError: it can't be written.
    """
    text = json.dumps(state, indent=2, ensure_ascii=False) + "\n"
    with output(file, overwrite=overwrite, sync=True) as stream:
        stream.write(text.encode())
