"""Checkpoints of other people, from a folder or the model hub: what names them, what is wrong.

encoder_id = identity("google/siglip2-base-patch16-224")    # "google/…@3fa1c…"
raise unreadable("encoder", place, error) from error
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from pickle import UnpicklingError

from huggingface_hub import try_to_load_from_cache
from safetensors import SafetensorError

from scorer.errors import PrerequisiteError

UNREADABLE = (OSError, ValueError, RuntimeError, EOFError, UnpicklingError, SafetensorError)
"""What the libraries raise for a checkpoint that is missing, incomplete or damaged."""


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


def unreadable(what: str, place: str, error: Exception) -> PrerequisiteError:
    """The one line for a checkpoint that can't be read."""
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return PrerequisiteError(
        f"no {what} can be loaded from {place!r} ({reason}): give a folder with one, or the id of "
        f"one on the model hub"
    )
