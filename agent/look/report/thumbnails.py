"""Small copies of a run's pictures, as text that stands in the page.

    pictures = Pictures(folder, seen_from=folder)
    pictures.prepare(images, side=96)
    pictures.small(image, 96).source            # "data:image/webp;base64,…"

The one rule that is not obvious: a picture that is missing, damaged or not in the run's folder is
no error here. It is None, and stands in `missing`.
"""

import base64
import io
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import PIL.Image
from markupsafe import Markup

from agent.look.inside import GONE, inside, recorded_picture
from agent.trajectory import Candidate, Image
from scorer.pictures import PictureError

QUALITY, LARGE_QUALITY, LARGE = 78, 92, 300
"""Of WebP; better for copies with a side of `LARGE` or more, of which there are few."""
WORKERS = 4


@dataclass(frozen=True)
class Small:
    """A small copy."""

    source: str
    """What the page shows: the copy itself, or where it lies."""
    width: int
    height: int
    link: str
    """Where the picture itself lies, seen from the page."""


def small_copy(picture: PIL.Image.Image, side: int) -> bytes:
    """Makes a picture small, and a WebP of it."""
    picture.thumbnail((side, side), PIL.Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=LARGE_QUALITY if side >= LARGE else QUALITY, method=0)
    return stream.getvalue()


class Album(Protocol):
    """Where the pictures of a run come from, and where the links of a page about it lead.

    What can't be shown is None and stands in `missing`, by its path, with the reason.
    """

    missing: dict[str, str]

    def prepare(self, images: Iterable[Image], side: int) -> None: ...

    def small(self, image: Image | None, side: int) -> Small | None: ...

    def link(self, image: Image) -> str | None: ...

    def place_of(self, number: int, candidate: Candidate) -> str: ...


class Pictures:
    """The pictures of one run, as they stand in a report. An `Album`.

    Args:
        folder: The run's.
        seen_from: Where the page lies.

    Attributes:
        missing: What could not be shown, by its path, with the reason.
    """

    def __init__(self, folder: Path, seen_from: Path) -> None:
        self._folder = folder
        self._seen_from = seen_from
        self._made: dict[tuple[str, int], Small | None] = {}
        self.missing: dict[str, str] = {}

    def prepare(self, images: Iterable[Image], side: int) -> None:
        """Makes many at once; decoding does not hold up other threads."""
        wanted = [i for i in dict.fromkeys(images) if (i.path, side) not in self._made]
        with ThreadPoolExecutor(min(WORKERS, os.cpu_count() or 1)) as pool:
            for image, small in zip(
                wanted, pool.map(partial(self._make, side=side), wanted), strict=True
            ):
                self._made[image.path, side] = small

    def small(self, image: Image | None, side: int) -> Small | None:
        """A copy whose longer side is at most `side` pixels."""
        if image is None:
            return None
        key = (image.path, side)
        if key not in self._made:
            self._made[key] = self._make(image, side)
        return self._made[key]

    def link(self, image: Image) -> str | None:
        """Where a picture lies, seen from the page; None where it is not in the run's folder."""
        if inside(self._folder, image.path) is None:
            self.missing[image.path] = GONE
            return None
        return self._link(image.path)

    def place_of(self, number: int, candidate: Candidate) -> str:
        """An anchor of the page's own: an id comes from a file."""
        return f"#c-{number}"

    def _make(self, image: Image, side: int) -> Small | None:
        try:
            picture = recorded_picture(self._folder, image)
        except PictureError as error:
            self.missing[image.path] = str(error)
            return None
        code = base64.b64encode(small_copy(picture, side)).decode()
        source = Markup(f"data:image/webp;base64,{code}")  # noqa: S704 - base64 has nothing to escape
        return Small(source, picture.width, picture.height, self._link(image.path))

    def _link(self, relative: str) -> str:
        try:
            way = os.path.relpath(self._folder, self._seen_from)
        except ValueError:  # on another drive
            way = str(self._folder)
        return quote(Path(way, relative).as_posix())
