"""What the readers of data sets share: tables of text, fields of a row, pictures that decode."""

import csv
import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from scorer.data.table import FieldValue, Skipped, Table, check_leaks
from scorer.errors import InputError
from scorer.files import contents
from scorer.pictures import PictureError, read_picture


def read_csv(file: Path, needed: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a CSV file, each with a name for messages: file and line.

    Text is UTF-8, or Latin-1 as some published files have it.

    Raises:
        InputError: it can't be read, or lacks a column.
    """
    try:
        data = contents(file)
    except OSError as error:
        raise InputError(f"{str(file)!r} can't be read ({error.strerror})") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines = csv.DictReader(text.splitlines())
    missing = [name for name in needed if name not in (lines.fieldnames or ())]
    if missing:
        raise InputError(f"{str(file)!r} lacks the column {missing[0]!r}")
    for row in lines:
        cells = {name: cell or "" for name, cell in row.items() if isinstance(name, str)}
        yield f"{str(file)!r} line {lines.line_num}", cells


def need(cells: Mapping[str, str], name: str, where: str) -> str:
    """A cell that may not be empty.

    Raises:
        InputError: it is.
    """
    text = cells.get(name, "").strip()
    if not text:
        raise InputError(f"{where} lacks {name!r}")
    return text


def read_score(
    cells: Mapping[str, str], name: str, where: str, *, low: float, high: float
) -> float:
    """A score within the scale of the data set.

    Raises:
        InputError: it is missing, no number, or out of range.
    """
    text = need(cells, name, where)
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not low <= score <= high or math.isinf(score):
        scale = "a number" if math.isinf(low) else f"from {low:g} to {high:g}"
        raise InputError(f"{where}: {name} = {text!r} is not {scale}")
    return score


def read_fields(cells: Mapping[str, str], names: Mapping[str, str]) -> dict[str, FieldValue]:
    """Fields by the name that they get, of the columns that are there and not empty."""
    told = {name: cells.get(column, "").strip() for column, name in names.items()}
    return {name: number(text) for name, text in told.items() if text}


def number(text: str) -> FieldValue:
    """Text as a number where it is one."""
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value):
        return text
    return int(value) if value == int(value) else value


def picture_inside(folder: Path, relative: str, where: str) -> Path:
    """The file of a picture.

    Raises:
        InputError: its path leaves the folder.
    """
    image = folder / relative
    if not image.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{where}: the picture {relative!r} leaves the folder")
    return image


def with_pictures(table: Table) -> Table:
    """The table without pictures that don't decode, once no picture leaks into training.

    Raises:
        InputError: a leak, see `check_leaks`; a picture under two names is one picture.
    """
    counts = Counter(row.image for row in table)
    broken: dict[Path, str] = {}
    content: dict[Path, str] = {}
    for image in counts:
        try:
            read_picture(image)
            with image.open("rb") as stream:
                content[image] = hashlib.file_digest(stream, "sha256").hexdigest()
        except PictureError as error:
            broken[image] = str(error)
    check_leaks(table.rows, content)
    skipped = tuple(Skipped(image, counts[image], reason) for image, reason in broken.items())
    rows = tuple(row for row in table if row.image not in broken)
    return replace(table, rows=rows, skipped=table.skipped + skipped)
