"""A run as files to take away.

    packed_pictures(found)      # a zip in the folder for temporary files; whoever asked removes it

The one rule that is not obvious: the report is always made anew. A `report.html` that lies in the
run's folder may be somebody else's and hold anything.
"""

import io
import os
import tempfile
import zipfile
from pathlib import Path

from agent.look.gallery import export_pictures
from agent.look.report import render
from agent.look.salvage import Salvaged
from agent.look.table import rows_of, write_table


def table_of(found: Salvaged) -> bytes:
    """The candidates as CSV."""
    stream = io.BytesIO()
    write_table(rows_of(found.run), "csv", stream)
    return stream.getvalue()


def report_of(found: Salvaged) -> bytes:
    """The report; its links lead to pictures beside it, as in the run's folder."""
    return render(found, found.folder).encode("utf-8", "backslashreplace")


def packed_pictures(found: Salvaged) -> Path:
    """All pictures with their story inside, as a zip."""
    handle, name = tempfile.mkstemp(prefix="pamela-", suffix=".zip")
    place = Path(name)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="pamela-") as bench,
            os.fdopen(handle, "wb") as stream,
            zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as pack,
        ):
            for file in export_pictures(found, Path(bench), strip=False).files:
                pack.write(file, file.name)
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    return place
