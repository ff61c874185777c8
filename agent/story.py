"""What a picture carries of how it came about, in its PNG's text, and how that is read again.

    text = png_text(story, size=(512, 512))
    told = read_told(Path("picture.png"))
    told.prompt, told.options, told.story

`parameters` is the text that the common programs write and read; `pamela` is all that this program
knows, as JSON. The one rule that is not obvious: a picture may come from anybody, so what it says
is input like any other, and what can't be used of it is passed over and named in `notes`.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import PIL.Image
import PIL.PngImagePlugin
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.builders import make_config, option_of
from agent.config import RunConfig
from agent.errors import InputError

ADDRESSES = ("llm_base_url", "image_base_url")
"""Settings that are nobody else's business: a picture is given away."""
NAMED = {"steps": "Steps", "guidance": "CFG scale", "seed": "Seed", "size": "Size"}
"""How the common programs call what is a setting here."""
SETTING = re.compile(r'\s*([\w .-]+):\s*("(?:\\.|[^"\\])+"|[^,]*)(?:,|$)')
NEGATIVE = "Negative prompt:"
OBEYED = re.compile(
    r"<(?:lora|lyco|hypernet):[^<>]*>"  # another model's weights
    r"|\([^()]+:\s*[\d.]+\s*\)"  # (moss:1.3)
    r"|\({2,}[^()]+\){2,}|\[[^\[\]]+\]"  # ((moss)), [moss], [moss:rust:0.5]
    r"|\bembedding:[\w.-]+|\bBREAK\b"
)
"""What the common programs take for more than words in a prompt."""
NODES = "class_type"
"""What each step of a ComfyUI workflow has."""


class Story(BaseModel):
    """What a picture of a run says of itself; a newer version may say more."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    run: str
    candidate: str
    iteration: int | None = None
    """Null in the run's own folder, as is the score: it is written before it is judged."""
    user_prompt: str
    prompt: str
    score: float | None = None
    seed: int
    heldout: bool = False
    config: dict[str, Any] = Field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    """Settings that were given and are kept out of pictures."""
    warm_start: bool = False
    """Whether the run began from a taste card, which is not in the picture."""


@dataclass(frozen=True)
class Told:
    """What could be read of a picture."""

    prompt: str
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `RunConfig`."""
    story: Story | None = None
    """None in pictures of other programs."""
    notes: tuple[str, ...] = ()
    """What could not be used, in words."""
    literal: tuple[str, ...] = ()
    """What other programs obey in the prompt, and what is but words here."""


def story_of(run: str, user_prompt: str, config: RunConfig, *, warm: bool, **more: Any) -> Story:
    """The story of a picture of a run.

    Args:
        run: The run's id.
        user_prompt: That the run began with.
        config: Its settings; addresses of servers are left out.
        warm: Whether it began from a taste card.
        **more: The other fields of `Story`.
    """
    said = config.model_dump(mode="json", exclude=set(ADDRESSES))
    left_out = tuple(name for name in ADDRESSES if getattr(config, name) is not None)
    return Story(
        run=run,
        user_prompt=user_prompt,
        config=said,
        left_out=left_out,
        warm_start=warm,
        **more,
    )


def png_text(story: Story, size: tuple[int, int]) -> PIL.PngImagePlugin.PngInfo:
    """The story as the text of a PNG."""
    config = story.config
    named = {
        "Steps": config.get("steps"),
        "CFG scale": config.get("guidance"),
        "Seed": story.seed,
        "Size": f"{size[0]}x{size[1]}",
        "Model": config.get("renderer"),
    }
    settings = ", ".join(f"{key}: {value}" for key, value in named.items() if value is not None)
    text = PIL.PngImagePlugin.PngInfo()
    text.add_itxt("parameters", f"{story.prompt}\n{settings}")
    text.add_itxt("prompt", story.prompt)
    text.add_itxt("pamela", json.dumps(story.model_dump(mode="json"), ensure_ascii=False))
    return text


def read_told(path: Path) -> Told:
    """Reads what a picture says of itself.

    Raises:
        InputError: it is no PNG, or says nothing of how it was made.
    """
    texts = _texts(path)
    notes: tuple[str, ...] = ()
    if "pamela" in texts:
        told = _from_story(texts["pamela"])
        if told is not None:
            return told
        notes = ("what it says of its run can't be read",)
    if "parameters" in texts:
        told = _from_parameters(texts["parameters"])
        if told is not None:
            return replace(told, notes=(*notes, *told.notes))
    prompt = texts.get("prompt", "")
    if prompt.strip() and not _is_document(prompt):
        return Told(prompt, notes=notes, literal=_obeyed(prompt))
    if NODES in prompt or "workflow" in texts:
        raise InputError(
            f"the picture {str(path)!r} is of ComfyUI, whose workflows are not read here: give "
            f"its words with --prompt in place of --from"
        )
    raise InputError(
        f"the picture {str(path)!r} does not say how it was made: name one of a run, or one with "
        f"the `parameters` text that other programs write, or give --prompt instead"
    )


def _texts(path: Path) -> dict[str, str]:
    """The PNG's text, by its key."""
    try:
        if not path.is_file():
            what = "is no file" if os.path.lexists(path) else "does not exist"
            raise InputError(f"the picture {str(path)!r} {what}: name a PNG")
        with PIL.Image.open(path, formats=("PNG",)) as picture:
            picture.load()  # text may stand behind the pixels
            found: Mapping[Any, Any] = picture.info
            return {str(key): str(value) for key, value in found.items()}
    except InputError:
        raise
    except Exception as error:  # decoders of damaged files raise whatever they like
        raise InputError(
            f"{str(path)!r} can't be read as a PNG ({type(error).__name__})"
        ) from error


def _obeyed(prompt: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found.group() for found in OBEYED.finditer(prompt)))


def _is_document(text: str) -> bool:
    """Whether it is JSON, as some programs write whole workflows there."""
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _from_story(text: str) -> Told | None:
    try:
        story = Story.model_validate_json(text)
    except (ValidationError, RecursionError):
        return None
    unknown = sorted(set(story.config) - set(RunConfig.model_fields))
    notes = (f"settings that are not known here are left out: {', '.join(unknown)}",)
    options = {name: value for name, value in story.config.items() if name not in unknown}
    return Told(story.prompt, options, story, notes if unknown else ())


def _from_parameters(text: str) -> Told | None:
    """The prompt and what else is a setting here; the last line holds the settings."""
    lines = text.replace("\r\n", "\n").strip().split("\n")
    found = dict(SETTING.findall(lines[-1])) if len(lines) > 1 else {}
    if not set(found) & set(NAMED.values()):  # a prompt alone
        found = {}
    else:
        lines.pop()
    negative = next((n for n, line in enumerate(lines) if line.startswith(NEGATIVE)), len(lines))
    prompt = " ".join(line.strip() for line in lines[:negative] if line.strip())
    if not prompt:
        return None
    notes = ["its negative prompt is left out: there is none here"] if lines[negative:] else []
    options: dict[str, Any] = {}
    for name, key in NAMED.items():
        if key in found and not _take(options, name, found[key].strip()):
            notes.append(f"{key} {found[key].strip()[:40]!r} is not one for {option_of(name)}")
    return Told(prompt, options, notes=tuple(notes), literal=_obeyed(prompt))


def _take(options: dict[str, Any], name: str, said: str) -> bool:
    """Puts a setting in, if its value may be one."""
    value: Any = tuple(said.lower().split("x")) if name == "size" else said
    try:
        options[name] = getattr(make_config({name: value}), name)
    except InputError:
        return False
    return True
