"""The layout of the PAMELA data set (Maerten et al. 2026, arXiv 2604.07427), read and written.

    table = load_pamela(Path("PAMELA"))
    write_pamela(table.rows, Path("copy"))

A folder with `annotations/<split>.json`, each a list of ratings, and `images/`. The one rule that
is not obvious: `image_path` counts from the folder, and a path that leaves it is an error.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from scorer.data.reading import with_pictures
from scorer.data.table import FieldValue, Row, RowReader, Table
from scorer.errors import InputError
from scorer.files import contents

DATASET = "pamela"
SPLITS = (
    "pamela_train",
    "pamela_val_seen",
    "pamela_val_unseen",
    "pamela_test_seen",
    "pamela_test_unseen",
)
"""Seen: known people, new pictures. Unseen: people that were never trained on."""
METADATA = ("prompt", "group", "style", "type")


def load_pamela(
    folder: Path,
    splits: Sequence[str] | None = None,
    *,
    check_pictures: bool = True,
    lenient: bool = False,
) -> Table:
    """Reads a folder in the layout of PAMELA.

    Args:
        folder: Holds `annotations/` and `images/`.
        splits: Which files to read; all that are there by default.
        check_pictures: Whether to decode every picture once; without it a broken one is found
            only when it is encoded.
        lenient: Whether flawed rows are counted and left out.

    Returns:
        The rows in the order of the files; pictures that don't decode are in `skipped`.

    Raises:
        InputError: a file is missing or malformed, or a row is flawed; the message names file,
            row and key.
    """
    annotations = folder / "annotations"
    if splits is None:
        splits = sorted(file.stem for file in annotations.glob("*.json"))
    if not splits:
        raise InputError(f"{str(annotations)!r} holds no annotation file: expected <split>.json")
    reader = RowReader(lenient=lenient)
    for split in splits:
        for where, entry in _entries(folder, split):
            reader.add(where, partial(_read_row, entry, folder, split, where=where))
    table = reader.table()
    return with_pictures(table) if check_pictures else table


def write_pamela(rows: Iterable[Row], folder: Path) -> None:
    """Writes rows in the layout of PAMELA; pictures are copied unless they lie there already.

    Raises:
        InputError: a score is no integer from 1 to 5, or two pictures share a name.
    """
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    (folder / "annotations").mkdir(exist_ok=True)
    splits: dict[str, list[dict[str, Any]]] = {}
    placed: dict[str, Path] = {}
    for row in rows:
        if placed.setdefault(row.image.name, row.image) != row.image:
            raise InputError(f"two pictures are called {row.image.name!r}: rename one")
        splits.setdefault(row.split, []).append(_to_json(row))
    for name, source in placed.items():
        if source.resolve() != (images / name).resolve():
            shutil.copyfile(source, images / name)
    for split, entries in splits.items():
        text = json.dumps(entries, indent=1, ensure_ascii=False)
        (folder / "annotations" / f"{split}.json").write_text(text + "\n", encoding="utf-8")


def _to_json(row: Row) -> dict[str, Any]:
    if row.score != int(row.score) or not 1 <= row.score <= 5:
        raise InputError(f"the score {row.score!r} of {row.user!r} is no integer from 1 to 5")
    return {
        "participant_id": row.user,
        "image_id": row.image.stem,
        "image_path": f"./images/{row.image.name}",
        "original_score": int(row.score),
        "image_metadata": {key: row.metadata.get(key) for key in METADATA} | dict(row.metadata),
        "user_demographics": dict(row.demographics),
    }


def _entries(folder: Path, split: str) -> Iterator[tuple[str, Any]]:
    file = folder / "annotations" / f"{split}.json"
    try:
        entries = json.loads(contents(file).decode("utf-8"))
    except OSError as error:
        raise InputError(f"{str(file)!r} can't be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"{str(file)!r} is not JSON ({error})") from error
    if not isinstance(entries, list):
        raise InputError(f"{str(file)!r} holds {type(entries).__name__}, not a list of ratings")
    for number, entry in enumerate(entries):
        yield f"{str(file)!r} row {number}", entry


def _read_row(entry: Any, folder: Path, split: str, *, where: str) -> Row:
    if not isinstance(entry, dict):
        raise InputError(f"{where} is {entry!r}, not an object")
    user = _need(entry, "participant_id", (str, int), where)
    score = _need(entry, "original_score", (int, float), where)
    if not 1 <= score <= 5:
        raise InputError(f"{where}: original_score = {score!r} is not from 1 to 5")
    relative = _need(entry, "image_path", (str,), where)
    image = folder / relative
    if not image.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{where}: image_path = {relative!r} leaves the folder")
    return Row(
        user=str(user),
        image=image,
        score=float(score),
        dataset=DATASET,
        split=split,
        demographics=_fields(entry, "user_demographics", where),
        metadata=_fields(entry, "image_metadata", where),
    )


def _need(entry: Mapping[str, Any], key: str, types: tuple[type, ...], where: str) -> Any:
    if key not in entry:
        raise InputError(f"{where} lacks {key!r}")
    value = entry[key]
    if not isinstance(value, types) or isinstance(value, bool):
        names = " or ".join(kind.__name__ for kind in types)
        raise InputError(f"{where}: {key} = {value!r} is not {names}")
    return value


def _fields(entry: Mapping[str, Any], key: str, where: str) -> dict[str, FieldValue]:
    fields = entry.get(key) or {}
    if not isinstance(fields, dict):
        raise InputError(f"{where}: {key} = {fields!r} is not an object")
    for name, value in fields.items():
        if value is not None and not isinstance(value, str | int | float):
            raise InputError(f"{where}: {key}.{name} = {value!r} is neither text nor a number")
    return {name: value for name, value in fields.items() if value is not None}
