"""A cache of picture features: an encoder in front of an encoder.

    encoder = CachedEncoder(make_encoder("miniature"))
    encoder.encode_images(pictures)         # computed once, whoever asks, also across runs

Features lie in memory (least recently used go first) and on disk, one safetensors file a picture,
under `$PAMELA_CACHE_DIR`, else the user's cache folder. The one rule that is not obvious: the key
is the encoder's id and the picture's pixels; a file that can't be read is computed again.
"""

import contextlib
import os
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import PIL.Image
from jaxtyping import Float

from scorer.encoders import Encoder, PictureFeatures
from scorer.files import written
from scorer.pictures import picture_digest

T = TypeVar("T")

MEMORY_ITEMS = 50_000
AT_ONCE = 128
"""Pictures that are encoded while the features of those before them are written."""


def cache_folder() -> Path:
    """`$PAMELA_CACHE_DIR`, else the user's cache folder for this program."""
    configured = os.environ.get("PAMELA_CACHE_DIR")
    if configured:
        return Path(configured).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("pamela-agent")


class CachedEncoder:
    """Gives the features of `encoder`, each computed once. Implements `Encoder`.

    Args:
        encoder: Computes what is not known yet.
        folder: Where features are kept; None for `cache_folder()/features`.
        on_disk: Whether to keep them on disk at all.
        memory_items: How many pictures and texts are held in memory.
    """

    def __init__(
        self,
        encoder: Encoder,
        folder: Path | None = None,
        *,
        on_disk: bool = True,
        memory_items: int = MEMORY_ITEMS,
    ) -> None:
        self._encoder = encoder
        base = folder if folder is not None else cache_folder() / "features"
        self._folder = base / re.sub(r"[^\w.@-]+", "_", encoder.id) if on_disk else None
        self._pictures: _Recent[tuple[np.ndarray, np.ndarray]] = _Recent(memory_items)
        self._texts: _Recent[np.ndarray] = _Recent(memory_items)

    @property
    def id(self) -> str:
        """The id of the encoder behind."""
        return self._encoder.id

    @property
    def visual_tokens(self) -> int:
        """As the encoder behind."""
        return self._encoder.visual_tokens

    @property
    def visual_dim(self) -> int:
        """As the encoder behind."""
        return self._encoder.visual_dim

    @property
    def dim(self) -> int:
        """As the encoder behind."""
        return self._encoder.dim

    def encode_images(self, images: Sequence[PIL.Image.Image]) -> PictureFeatures:
        """Features of pictures; only new ones are encoded, and equal ones once."""
        keys = [picture_digest(image) for image in images]
        found = {key: item for key in dict.fromkeys(keys) if (item := self._lookup(key))}
        new = {key: image for key, image in zip(keys, images, strict=True) if key not in found}
        writing: list[Future[None]] = []
        with ThreadPoolExecutor(1) as writer:
            for start in range(0, len(new), AT_ONCE):
                part = dict(list(new.items())[start : start + AT_ONCE])
                features = self._encoder.encode_images(list(part.values()))
                for row, key in enumerate(part):
                    found[key] = (features.visual[row], features.joint[row])
                    self._pictures.put(key, found[key])
                if self._folder is not None:
                    files = {_file(self._folder, key): found[key] for key in part}
                    writing.append(writer.submit(_write_all, files))
        for written_part in writing:
            written_part.result()
        visual = [found[key][0] for key in keys]
        joint = [found[key][1] for key in keys]
        return PictureFeatures(_stack(visual, self.visual_dim), _stack(joint, self.dim))

    def encode_texts(self, texts: Sequence[str]) -> Float[np.ndarray, "text dim"]:
        """Features of texts; kept in memory only."""
        found = {text: self._texts.get(text) for text in texts}
        new = [text for text, vector in found.items() if vector is None]
        if new:
            for text, vector in zip(new, self._encoder.encode_texts(new), strict=True):
                found[text] = vector
                self._texts.put(text, vector)
        return _stack([v for text in texts if (v := found[text]) is not None], self.dim)

    def _lookup(self, key: str) -> tuple[np.ndarray, np.ndarray] | None:
        item = self._pictures.get(key)
        if item is None and self._folder is not None:
            item = _read(_file(self._folder, key), self.visual_dim, self.dim)
            if item is not None:
                self._pictures.put(key, item)
        return item


class _Recent(Generic[T]):
    """A dictionary that forgets what was not used for longest."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: OrderedDict[str, T] = OrderedDict()

    def get(self, key: str) -> T | None:
        if key in self._items:
            self._items.move_to_end(key)
        return self._items.get(key)

    def put(self, key: str, item: T) -> None:
        self._items[key] = item
        self._items.move_to_end(key)
        while len(self._items) > self._limit:
            self._items.popitem(last=False)


def _file(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key}.safetensors"


def _read(file: Path, visual: int, dim: int) -> tuple[np.ndarray, np.ndarray] | None:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        item = load_file(file)
    except (OSError, SafetensorError):
        return None
    shapes = {name: tensor.shape for name, tensor in item.items()}
    if shapes != {"visual": (visual,), "joint": (dim,)}:
        return None
    return item["visual"], item["joint"]


def _write_all(items: Mapping[Path, tuple[np.ndarray, np.ndarray]]) -> None:
    for file, item in items.items():
        _write(file, item)


def _write(file: Path, item: tuple[np.ndarray, np.ndarray]) -> None:
    """Puts a file in place in one piece; a cache that can't be written is no failure."""
    from safetensors.numpy import save

    data = save({"visual": item[0].copy(), "joint": item[1].copy()})
    with contextlib.suppress(OSError):
        if not file.parent.is_dir():
            file.parent.mkdir(parents=True, exist_ok=True)
        with written(file) as stream:
            stream.write(data)


def _stack(rows: Sequence[np.ndarray], width: int) -> np.ndarray:
    return np.stack(rows) if rows else np.zeros((0, width), np.float32)
