"""Shows a language model that sees the picture that its parent's prompt gave.

    signature = seeing(ProposeEdits, task)         # with a `picture`, and a `critique` before edits
    inputs["picture"] = shown(Path("runs/…/images/c0001-7.png"))
    forget(lm)                                     # after the call

The picture goes along as a small JPEG and is never asked for in return. The one rule that is not
obvious: DSPy remembers questions (in the histories of the model, of the program and of the whole
process, and in the last pictures that it formatted), so what it remembers of a picture is taken
out once the answer is there.
"""

import base64
import io
from pathlib import Path
from typing import Any

import dspy
from pydantic import BaseModel, model_validator

import prompts
from agent.errors import RunError
from scorer.pictures import PictureError, read_picture

PICTURE = "picture"
CRITIQUE = "critique"
SIDES = (512, 384, 256, 128)
"""Pixels of the longer side; the first that gives a small enough file counts."""
QUALITY = 80
LARGEST = 60_000
"""Bytes of the JPEG."""
TAKEN_OUT = "(a question with a picture, which is not kept)"


class Critique(BaseModel):
    """What a language model sees in a picture."""

    shows: str = ""
    fits: str = ""
    lacks: str = ""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        """Small models answer in a sentence; it is taken for what the picture lacks."""
        if isinstance(value, str):
            return {"lacks": value}
        return value if isinstance(value, dict) else {}

    def said(self) -> str:
        """In one sentence; empty if nothing was said."""
        parts = [(name, text.strip()) for name, text in self if text.strip()]
        return "; ".join(f"{name}: {text}" for name, text in parts)


def seeing(signature: Any, task: str) -> Any:
    """The signature for a model that sees: with a picture, and a critique before the edits."""
    picture = dspy.InputField(desc="what parent_prompt gave")
    critique = dspy.OutputField(desc="what you see in the picture", default_factory=Critique)
    seen = signature.append(PICTURE, picture, dspy.Image).prepend(CRITIQUE, critique, Critique)
    return seen.with_instructions(prompts.load("see", task=task))


def shown(path: Path) -> dspy.Image:
    """The picture as it goes along.

    Raises:
        RunError: it is gone or damaged.
    """
    return dspy.Image(f"data:image/jpeg;base64,{base64.b64encode(small_jpeg(path)).decode()}")


def small_jpeg(path: Path) -> bytes:
    """The picture as a JPEG of at most `LARGEST` bytes.

    Raises:
        RunError: it is gone or damaged.
    """
    try:
        picture = read_picture(path)
    except PictureError as error:
        raise RunError(f"the picture {str(path)!r} can't be shown: it {error}") from error
    content = b""
    for side in SIDES:
        small = picture.copy()
        small.thumbnail((side, side))
        stream = io.BytesIO()
        small.save(stream, format="JPEG", quality=QUALITY)
        content = stream.getvalue()
        if len(content) <= LARGEST:
            break
    return content


def forget(lm: dspy.LM) -> None:
    """Takes the questions with pictures out of what DSPy remembers of a model's calls."""
    for entry in lm.history:  # the same objects lie in the histories of program and process
        entry.update(prompt=TAKEN_OUT, messages=None)
        entry.pop("request", None)
    dspy.Image.format.cache_clear()
