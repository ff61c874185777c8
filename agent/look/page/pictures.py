"""A run's pictures as the page asks for them, one by one, when they come into view.

    album = Linked(found)
    album.small(image, 160).source      # "/runs/…/picture?path=images%2Fc0001-7.png&side=160"
    small_picture(folder, "images/c0001-7.png", 160)

The one rule that is not obvious: a page about thousands of pictures reads none of them. Whether
they are there is seen in one listing of `images/`; that one does not decode shows when it is asked
for.
"""

import os
from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from urllib.parse import quote, urlencode

import PIL.Image

from agent.look.inside import GONE, inside, picture_of
from agent.look.page.addresses import run_address
from agent.look.report.thumbnails import Small, small_copy
from agent.look.salvage import Salvaged
from agent.names import IMAGES
from agent.trajectory import Candidate, Image
from scorer.pictures import PictureError

SIDES = (160, 480)
"""Of small copies; the page asks for no others."""
FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
"""What is given out whole."""
KEPT = 2048
"""Small copies, of some kilobytes each."""


class Linked:
    """The pictures of a run by address. An `agent.look.report.thumbnails.Album`.

    Args:
        found: The run.
    """

    def __init__(self, found: Salvaged) -> None:
        self._folder = found.folder
        self._address = run_address(found.folder.name)
        self._size = found.run.config.size or (1, 1)
        self.missing: dict[str, str] = {}

    def prepare(self, images: Iterable[Image], side: int) -> None:
        """There is nothing to prepare: they are made when they are asked for."""

    def small(self, image: Image | None, side: int) -> Small | None:
        """A copy whose longer side is one of `SIDES`."""
        if image is None or (link := self.link(image)) is None:
            return None
        side = next((known for known in SIDES if known >= side), SIDES[-1])
        width, height = self._size
        scale = side / max(width, height, 1)
        return Small(
            source=f"{link}&side={side}",
            width=max(1, round(width * scale)),
            height=max(1, round(height * scale)),
            link=link,
        )

    def link(self, image: Image) -> str | None:
        """Where a picture is given out; None where it is not in the run's folder."""
        if not self._is_there(image.path):
            self.missing[image.path] = GONE
            return None
        return f"{self._address}/picture?{urlencode({'path': image.path}, errors='replace')}"

    def place_of(self, number: int, candidate: Candidate) -> str:
        """The candidate's own page."""
        return f"{self._address}/candidate?id={quote(candidate.id, safe='', errors='replace')}"

    def _is_there(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if folder == IMAGES and name in self._listed:
            return True
        return inside(self._folder, path) is not None

    @cached_property
    def _listed(self) -> frozenset[str]:
        """The plain files of `images/`, if that is a plain folder itself."""
        folder = self._folder / IMAGES
        if folder.is_symlink():
            return frozenset()
        try:
            with os.scandir(folder) as entries:
                return frozenset(e.name for e in entries if e.is_file(follow_symlinks=False))
        except OSError:
            return frozenset()


def small_picture(folder: Path, path: str, side: int) -> bytes:
    """A small copy of a run's picture as WebP.

    Raises:
        PictureError: it is not there, not in there, or does not decode.
    """
    place = inside(folder, path)
    if place is None:
        raise PictureError(GONE)
    state = place.stat()
    return _small(folder, path, side, (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=KEPT)
def _small(folder: Path, path: str, side: int, stamp: tuple[int, int]) -> bytes:
    return small_copy(picture_of(folder, path), side)


def whole_picture(folder: Path, path: str) -> tuple[Path, str]:
    """Where a run's picture lies and its media type.

    Raises:
        PictureError: it is not there, not in there, or no picture that may be given out.
    """
    place = inside(folder, path)
    if place is None:
        raise PictureError(GONE)
    picture_of(folder, path)
    with PIL.Image.open(place) as file:
        kind = FORMATS.get(file.format or "")
    if kind is None:
        raise PictureError("is of a kind that is not given out")
    return place, kind
