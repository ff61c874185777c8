"""One table for all rating data sets: a row is what one person thought of one picture.

    table = load_pamela(Path("PAMELA"))          # scorer.data.pamela
    seen = table.where(split="pamela_val_seen")

The one rule that is not obvious: a picture that does not decode is data, not a crash. Its rows
are left out and `Table.skipped` names it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FieldValue = str | int | float


@dataclass(frozen=True)
class Row:
    """One rating."""

    user: str
    image: Path
    score: float
    """On the scale of the data set."""
    dataset: str
    split: str
    demographics: Mapping[str, FieldValue] = field(default_factory=dict)
    metadata: Mapping[str, FieldValue] = field(default_factory=dict)
    """Of the picture; `prompt` holds the words that it was made from."""

    @property
    def prompt(self) -> str | None:
        """The words that the picture was made from, where they are known."""
        prompt = self.metadata.get("prompt")
        return None if prompt is None else str(prompt)


@dataclass(frozen=True)
class Skipped:
    """A picture whose ratings were left out."""

    image: Path
    ratings: int
    reason: str


@dataclass(frozen=True)
class Table:
    """Ratings, and the pictures whose ratings were left out."""

    rows: tuple[Row, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def where(self, *, split: str) -> "Table":
        """The rows of one split."""
        return Table(tuple(row for row in self.rows if row.split == split), self.skipped)

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
        if not self.skipped:
            return text
        lost = sum(skipped.ratings for skipped in self.skipped)
        names = ", ".join(f"{s.image.name} ({s.reason})" for s in self.skipped)
        return f"{text}; left out {lost} ratings of {len(self.skipped)} pictures: {names}"
