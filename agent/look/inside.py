"""Files of a folder that may come from somebody else: nothing outside it is ever read.

    path = inside(run_folder, "images/c0001-7.png")     # None: not there, or not in there

The one rule that is not obvious: it is asked of the path with all links followed, so neither `..`,
nor an absolute path, nor a link that leads out of the folder gets anything read.
"""

import hashlib
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import PIL.Image

    from agent.trajectory import Image

GONE = "is missing, or leads out of the run's folder"
OTHER = "is another picture than the one that was recorded"


def inside(folder: Path, relative: str) -> Path | None:
    """The regular file of that name in the folder, or None."""
    name = PurePosixPath(relative)
    if not relative or name.is_absolute() or ".." in name.parts:
        return None
    try:
        path = (folder / name).resolve(strict=True)
        regular = stat.S_ISREG(path.stat().st_mode)  # a pipe would be waited for
        within = path.is_relative_to(folder.resolve(strict=True))
    except (OSError, ValueError, RuntimeError):  # missing, a name with a zero byte, a circle
        return None
    return path if regular and within else None


def is_whole(folder: Path, relative: str) -> bool:
    """Whether the picture of that name is in the folder, from its beginning to its end."""
    import PIL.Image

    path = inside(folder, relative)
    if path is None:
        return False
    try:
        with PIL.Image.open(path) as picture:
            picture.verify()
    except Exception:  # noqa: BLE001 - decoders of damaged files raise whatever they like
        return False
    return True


def picture_of(folder: Path, relative: str) -> "PIL.Image.Image":
    """The picture of that name in the folder.

    Raises:
        PictureError: it is not there, not in there, or does not decode.
    """
    from scorer.pictures import PictureError, read_picture

    path = inside(folder, relative)
    if path is None:
        raise PictureError(GONE)
    return read_picture(path)


def pixel_digest(picture: "PIL.Image.Image") -> str:
    """SHA-256 of the decoded RGB pixels, row by row, as a hex string."""
    return hashlib.sha256(picture.convert("RGB").tobytes()).hexdigest()


def recorded_picture(folder: Path, image: "Image") -> "PIL.Image.Image":
    """The picture that a run has recorded.

    Raises:
        PictureError: as `picture_of`, or it is another one than was recorded.
    """
    from scorer.pictures import PictureError

    picture = picture_of(folder, image.path)
    if pixel_digest(picture) != image.sha256:
        raise PictureError(OTHER)
    return picture


def is_recorded(folder: Path, image: "Image") -> bool:
    """Whether the picture is in the folder and is what was recorded."""
    from scorer.pictures import PictureError

    try:
        recorded_picture(folder, image)
    except (PictureError, OSError):
        return False
    return True
