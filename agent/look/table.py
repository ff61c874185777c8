"""A run as a table, a row a candidate: for spreadsheets, data frames and other programs.

    rows = rows_of(load_run("runs/20261124-1530-mossy-rocks-ab12"))
    write_table(rows, "csv", sys.stdout.buffer)

The one rule that is not obvious: what is not known is an empty cell or null, never 0, and all rows
have the same columns.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Literal, assert_never

from agent.errors import PrerequisiteError
from agent.look.family import Family
from agent.trajectory import Trajectory

if TYPE_CHECKING:
    import pandas

TableFormat = Literal["csv", "parquet", "jsonl"]
Row = dict[str, Any]

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets calculate, or run, if a cell begins with it."""
INSTALL = "pip install 'pamela-agent[tables]'"


def rows_of(run: Trajectory) -> list[Row]:
    """One row a candidate, in order; scores and seconds have a column by name each."""
    family = Family(run)
    scores = sorted({name for candidate in run.candidates for name in candidate.scores})
    stages = sorted({name for candidate in run.candidates for name in candidate.seconds})
    return [
        {
            "run": run.id,
            "user_id": run.user_id,
            "id": candidate.id,
            "parent": candidate.parent,
            "iteration": candidate.iteration,
            "status": candidate.status,
            "axis": candidate.edit.axis if candidate.edit else None,
            "instruction": candidate.edit.instruction if candidate.edit else None,
            "prompt": candidate.prompt,
            "score": candidate.score,
            "gain": family.gain(candidate),
            "gain_beyond_initial": family.beyond_initial(candidate),
            "kept": candidate.id in family.ever_kept,
            "best": run.best is not None and candidate.id == run.best.id,
            "error": candidate.error,
            "images": json.dumps([image.path for image in candidate.images]),
            **{f"score_{name}": candidate.scores.get(name) for name in scores},
            **{f"seconds_{name}": candidate.seconds.get(name) for name in stages},
        }
        for candidate in run.candidates
    ]


def write_table(rows: Sequence[Mapping[str, Any]], kind: TableFormat, stream: IO[bytes]) -> None:
    """Writes rows in one of the formats.

    Raises:
        PrerequisiteError: parquet needs a package that is not there.
    """
    match kind:
        case "csv":
            text = io.StringIO(newline="")
            writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [])
            writer.writeheader()
            writer.writerows({name: _defused(cell) for name, cell in row.items()} for row in rows)
            stream.write(text.getvalue().encode("utf-8", "backslashreplace"))
        case "jsonl":
            for row in rows:
                line = json.dumps(row, ensure_ascii=False, allow_nan=False)
                stream.write(line.encode("utf-8", "backslashreplace") + b"\n")
        case "parquet":
            _write_parquet(rows, stream)
        case _:
            assert_never(kind)


def _defused(cell: Any) -> Any:
    """The cell as a spreadsheet takes it for text: what looks like a formula gets an apostrophe."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _write_parquet(rows: Sequence[Mapping[str, Any]], stream: IO[bytes]) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise PrerequisiteError(f"parquet needs pyarrow: {INSTALL}") from None
    table = pyarrow.Table.from_pylist([dict(row) for row in rows])
    buffer = io.BytesIO()  # pyarrow seeks, which a pipe can't
    pyarrow.parquet.write_table(table, buffer)
    stream.write(buffer.getvalue())


def frame_of(run: Trajectory) -> "pandas.DataFrame":
    """A data frame with the candidates' ids as its index.

    Raises:
        PrerequisiteError: pandas is not there.
    """
    try:
        import pandas
    except ImportError:
        raise PrerequisiteError(f"a data frame needs pandas: {INSTALL}") from None
    return pandas.DataFrame(rows_of(run)).set_index("id") if run.candidates else pandas.DataFrame()
