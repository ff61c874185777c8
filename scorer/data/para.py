"""PARA: photographs with what each rater thought, and who the raters are (Yang et al. 2022).

    table = load_para(Path("PARA"))

"Personalized Image Aesthetics Assessment with Rich Attributes", CVPR 2022. The layout is that of
the data set's own README: `annotation/PARA-Images.csv` (one row a rating, 1–5 in halves),
`annotation/PARA-UserInfo.csv`, `annotation/PARA-GiaaTest.csv` (the pictures of the test split) and
`imgs/<session>/<picture>`. Its terms allow research and learning only: check them before use.
"""

from pathlib import Path

from scorer.data.reading import need, picture_inside, read_csv, read_fields, read_score
from scorer.data.table import FieldValue, Row, RowReader, Table
from scorer.errors import InputError

DATASET = "para"
PERSON = {
    "age": "age",
    "gender": "gender",
    "EducationalLevel": "education",
    "artExperience": "art experience",
    "photographyExperience": "photography experience",
    "personality-E": "extraversion",
    "personality-A": "agreeableness",
    "personality-N": "neuroticism",
    "personality-O": "openness",
    "personality-C": "conscientiousness",
}
PICTURE = {"semantic": "group"}


def load_para(folder: Path, *, lenient: bool = False) -> Table:
    """Reads a folder in the layout of PARA; splits are `para_train` and `para_test_seen`.

    Raises:
        InputError: a file is missing or a row is flawed; the message names file and line.
    """
    annotation = folder / "annotation"
    people: dict[str, dict[str, FieldValue]] = {
        cells["userId"].strip(): read_fields(cells, PERSON)
        for _, cells in read_csv(annotation / "PARA-UserInfo.csv", ("userId",))
    }
    tested = {
        (cells["sessionId"].strip(), cells["imageName"].strip())
        for _, cells in read_csv(annotation / "PARA-GiaaTest.csv", ("sessionId", "imageName"))
    }
    reader = RowReader(lenient=lenient)
    needed = ("sessionId", "imageName", "userId", "aestheticScore")
    for where, cells in read_csv(annotation / "PARA-Images.csv", needed):

        def read(where: str = where, cells: dict[str, str] = cells) -> Row:
            session, name = need(cells, "sessionId", where), need(cells, "imageName", where)
            user = need(cells, "userId", where)
            if user not in people:
                raise InputError(f"{where}: userId = {user!r} is not in PARA-UserInfo.csv")
            return Row(
                user=user,
                image=picture_inside(folder / "imgs", f"{session}/{name}", where),
                score=read_score(cells, "aestheticScore", where, low=1, high=5),
                dataset=DATASET,
                split=f"{DATASET}_{'test_seen' if (session, name) in tested else 'train'}",
                demographics=people[user],
                metadata=read_fields(cells, PICTURE),
            )

        reader.add(where, read)
    return reader.table()
