"""Reading pictures: one way to decode them, one way to name their content.

    picture = read_picture(Path("ratings/001.png"))     # RGB
    key = picture_digest(picture)

The one rule that is not obvious: a picture is known by its pixels, not by its file, so that the
same picture saved twice is encoded once.
"""

import hashlib
from pathlib import Path

import PIL.ExifTags
import PIL.Image
import PIL.ImageOps

MAX_PIXELS = 64_000_000
"""More than any picture here needs; guards against decompression bombs."""
PROMPT_CHUNK = "prompt"
"""The text of a PNG that holds the words it was made from."""


class PictureError(ValueError):
    """A file that is no picture; the message says why, without the path."""


def to_rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    """The picture upright and in RGB; what is transparent becomes white."""
    turned = picture.getexif().get(PIL.ExifTags.Base.Orientation, 1) != 1
    upright = PIL.ImageOps.exif_transpose(picture) if turned else picture
    if upright.mode == "RGB":
        return upright
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        white = PIL.Image.new("RGBA", layer.size, "white")
        return PIL.Image.alpha_composite(white, layer).convert("RGB")
    return upright.convert("RGB")


def read_picture(path: Path) -> PIL.Image.Image:
    """Decodes a picture completely.

    Raises:
        PictureError: the file is missing, does not decode, or is larger than `MAX_PIXELS`.
    """
    try:
        if not path.is_file():
            raise PictureError("is not a file" if path.exists() else "does not exist")
        with PIL.Image.open(path) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise PictureError(f"has more than {MAX_PIXELS} pixels")
            picture.load()
            return to_rgb(picture)
    except PictureError:
        raise
    except Exception as e:  # decoders of damaged files raise whatever they like
        raise PictureError(f"does not decode as a picture ({type(e).__name__})") from e


def prompt_inside(path: Path) -> str | None:
    """The prompt in the text of a PNG that decodes, or None: then a scorer does without."""
    with PIL.Image.open(path) as file:
        prompt = file.info.get(PROMPT_CHUNK)
    return prompt if isinstance(prompt, str) and prompt.strip() else None


def picture_digest(picture: PIL.Image.Image) -> str:
    """SHA-256 of size and RGB pixels, as a hex string."""
    digest = hashlib.sha256(f"{picture.width}x{picture.height}:".encode())
    digest.update(to_rgb(picture).tobytes())
    return digest.hexdigest()
