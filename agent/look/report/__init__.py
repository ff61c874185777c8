"""The report of a run: one file that opens anywhere, without network and without a script.

    write_report(Path("runs/20261124-1530-mossy-rocks-ab12"))     # …/report.html

The small pictures are inside, the full ones are linked by their relative path. The one rule that
is not obvious: everything that people, models and files say goes through `printable` and through
Jinja's escaping, and the page forbids itself everything but its own style and its own pictures
(docs/decisions/0023-a-report-without-a-script.md).
"""

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.errors import InputError
from agent.look.salvage import Salvaged, salvage
from agent.names import LINES, REPORT
from agent.text import printable
from scorer.files import output

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")


def write_report(
    folder: Path,
    found: Salvaged | None = None,
    out: Path | None = None,
    *,
    overwrite: bool = False,
) -> Path:
    """Writes the report of a run and returns where.

    Args:
        folder: The run's.
        found: The run, where it was read already.
        out: Another place for it; the full pictures are linked from there.
        overwrite: Whether `out` may be there already; the run's own is always written anew.

    Raises:
        InputError: the folder holds no run, the report can't be written, or the run's record
            can't be read and there is a report from when it could.
    """
    place = out or folder / REPORT
    found = found or salvage(folder)
    if found.lines_lost and out is None and place.exists():
        raise InputError(
            f"nothing of {str(folder / LINES)!r} can be read, so a new report would be empty, and "
            f"{str(place)!r} is kept: restore that file, or name another one with --out"
        )
    page = render(found, place.parent)
    with output(place, overwrite=overwrite or out is None) as stream:
        stream.write(page.encode("utf-8", "backslashreplace"))
    return place


def render(found: Salvaged, seen_from: Path) -> str:
    """The page, with links to the pictures as seen from a folder."""
    from markupsafe import Markup

    from agent.look.report.thumbnails import Pictures
    from agent.look.report.view import view_of

    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = environment(TEMPLATES).get_template("report.html")
    return template.render(
        view=view_of(found, Pictures(found.folder, seen_from)),
        style=Markup(style),  # noqa: S704 - our own file
        policy=f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'",
    )


def environment(*folders: Path) -> "Environment":
    """Jinja2 with escaping on; everything that is printed is first made `printable`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"figure": figure, "signed": signed}
    return made


def _shown(value: Any) -> Any:
    """Text as it may be seen; what is marked as safe is our own."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def figure(value: float | None, digits: int = 2) -> str:
    """`3.62`, with a dash for what is not known."""
    return "–" if value is None else _plain(value, f".{digits}f")


def signed(value: float | None, digits: int = 2) -> str:
    """`+0.42`, with a dash for what is not known."""
    return "–" if value is None else _plain(value, f"+.{digits}f")


def _plain(value: float, form: str) -> str:
    """With the true minus, and no minus before zero."""
    text = format(value, form)
    return text.replace("-", "−") if any(c in "123456789" for c in text) else format(0.0, form)
