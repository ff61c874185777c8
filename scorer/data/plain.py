"""Ratings in a plain CSV file that anyone can write.

    user,image,score,prompt,person.age,picture.style,split
    ada,pictures/001.png,4,a boat on a lake,34,photo,train

    table = load_csv(Path("ratings.csv"))

`user`, `image` (relative to the file) and `score` (any scale) are needed. `person.<field>` and
`picture.<field>` are what is known, an empty cell is unknown. `split` is one of
`scorer.data.table.ROLES`; without that column people and pictures are shared out by a hash of
their names, so that the same rows always fall into the same splits. If that leaves nobody to train
on, as it may of a single person, everybody with a picture for training is trained on.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from scorer.data.reading import need, number, picture_inside, read_csv, read_score
from scorer.data.table import ROLES, FieldValue, Row, RowReader, Table
from scorer.errors import InputError

NEEDED = ("user", "image", "score")
KNOWN = (*NEEDED, "prompt", "split")
PERSON, PICTURE = "person.", "picture."
UNSEEN_PEOPLE, NEW_PICTURES = 0.2, 0.3
"""Shares of people and of pictures that are kept from training; a third of each validates."""


def load_csv(place: Path, *, lenient: bool = False) -> Table:
    """Reads a file, or `ratings.csv` in a folder; the data set is called like the folder.

    Raises:
        InputError: it can't be read, has an unknown column, or a row is flawed; the message
            names file and line.
    """
    file = place / "ratings.csv" if place.is_dir() else place
    dataset = file.resolve().parent.name or "csv"
    reader = RowReader(lenient=lenient)
    for where, cells in read_csv(file, NEEDED):
        unknown = [name for name in cells if name not in KNOWN and not _is_field(name)]
        if unknown:
            raise InputError(
                f"{str(file)!r} has the unknown column {unknown[0]!r}: known are "
                f"{', '.join(KNOWN)}, {PERSON}<field> and {PICTURE}<field>"
            )

        def read(where: str = where, cells: dict[str, str] = cells) -> Row:
            user, image = need(cells, "user", where), need(cells, "image", where)
            return Row(
                user=user,
                image=picture_inside(file.parent, image, where),
                score=read_score(cells, "score", where, low=-math.inf, high=math.inf),
                dataset=dataset,
                split=f"{dataset}_{_role(cells, where)}",
                demographics=_fields(cells, PERSON),
                metadata=_fields(cells, PICTURE)
                | ({"prompt": text} if (text := cells.get("prompt", "").strip()) else {}),
            )

        reader.add(where, read)
    table = reader.table()
    rows = tuple(shared_out(table.rows, file.parent))
    return replace(table, rows=rows, unused=len(table.rows) - len(rows))


def shared_out(rows: Sequence[Row], folder: Path) -> list[Row]:
    """Rows with a role: those that have none get one, and those that none fits are left out."""
    if all(row.role for row in rows):
        return list(rows)

    def placed(*, everybody_seen: bool) -> list[Row]:
        found: list[Row] = []
        for row in rows:
            image = str(row.image.relative_to(folder))
            role = role_of(row.user, image, everybody_seen=everybody_seen)
            found.append(replace(row, split=row.split + role))
        return found

    shared = placed(everybody_seen=False)
    if not any(row.role == "train" for row in shared):
        shared = placed(everybody_seen=True)
    known = {row.user for row in shared if row.role == "train"}
    return [
        row
        for row in shared
        if row.role in ROLES and (row.user in known or not row.role.endswith("_seen"))
    ]


def role_of(user: str, image: str, *, everybody_seen: bool = False) -> str:
    """The role of a rating whose file names none; `unused` where none fits.

    An unseen person's ratings of training pictures are for nothing.
    """
    person = 1.0 if everybody_seen else _place("person", user)
    picture = _place("picture", image)
    if picture >= NEW_PICTURES:
        return "unused" if person < UNSEEN_PEOPLE else "train"
    stage = "val" if picture < NEW_PICTURES / 3 else "test"
    if person >= UNSEEN_PEOPLE:
        return f"{stage}_seen"
    return f"{stage}_unseen" if (stage == "val") == (person < UNSEEN_PEOPLE / 3) else "unused"


def _place(kind: str, name: str) -> float:
    """A number from 0 to 1 that belongs to a name."""
    return int.from_bytes(hashlib.sha256(f"{kind}:{name}".encode()).digest()[:8], "big") / 2**64


def _role(cells: Mapping[str, str], where: str) -> str:
    if "split" not in cells:
        return ""
    role = need(cells, "split", where)
    if role not in ROLES:
        raise InputError(f"{where}: split = {role!r} is none of {', '.join(ROLES)}")
    return role


def _is_field(name: str) -> bool:
    return name.startswith((PERSON, PICTURE)) and name not in (PERSON, PICTURE)


def _fields(cells: Mapping[str, str], prefix: str) -> dict[str, FieldValue]:
    return {
        name.removeprefix(prefix): number(text.strip())
        for name, text in cells.items()
        if name.startswith(prefix) and text.strip()
    }
