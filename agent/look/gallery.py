"""A run's pictures as files to give away, with or without their story inside.

    copied = export_pictures(found, Path("gallery"), strip=False)
    copied.files, copied.missing

With their story a PNG says in `parameters` what the common programs read there, and in `pamela`
all that this program knows, as JSON. The one rule that is not obvious: names are made here from
iteration, candidate and seed, so no name of a run's file ever becomes a path.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import PIL.Image
import PIL.PngImagePlugin

from agent.errors import InputError
from agent.look.inside import recorded_picture
from agent.look.salvage import Salvaged
from agent.story import png_text, story_of
from agent.text import slug
from agent.trajectory import Candidate, Image
from scorer.files import output, prepare_folder
from scorer.pictures import PictureError


@dataclass
class Copied:
    """What became of a run's pictures."""

    files: list[Path] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Paths."""


@dataclass(frozen=True)
class Shown:
    """A picture and what it belongs to."""

    image: Image
    candidate: str
    iteration: int
    prompt: str
    score: float | None
    heldout: bool


def export_pictures(
    found: Salvaged, folder: Path, *, strip: bool, overwrite: bool = False
) -> Copied:
    """Copies all pictures of a run; their pixels stay the same.

    Args:
        found: The run.
        folder: Where to; it is made, or has to be empty.
        strip: Whether they are to hold nothing but pixels.
        overwrite: Whether the folder may hold something, of which what has the same names goes.

    Raises:
        InputError: there are none, or the folder holds something or can't be written.
    """
    pictures = list(_all(found))
    if not pictures:
        raise InputError(f"the run {found.run.id!r} has no picture yet: go on with it first")
    made = not folder.exists()
    prepare_folder(folder, overwrite=overwrite)
    copied = Copied()
    taken: set[str] = set()
    for shown in pictures:
        try:
            picture = recorded_picture(found.folder, shown.image)
        except PictureError:
            copied.missing.append(shown.image.path)
            continue
        path = folder / _name(shown, taken)
        text = None if strip else _story(found, shown, picture.size)
        with output(path, overwrite=overwrite) as stream:
            plain = PIL.Image.frombytes("RGB", picture.size, picture.tobytes())
            plain.save(stream, format="PNG", pnginfo=text)
        copied.files.append(path)
    if made and not copied.files:
        folder.rmdir()
    return copied


def _all(found: Salvaged) -> Iterator[Shown]:
    by_id: dict[str, Candidate] = {c.id: c for c in found.run.candidates}
    for c in found.run.candidates:
        for image in c.images:
            yield Shown(image, c.id, c.iteration, c.prompt, c.score, heldout=False)
    for held in found.run.heldout:
        c = by_id.get(held.candidate)
        if held.image is not None and c is not None:
            yield Shown(held.image, c.id, c.iteration, c.prompt, held.score, heldout=True)


def _name(shown: Shown, taken: set[str]) -> str:
    start = "heldout-" if shown.heldout else ""
    stem = f"{start}{shown.iteration:02d}-{slug(shown.candidate)}-{shown.image.seed}"
    name, number = f"{stem}.png", 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}.png"
    taken.add(name)
    return name


def _story(found: Salvaged, shown: Shown, size: tuple[int, int]) -> PIL.PngImagePlugin.PngInfo:
    story = story_of(
        found.run.id,
        found.run.prompt,
        found.run.config,
        warm=found.header.warm_start is not None,
        candidate=shown.candidate,
        iteration=shown.iteration,
        prompt=shown.prompt,
        score=shown.score,
        seed=shown.image.seed,
        heldout=shown.heldout,
    )
    return png_text(story, size)
