"""LAPIS: artworks with what each rater thought, and who the raters are (Maerten et al. 2025).

    table = load_lapis(Path("LAPIS"))

"LAPIS: A novel dataset for personalized image aesthetic assessment", CVPR 2025 workshops. The
layout is that of the authors' repository: `annotation/LAPIS_PIAA.csv` (one row a rating, 0–100),
`annotation/LAPIS_GIAA_<Train|Val|Test>split.csv` (which picture belongs to which split) and
`images/`. Some names in the file are Latin-1, and about 1,400 ratings are there twice: read it
with `lenient`.
"""

from pathlib import Path

from scorer.data.reading import need, picture_inside, read_csv, read_fields, read_score
from scorer.data.table import Row, RowReader, Table
from scorer.errors import InputError

DATASET = "lapis"
SPLITS = {"Train": "train", "Val": "val_seen", "Test": "test_seen"}
PERSON = {
    "age": "age",
    "demo_gender": "gender",
    "nationality": "nationality",
    "demo_edu": "education",
    "demo_colorblind": "colour blindness",
    "Art Interest VAIAK": "art interest",
}
PICTURE = {"style": "style", "genre": "group", "artist": "artist"}


def load_lapis(folder: Path, *, lenient: bool = False) -> Table:
    """Reads a folder in the layout of LAPIS.

    Splits are `lapis_train`, `lapis_val_seen` and `lapis_test_seen`.

    Raises:
        InputError: a file is missing or a row is flawed; the message names file and line.
    """
    annotation = folder / "annotation"
    splits = {
        cells["image_filename"].strip(): split
        for name, split in SPLITS.items()
        for _, cells in read_csv(annotation / f"LAPIS_GIAA_{name}split.csv", ("image_filename",))
    }
    reader = RowReader(lenient=lenient)
    needed = ("image_filename", "participant_id", "response")
    for where, cells in read_csv(annotation / "LAPIS_PIAA.csv", needed):

        def read(where: str = where, cells: dict[str, str] = cells) -> Row:
            name = need(cells, "image_filename", where)
            if name not in splits:
                raise InputError(f"{where}: the picture {name!r} is in none of the splits")
            return Row(
                user=need(cells, "participant_id", where),
                image=picture_inside(folder / "images", name, where),
                score=read_score(cells, "response", where, low=0, high=100),
                dataset=DATASET,
                split=f"{DATASET}_{splits[name]}",
                demographics=read_fields(cells, PERSON),
                metadata=read_fields(cells, PICTURE),
            )

        reader.add(where, read)
    return reader.table()
