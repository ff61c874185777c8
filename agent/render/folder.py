"""Pipelines on disk and on the model hub: found, checked, and identified by their content.

    source = find_pipeline("models/sdxl")      # InputError if it is no pipeline folder
    folder = fetch_pipeline(source)            # downloads what is named by a hub id
    digest = content_digest(folder)            # changes when a weight does

The one rule that is not obvious: a name that isn't a folder here is a hub id only if it looks like
one (`owner/name`); everything else is a folder that is missing.
"""

import hashlib
import re
import textwrap
from functools import lru_cache
from pathlib import Path

from agent.errors import InputError
from agent.render.defaults import INDEX
from agent.render.quiet import quiet_libraries

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
LONGEST_REASON = 240
CONTENT_NAME = re.compile(r"[0-9a-f]{64}")
DESCRIPTIONS = frozenset({".md", ".png", ".jpg", ".jpeg", ".webp", ".gif"})
"""Files of a pipeline that say something about it and change nothing."""


def find_pipeline(location: str) -> str:
    """Checks at once and cheaply what a spec names; returns it with `~` expanded.

    Raises:
        InputError: there is no such folder, or it holds no diffusers pipeline.
    """
    folder = _expanded(location)
    if folder.is_dir():
        if not (folder / INDEX).is_file():
            raise InputError(
                f"the folder {str(folder)!r} holds no diffusers pipeline ({INDEX} is missing): "
                f"give the folder that `save_pretrained` wrote, with --renderer diffusers:FOLDER"
            )
        return str(folder)
    if folder.exists() or not HUB_ID.fullmatch(location) or location.startswith((".", "~")):
        what = "is a file" if folder.exists() else "is no folder here"
        raise InputError(
            f"{location!r} {what}: give a diffusers pipeline folder or a model id (owner/name), "
            f"as in --renderer diffusers:FOLDER"
        )
    return location


def _expanded(location: str) -> Path:
    try:
        return Path(location).expanduser()
    except RuntimeError:  # "~nobody"
        return Path(location)


def fetch_pipeline(location: str) -> Path:
    """The local folder of a pipeline; what a hub id names is downloaded if it isn't here yet.

    Raises:
        InputError: the hub doesn't give it.
    """
    if Path(location).is_dir():
        return Path(location)
    from diffusers import DiffusionPipeline

    try:
        with quiet_libraries():
            return Path(DiffusionPipeline.download(location))
    except Exception as error:  # noqa: BLE001 - whatever fails in there, the user's way out is one
        raise InputError(
            f"the model {location!r} can't be fetched ({_first_line(error)}): check the name and "
            f"the network, or give a folder with --renderer diffusers:FOLDER"
        ) from None


def content_digest(folder: Path) -> str:
    """SHA-256 over names, sizes and contents of all files that a pipeline's pictures depend on."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or not path.is_file() or path.suffix.lower() in DESCRIPTIONS:
            continue
        name = path.relative_to(folder).as_posix()
        digest.update(f"{name} {path.stat().st_size} {_file_digest(path)}\n".encode())
    return digest.hexdigest()


def _file_digest(path: Path) -> str:
    """SHA-256 of a file; the hub's cache names large files after it, so those aren't read."""
    stored = path.resolve()
    if path.is_symlink() and CONTENT_NAME.fullmatch(stored.name):
        return stored.name
    status = stored.stat()
    return _read_digest(str(stored), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _read_digest(path: str, size: int, modified: int) -> str:
    del size, modified  # part of the key: a changed file is read again
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    sentence = lines[0].split(". ")[0] if lines else ""
    short = textwrap.shorten(sentence, LONGEST_REASON, placeholder=" …")
    return f"{type(error).__name__}: {short}" if short else type(error).__name__
