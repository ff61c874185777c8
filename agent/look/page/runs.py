"""The pages about runs: the list, a run, a candidate, two candidates, and what can be taken away.

Every page is a GET and changes nothing.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.background import BackgroundTask

from agent.errors import InputError
from agent.look.page.closeups import closeup_of, comparison_of
from agent.look.page.downloads import packed_pictures, report_of, table_of
from agent.look.page.pictures import small_picture, whole_picture
from agent.look.page.sheet import Shown, sheet_of
from agent.look.page.shelf import Choice, Listed
from agent.look.page.site import Site, TheSite
from agent.names import BEST
from agent.text import slug
from scorer.pictures import PictureError

router = APIRouter(default_response_class=HTMLResponse)

RUNS_AT_ONCE = 60
STATES = ("running", "done", "interrupted", "failed")
KEEP = {"Cache-Control": "private, max-age=3600"}
"""A picture of a run never changes."""
GONE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 160">'
    '<path d="M60 60l40 40M100 60l-40 40" stroke="#888" stroke-width="6" />'
    "</svg>"
)
"""What stands in place of a picture that does not decode, or isn't there yet."""


@router.get("/")
def list_of_runs(
    site: TheSite, q: str = "", status: str = "", user: str = "", part: int = 1
) -> HTMLResponse:
    """The runs that fit, newest first."""
    choice = Choice(q, status, user)
    return site.page("runs.html", **list_values(site, choice, part))


def list_values(site: Site, choice: Choice, part: int) -> dict[str, Any]:
    """What the list shows."""
    listed: Listed = site.shelf.chosen(choice)
    parts = max(1, -(-len(listed.runs) // RUNS_AT_ONCE))
    part = min(max(part, 1), parts)
    rows = listed.runs[(part - 1) * RUNS_AT_ONCE : part * RUNS_AT_ONCE]
    return {
        "listed": listed,
        "rows": rows,
        "choice": choice,
        "states": STATES,
        "part": part,
        "parts": parts,
    }


@router.get("/runs/{name}")
def run(site: TheSite, name: str, show: Shown = "all", part: int = 1) -> HTMLResponse:
    """A run: what the report has, with a tree to go about in."""
    view = site.shelf.view(name)
    return site.page("run.html", view=view, name=name, sheet=sheet_of(view, show, part))


@router.get("/runs/{name}/candidate")
def candidate(
    site: TheSite, name: str, id: str, *, seed: int = 0, everybody: bool = False
) -> HTMLResponse:
    """One candidate closely, and with `everybody` what all users are predicted to say of it."""
    view = site.shelf.view(name)
    close = closeup_of(view, id, seed)
    opinions = (
        site.judge.opinions_of(view.found, close.candidate, close.seed) if everybody else None
    )
    unusable = site.judge.people().problems if everybody else ()
    return site.page(
        "candidate.html",
        view=view,
        name=name,
        close=close,
        opinions=opinions,
        unusable=[str(problem) for problem in unusable],
    )


@router.get("/runs/{name}/compare")
def compare(
    site: TheSite, name: str, id: Annotated[list[str], Query()], seed: int = 0
) -> HTMLResponse:
    """Two candidates under a slider."""
    if len(id) != 2:
        raise InputError(f"{len(id)} candidates were chosen: choose two to compare")
    view = site.shelf.view(name)
    both = comparison_of(view, (id[0], id[1]), seed)
    return site.page("compare.html", view=view, name=name, both=both)


@router.get("/runs/{name}/picture")
def picture(site: TheSite, name: str, path: str, side: int | None = None) -> Response:
    """A picture of a run, whole or small."""
    folder = site.shelf.folder(name)
    try:
        if side is None:
            place, kind = whole_picture(folder, path)
            return FileResponse(place, media_type=kind, headers=KEEP)
        if side not in (160, 480):
            raise InputError(f"there are no copies of {side} pixels: ask for 160 or 480")
        return Response(small_picture(folder, path, side), media_type="image/webp", headers=KEEP)
    except PictureError:
        return Response(GONE, 404, media_type="image/svg+xml")


@router.get("/runs/{name}/best")
def best(site: TheSite, name: str) -> Response:
    """A small copy of a run's best picture, for the list; a sign where there is none (yet).

    A run that has just begun has none, and one that goes on finds better ones, so it isn't kept.
    """
    folder = site.shelf.folder(name)
    anew = {"Cache-Control": "no-cache"}
    try:
        return Response(small_picture(folder, BEST, 160), media_type="image/webp", headers=anew)
    except PictureError:
        return Response(GONE, media_type="image/svg+xml", headers=anew)


@router.get("/runs/{name}/download/{what}")
def download(site: TheSite, name: str, what: str) -> Response:
    """The table, the report or the pictures of a run as a file."""
    found = site.shelf.open(name)
    stem = slug(found.run.prompt)
    if what == "run.csv":
        return _file(table_of(found), "text/csv; charset=utf-8", f"{stem}.csv")
    if what == "report.html":
        return _file(report_of(found), "text/html; charset=utf-8", f"{stem}.html")
    if what == "pictures.zip":
        place = packed_pictures(found)
        gone = BackgroundTask(place.unlink)
        return FileResponse(
            place, media_type="application/zip", filename=f"{stem}.zip", background=gone
        )
    raise InputError(f"{what!r} can't be taken away: run.csv, report.html and pictures.zip can")


def _file(content: bytes, kind: str, name: str) -> Response:
    held = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=held)
