"""The page for rating, and what its script asks for.

A picture is shown, a key from 1 to 5 is the answer, and it is in the profile. The one rule that is
not obvious: who and what can be chosen was said when the server was started; a browser names them
by words that are looked up, never by a path.
"""

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict

from agent.look.inside import inside
from agent.look.page.judge import NOBODY
from agent.look.page.shelf import Choice, NotThereError
from agent.look.page.site import Site, TheSite
from agent.look.page.sitting import Sitting, State
from agent.rating import pictures_in

router = APIRouter()

RUN, FOLDER = "run:", "folder:"
MOST_RUNS = 200
"""Runs that can be chosen from."""
LARGEST = 1024
"""Pixels of a picture that is shown."""


class Answer(BaseModel):
    """What the script sends."""

    model_config = ConfigDict(extra="forbid", strict=True)

    who: str
    what: str
    picture: str = ""
    answer: Literal[1, 2, 3, 4, 5, "skip", "undo"]


@dataclass(frozen=True)
class Offer:
    """Something that can be chosen: its name in an address, and in words."""

    key: str
    words: str


def people_of(site: Site) -> tuple[list[Offer], list[str]]:
    """Who may rate, and whose profile can't be used and why; nobody where none were named."""
    if site.settings.users is None:
        return [], []
    people = site.judge.people()
    offers = [
        Offer(user.user_id, f"{user.user_id} ({len(user.ratings)} ratings)")
        for user in people.usable.values()
    ]
    return offers, [str(problem) for problem in people.problems]


def profile_of(site: Site, who: str) -> Path:
    """The profile of a person.

    Raises:
        InputError: nobody is known by that name.
    """
    for file, user in site.judge.people().usable.items():
        if user.user_id == who:
            return file
    raise NotThereError(f"{who!r} is nobody of the folder of profiles")


def sets_of(site: Site) -> list[Offer]:
    """The sets of pictures that may be rated."""
    folders = [
        Offer(f"{FOLDER}{number}", f"folder {folder.name or folder}")
        for number, folder in enumerate(site.settings.folders)
    ]
    runs = site.shelf.chosen(Choice()).runs[:MOST_RUNS]
    named = [Offer(f"{RUN}{run.folder.name}", f"run {run.prompt} ({run.user_id})") for run in runs]
    return [*folders, *named]


def pictures_of(site: Site, what: str) -> Sequence[tuple[Path, str | None]]:
    """The files of a set; of a run the first picture of every candidate, the best first.

    Raises:
        InputError: there is no such set.
    """
    if what.startswith(RUN):
        found = site.shelf.open(what.removeprefix(RUN))
        drawn = [c for c in found.run.candidates if c.images]
        drawn.sort(key=lambda c: (c.score is None, -(c.score or 0.0)))
        places = [inside(found.folder, c.images[0].path) for c in drawn]
        words = found.run.config.words_of(found.run.prompt)
        return [(place, words or None) for place in places if place is not None]
    number = what.removeprefix(FOLDER)
    folders = site.settings.folders
    if what.startswith(FOLDER) and number.isdecimal() and int(number) < len(folders):
        return list(pictures_in([folders[int(number)]]))
    raise NotThereError(f"there are no pictures called {what!r}")


def sitting_of(site: Site, who: str, what: str) -> Sitting:
    """The sitting of a person and a set of pictures; the first asking begins it.

    Raises:
        InputError: there is no such person or set.
    """
    return site.sittings.of(
        (who, what), lambda: Sitting(profile_of(site, who), pictures_of(site, what), site.judge)
    )


@router.get("/rate")
def rate(site: TheSite, who: str = "", what: str = "") -> HTMLResponse:
    """Who rates what; then the pictures."""
    people, unusable = people_of(site)
    if who and what:
        profile_of(site, who)
        return site.page("rate.html", who=who, what=what)
    return site.page(
        "choose.html",
        people=people,
        unusable=unusable,
        sets=sets_of(site),
        what=what,
        nobody=NOBODY if not people else None,
    )


@router.get("/rate/now")
def now(site: TheSite, who: str, what: str) -> JSONResponse:
    """What to ask."""
    sitting = sitting_of(site, who, what)
    return _told(sitting, sitting.now())


@router.post("/rate/answer")
def answer(site: TheSite, given: Answer) -> JSONResponse:
    """Takes an answer, and says what to ask next."""
    sitting = sitting_of(site, given.who, given.what)
    if given.answer == "undo":
        return _told(sitting, sitting.undo())
    if given.answer == "skip":
        return _told(sitting, sitting.skip(given.picture))
    return _told(sitting, sitting.rate(given.picture, given.answer))


@router.get("/rate/picture")
def picture(site: TheSite, who: str, what: str, picture: str) -> Response:
    """A picture of a sitting, by its content."""
    shown = sitting_of(site, who, what).picture(picture)
    if shown is None:
        raise NotThereError("this picture is not asked for")
    copy = shown.pixels.copy()
    copy.thumbnail((LARGEST, LARGEST))
    stream = io.BytesIO()
    copy.save(stream, "PNG", compress_level=1)
    held = {"Cache-Control": "private, max-age=3600"}
    return Response(stream.getvalue(), media_type="image/png", headers=held)


def _told(sitting: Sitting, state: State) -> JSONResponse:
    body: dict[str, Any] = asdict(state)
    body |= {"left_out": sitting.left_out[:10], "hidden": sitting.hidden}
    return JSONResponse(body)
