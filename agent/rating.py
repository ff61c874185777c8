"""Pictures that a person may be asked for, and their answers in the profile.

    left = unrated(pictures_in([Path("pictures")]), user, left_out=print)
    user = with_rating(user, left[0], 4, Path("me.json"))
    user.save("me.json", overwrite=True)

The one rule that is not obvious: a profile's pictures lie in its folder, so a rated picture from
elsewhere is copied there, under the name of its content.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import PIL.Image

from agent.errors import InputError
from scorer.pictures import PictureError, picture_digest, prompt_inside, read_picture
from scorer.profile import Rating, UserProfile

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
COPIES = "ratings"
"""Folder beside the profile that rated pictures are copied into."""


@dataclass(frozen=True, eq=False)
class Ratable:
    """A picture that can be asked for."""

    path: Path
    pixels: PIL.Image.Image
    prompt: str | None
    digest: str
    """Of the pixels."""


def pictures_in(folders: Iterable[Path]) -> Iterator[tuple[Path, str | None]]:
    """The picture files of some folders, by name; what they were to show stands in them.

    Raises:
        InputError: a folder does not exist.
    """
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{str(folder)!r} is no folder: name a folder of pictures")
        files = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        yield from ((path, None) for path in sorted(files))


def unrated(
    pictures: Iterable[tuple[Path, str | None]],
    user: UserProfile,
    left_out: Callable[[Path, str], None],
) -> list[Ratable]:
    """The pictures that have no rating yet; the same one is there once.

    Args:
        pictures: Files, each with what it was meant to show; None looks into the file for that.
        user: Whose ratings they would be.
        left_out: Told of what is no picture, and why.
    """
    rated = {picture_digest(read_picture(path)) for path in user.picture_paths}
    found: dict[str, Ratable] = {}
    for path, prompt in pictures:
        try:
            pixels = read_picture(path)
        except PictureError as error:
            left_out(path, str(error))
            continue
        digest = picture_digest(pixels)
        if digest not in rated and digest not in found:
            found[digest] = Ratable(path, pixels, prompt or prompt_inside(path), digest)
    return list(found.values())


def with_rating(user: UserProfile, asked: Ratable, score: int, file: Path) -> UserProfile:
    """The profile with one rating more; its picture lies in the profile's folder."""
    folder = file.resolve().parent
    path = asked.path.resolve()
    if not path.is_relative_to(folder):
        copies = folder / COPIES
        copies.mkdir(exist_ok=True)
        copy = copies / f"{asked.digest[:16]}{path.suffix.lower()}"
        shutil.copyfile(path, copy)
        path = copy
    told = {"prompt": asked.prompt} if asked.prompt else {}
    rating = Rating(image=path.relative_to(folder).as_posix(), score=score, **told)
    return user.model_copy(update={"ratings": (*user.ratings, rating)}).placed_in(folder)
