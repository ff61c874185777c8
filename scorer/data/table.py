"""One table for all rating data sets: a row is what one person thought of one picture.

    table = load_data("pamela=PAMELA")           # scorer.data
    seen = table.where(role="val_seen")

The one rule that is not obvious: a picture that does not decode is data, not a crash. Its rows
are left out and `Table.skipped` names it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scorer.errors import InputError

FieldValue = str | int | float

ROLES = ("train", "val_seen", "val_unseen", "test_seen", "test_unseen")
"""What a split is for. Seen: known people, new pictures. Unseen: people never trained on."""
TOLD_FLAWS = 3
"""How many flawed rows a report names."""


@dataclass(frozen=True)
class Row:
    """One rating."""

    user: str
    image: Path
    score: float
    """On the scale of the data set."""
    dataset: str
    split: str
    """As the data set calls it: `<data set>_<role>` in those that are read here."""
    demographics: Mapping[str, FieldValue] = field(default_factory=dict)
    metadata: Mapping[str, FieldValue] = field(default_factory=dict)
    """Of the picture; `prompt` holds the words that it was made from."""

    @property
    def prompt(self) -> str | None:
        """The words that the picture was made from, where they are known."""
        prompt = self.metadata.get("prompt")
        return None if prompt is None else str(prompt)

    @property
    def role(self) -> str:
        """What its split is for: one of `ROLES` in a data set that keeps to them."""
        return self.split.removeprefix(f"{self.dataset}_")


@dataclass(frozen=True)
class Skipped:
    """A picture whose ratings were left out."""

    image: Path
    ratings: int
    reason: str


@dataclass(frozen=True)
class Table:
    """Ratings, and what was left out."""

    rows: tuple[Row, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    """Pictures that don't decode."""
    flaws: tuple[str, ...] = ()
    """Rows that are not as they should be, where these are forgiven: file, row and reason."""
    unused: int = 0
    """Ratings that no split is for, where the file names none."""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __add__(self, other: "Table") -> "Table":
        """Both, one after the other."""
        return Table(
            self.rows + other.rows,
            self.skipped + other.skipped,
            self.flaws + other.flaws,
            self.unused + other.unused,
        )

    def where(self, *, split: str | None = None, role: str | None = None) -> "Table":
        """The rows of one split, or of the splits for one purpose."""
        rows = (row for row in self.rows if split in (None, row.split) and role in (None, row.role))
        return replace(self, rows=tuple(rows))

    @property
    def users(self) -> tuple[str, ...]:
        """The people, in the order of their first rating."""
        return tuple(dict.fromkeys(row.user for row in self.rows))

    @property
    def images(self) -> tuple[Path, ...]:
        """The pictures, in the order of their first rating."""
        return tuple(dict.fromkeys(row.image for row in self.rows))

    def report(self) -> str:
        """One line that says how much there is and what was left out."""
        text = (
            f"{len(self.rows)} ratings of {len(self.images)} pictures by {len(self.users)} people"
        )
        if self.unused:
            text += (
                f"; {self.unused} more are in no split, as people and pictures were shared out by "
                f"their names (nothing is learned from people who are kept for testing): a column "
                f"`split` says where each belongs"
            )
        if self.skipped:
            lost = sum(skipped.ratings for skipped in self.skipped)
            names = ", ".join(f"{s.image.name} ({s.reason})" for s in self.skipped)
            text += f"; left out {lost} ratings of {len(self.skipped)} pictures: {names}"
        if self.flaws:
            more = len(self.flaws) - TOLD_FLAWS
            told = "; ".join(self.flaws[:TOLD_FLAWS]) + (f"; and {more} more" if more > 0 else "")
            text += f"; left out {len(self.flaws)} flawed rows: {told}"
        return text


class RowReader:
    """Collects the rows of a data set; a flawed one is an error, or counted and left out.

    Args:
        lenient: Whether flawed rows are left out.
    """

    def __init__(self, *, lenient: bool = False) -> None:
        self._lenient = lenient
        self._rows: list[Row] = []
        self._flaws: list[str] = []
        self._first: dict[tuple[str, Path], str] = {}

    def add(self, where: str, read: Callable[[], Row]) -> None:
        """Reads a row; `where` names its file and number.

        Raises:
            InputError: it is flawed, or the person rated the picture before.
        """
        try:
            row = read()
            key = (row.user, row.image)
            if key in self._first:
                raise InputError(
                    f"{where}: {row.user!r} rates {row.image.name!r} again, after "
                    f"{self._first[key]}: keep one of the two"
                )
        except InputError as error:
            if not self._lenient:
                raise InputError(f"{error} (--lenient leaves such rows out)") from error
            self._flaws.append(str(error))
            return
        self._first[key] = where
        self._rows.append(row)

    def table(self) -> Table:
        """What was collected, once all seen splits speak of people that are trained on.

        Raises:
            InputError: one does not.
        """
        known = {row.user for row in self._rows if row.role == "train"}
        kept: list[Row] = []
        for row in self._rows:
            if known and row.role.endswith("_seen") and row.user not in known:
                where = self._first[row.user, row.image]
                flaw = f"{where}: the person {row.user!r} of {row.split!r} is not in training"
                if not self._lenient:
                    raise InputError(f"{flaw} (--lenient leaves such rows out)")
                self._flaws.append(flaw)
                continue
            kept.append(row)
        return Table(tuple(kept), flaws=tuple(self._flaws))


def check_leaks(rows: Sequence[Row], content: Mapping[Path, str] | None = None) -> None:
    """Makes sure that nothing that is evaluated on was trained on.

    Args:
        rows: Of one data set or several.
        content: What tells pictures apart, by file; a file is itself by default.

    Raises:
        InputError: a person of an unseen split, or a picture of an evaluation split, is in
            training; the message names the first and counts the rest.
    """
    train = [row for row in rows if row.role == "train"]
    people = {(row.dataset, row.user) for row in train}
    pictures = {_content(row.image, content) for row in train}
    judged = [row for row in rows if row.role != "train"]
    strangers = {
        row.user: row.split
        for row in judged
        if row.role.endswith("_unseen") and (row.dataset, row.user) in people
    }
    leaked = {
        row.image.name: row.split for row in judged if _content(row.image, content) in pictures
    }
    for kind, found in (("people", strangers), ("pictures", leaked)):
        if found:
            name, split = next(iter(found.items()))
            raise InputError(
                f"{len(found)} {kind} of evaluation splits are in training, the first is "
                f"{name!r} of {split!r}: take them out of one of the two"
            )


def _content(image: Path, content: Mapping[Path, str] | None) -> str:
    return str(image) if content is None else content.get(image, str(image))
