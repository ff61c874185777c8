"""Checkpoints of other people, from a folder or the model hub: what names them, what is wrong.

encoder_id = identity("google/siglip2-base-patch16-224")    # "google/…@3fa1c…"
raise unreadable("encoder", place, error) from error
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from pickle import UnpicklingError

import httpx
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled
from safetensors import SafetensorError

from scorer.errors import PrerequisiteError

UNREADABLE = (OSError, ValueError, RuntimeError, EOFError, UnpicklingError, SafetensorError)
"""What the libraries raise for a checkpoint that is missing, incomplete or damaged."""
UNREACHABLE = (LocalEntryNotFoundError, OfflineModeIsEnabled, httpx.TransportError)


def identity(place: str) -> str:
    """Names the weights of a model: by content for a folder, by revision for the hub."""
    folder = Path(place)
    if folder.is_dir():
        files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
        return f"{folder.name}-{content_digest(files)}"
    fetched = try_to_load_from_cache(place, "config.json")
    return f"{place}@{Path(fetched).parent.name if isinstance(fetched, str) else 'unknown'}"


def content_digest(files: Iterable[Path]) -> str:
    """The first 16 hex digits of a SHA-256 over the contents of files."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]


def unreadable(what: str, place: str, error: Exception, *, as_in: str = "") -> PrerequisiteError:
    """The one line for a checkpoint that can't be read.

    Args:
        what: It should be.
        place: The folder, or the id on the model hub.
        error: What a library raised.
        as_in: How a folder is given instead.
    """
    folder = f"give a folder with one{as_in and f', as in {as_in}'}"
    advice = folder if is_unreachable(error) else f"{folder}, or the id of one on the model hub"
    return PrerequisiteError(
        f"no {what} can be loaded from {place!r} ({reason_of(error)}): {advice}"
    )


def is_unreachable(error: BaseException | None) -> bool:
    """Whether it comes of a model hub that can't be reached, or mustn't be."""
    while error is not None:
        if isinstance(error, UNREACHABLE):
            return True
        error = error.__cause__ or error.__context__
    return False


def reason_of(error: Exception) -> str:
    """Why a checkpoint can't be read, in one line."""
    if is_unreachable(error):
        return "it was not fetched before, and the model hub can't be reached"
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    first = 2 if lines and lines[0].endswith(":") else 1
    return " ".join(lines[:first]) or type(error).__name__
