"""The on-disk cache of pictures: wraps any renderer, and what was drawn once isn't drawn again.

    renderer = CachedRenderer(DiffusionRenderer(...), cache_folder() / "renders", batch_size=8)

`$PAMELA_CACHE_DIR/renders`, else `renders` in the user's cache folder, holds one PNG a picture,
named after the SHA-256 of all that the picture depends on: the renderer's fingerprint, the request,
and, where pictures are drawn in batches, the whole batch and the place in it.

The one rule that is not obvious is why the batch is part of the name. A model's rounding may
differ with the batch that a picture is drawn in, by a grey level or so. A run must come out the
same whether its pictures were cached by itself, by another run, partly, or not at all; so batches
are formed from the list of requests alone, and a batch that isn't complete in the cache is drawn
as a whole. What is stored already stays as it is. Renderers whose pictures don't affect each other
(`batch_size` 1) are asked for the missing pictures only.
"""

import contextlib
import hashlib
import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import PIL.Image

from agent.render.base import Renderer, RenderRequest, RenderResult
from agent.render.batches import batches
from scorer.files import written

logger = logging.getLogger(__name__)
STALE = 3600.0
"""Seconds after which an unfinished file belongs to nobody."""


def picture_key(fingerprint: str, batch: Sequence[RenderRequest], place: int) -> str:
    """The name of a picture: a SHA-256 over everything that it depends on."""
    parts = [fingerprint, asdict(batch[place])]
    if len(batch) > 1:
        parts += [place, [asdict(request) for request in batch]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class PictureFolder:
    """Pictures by key, in 256 shards. A file is complete or not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writable = True
        self._bench: Path | None = None

    def path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key[2:]}.png"

    def load(self, key: str) -> PIL.Image.Image | None:
        """The picture, or None if it isn't there or the file is damaged."""
        try:
            with PIL.Image.open(self.path(key), formats=["PNG"]) as picture:
                return picture.convert("RGB")
        except (OSError, SyntaxError, ValueError):  # how Pillow reports missing and broken files
            return None

    def save(self, key: str, picture: PIL.Image.Image) -> None:
        """Keeps a picture; where that is impossible the run goes on without."""
        if not self._writable:
            return
        try:
            self._write(self.path(key), picture)
        except OSError as error:
            self._writable = False
            logger.warning(
                "pictures are not cached: %s can't be written (%s); "
                "set PAMELA_CACHE_DIR to a folder that can",
                self._folder,
                error.strerror or error,
            )

    def _write(self, path: Path, picture: PIL.Image.Image) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written(path, bench=self._workbench()) as file:
            picture.save(file, "PNG", compress_level=3)

    def _workbench(self) -> Path:
        """Where files are written before they get their name; leavings of a kill are removed."""
        if self._bench is None:
            bench = self._folder / "unfinished"
            bench.mkdir(parents=True, exist_ok=True)
            for file in bench.iterdir():
                with contextlib.suppress(OSError):  # another process may be tidying up too
                    if time.time() - file.stat().st_mtime > STALE:
                        file.unlink()
            self._bench = bench
        return self._bench


class CachedRenderer:
    """A `Renderer` that draws what it doesn't know yet with another one.

    Args:
        inner: Draws what is missing.
        folder: Where the pictures lie.
        batch_size: How many pictures `inner` draws at once; 1 if they don't affect each other.
    """

    def __init__(self, inner: Renderer, folder: Path, *, batch_size: int) -> None:
        self._inner = inner
        self._pictures = PictureFolder(folder)
        self._batch_size = batch_size

    def render(self, requests: Sequence[RenderRequest]) -> Iterator[RenderResult]:
        if not requests:
            return
        fingerprint = self._inner.fingerprint()
        if self._batch_size == 1:
            yield from self._draw_single(requests, fingerprint)
            return
        for batch in batches(requests, self._batch_size):
            yield from self._draw_batch(batch, fingerprint)

    def _draw_single(
        self, requests: Sequence[RenderRequest], fingerprint: str
    ) -> Iterator[RenderResult]:
        keys = [picture_key(fingerprint, [request], 0) for request in requests]
        wanted = dict(zip(keys, requests, strict=True))
        stored = {key: self._pictures.load(key) for key in wanted}
        missing = [wanted[key] for key in wanted if stored[key] is None]
        drawn = iter(self._inner.render(missing)) if missing else iter(())
        fresh: dict[str, RenderResult] = {}
        for request, key in zip(requests, keys, strict=True):
            if stored[key] is not None:
                yield _known(request, stored[key])
                continue
            if key not in fresh:
                fresh[key] = self._kept(key, next(drawn))
            yield fresh[key]

    def _draw_batch(
        self, batch: Sequence[RenderRequest], fingerprint: str
    ) -> Iterator[RenderResult]:
        keys = [picture_key(fingerprint, batch, place) for place in range(len(batch))]
        stored = [self._pictures.load(key) for key in keys]
        if all(old is not None for old in stored):
            drawn = iter(())
        else:
            drawn = iter(self._inner.render(list(batch)))
        for request, key, old in zip(batch, keys, stored, strict=True):
            new = next(drawn, None)
            yield self._kept(key, new) if new and old is None else _known(request, old)

    def _kept(self, key: str, result: RenderResult) -> RenderResult:
        if result.image is not None:
            self._pictures.save(key, result.image)
        return result

    def fingerprint(self) -> str:
        return self._inner.fingerprint()

    def unread(self, prompt: str) -> str:
        return self._inner.unread(prompt)

    def warnings(self, prompt: str) -> list[str]:
        return self._inner.warnings(prompt)

    def describe(self) -> Mapping[str, str]:
        return self._inner.describe()


def _known(request: RenderRequest, picture: PIL.Image.Image | None) -> RenderResult:
    return RenderResult(request, picture, cached=True)
