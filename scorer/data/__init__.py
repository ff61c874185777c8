"""Rating data sets, read into one table.

    table = load_data("pamela=PAMELA") + load_data("lapis=LAPIS", lenient=True)

Nothing heavy is imported; what is read is checked as a whole: flawed rows, pictures that don't
decode, and anything that is evaluated on but was trained on.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from scorer.data.lapis import load_lapis
from scorer.data.pamela import load_pamela
from scorer.data.para import load_para
from scorer.data.plain import load_csv
from scorer.data.reading import with_pictures
from scorer.data.table import Row, Table
from scorer.errors import InputError, PrerequisiteError

__all__ = ["LAYOUTS", "Row", "Table", "load_data"]

READERS: dict[str, Callable[..., Table]] = {
    "pamela": partial(load_pamela, check_pictures=False),
    "para": load_para,
    "lapis": load_lapis,
    "csv": load_csv,
}
LAYOUTS = tuple(READERS)
HUB, HUB_ID = "hub", "bethgelab/PAMELA"
"""`pamela=hub` is the data set on the model hub (CC BY 4.0)."""


def load_data(spec: str, *, lenient: bool = False) -> Table:
    """Reads the data set that `<layout>=<folder>` names.

    Args:
        spec: The layout is one of `LAYOUTS`; `pamela=hub` is fetched from the model hub.
        lenient: Whether flawed rows are counted and left out instead of being an error.

    Raises:
        InputError: the spec, a file or a row is not as it should be; the message names it.
        PrerequisiteError: the hub does not give the data set.
    """
    layout, separator, place = spec.partition("=")
    if not separator or not place or layout not in READERS:
        raise InputError(
            f"--data {spec!r} is no <layout>=<folder>, or csv=<file>: layouts are "
            f"{', '.join(LAYOUTS)}"
        )
    folder = _fetched() if (layout, place) == ("pamela", HUB) else Path(place)
    if not folder.exists():
        raise InputError(f"--data {spec!r}: {place!r} does not exist")
    return with_pictures(READERS[layout](folder, lenient=lenient))


def _fetched() -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(HUB_ID, repo_type="dataset"))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise PrerequisiteError(
            f"the model hub doesn't give {HUB_ID!r} ({type(error).__name__}): download it by hand "
            f"and name its folder, as in `--data pamela=FOLDER`"
        ) from error
