"""What changes while a page is open: server-sent events of runs that go on.

Each event is a piece of HTML that takes the place of what the page shows. The one rule that is not
obvious: nobody goes through all runs again and again. A run's page follows the end of one file, and
the list looks at the files of those runs alone that are going on, and at when the folder last
changed.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent

from agent.folder import is_held
from agent.look.page.runs import list_values
from agent.look.page.shelf import Choice
from agent.look.page.site import Site, TheSite
from agent.look.salvage import Follower
from agent.names import LINES

router = APIRouter(default_response_class=EventSourceResponse)

PAUSE = 0.5
"""Seconds between two looks at a file."""
DEAD = 3.0
"""Seconds without a new line after which it is asked whether anybody works on the run."""


def _follower_of(site: TheSite, name: str) -> Follower:
    """Found before the answer begins, so that a run that isn't there is a plain error."""
    return Follower(site.shelf.folder(name))


@router.get("/runs/{name}/events", response_class=EventSourceResponse)
async def run_events(
    site: TheSite, name: str, follower: Annotated[Follower, Depends(_follower_of)]
) -> AsyncIterator[ServerSentEvent]:
    """A run that goes on: what its page shows, anew after each change; `ended` at the end."""
    heard, first = monotonic(), True
    while True:
        if await run_sync(follower.read) or first:
            heard, first = monotonic(), False
            html, status = await run_sync(_shown, site, name, follower)
            yield ServerSentEvent(event="update", raw_data=html, retry=2000)
            if status != "running":
                break
        elif monotonic() - heard > DEAD:
            heard = monotonic()
            if not await run_sync(is_held, follower.folder):
                break
        await asyncio.sleep(PAUSE)
    yield ServerSentEvent(event="ended", raw_data=name)


def _shown(site: Site, name: str, follower: Follower) -> tuple[str, str]:
    view = site.shelf.view_of(follower.found())
    return _plain(site.text("run-now.html", view=view, name=name)), view.run.status


@router.get("/events", response_class=EventSourceResponse)
async def list_events(
    site: TheSite, q: str = "", status: str = "", user: str = "", part: int = 1
) -> AsyncIterator[ServerSentEvent]:
    """The list, anew when a run that it shows goes on or another one begins."""
    choice = Choice(q, status, user)
    seen: list[int] | None = None
    going: list[Path] = []
    while True:
        stamps = await run_sync(_stamps, site.settings.runs_dir, going)
        if stamps != seen:
            values = await run_sync(list_values, site, choice, part)
            going = await run_sync(_going, site)
            html = _plain(site.text("runs-now.html", **values))
            seen = await run_sync(_stamps, site.settings.runs_dir, going)
            yield ServerSentEvent(event="update", raw_data=html, retry=2000)
        await asyncio.sleep(PAUSE)


def _going(site: Site) -> list[Path]:
    running = site.shelf.chosen(Choice(status="running")).runs
    return [run.folder for run in running]


def _stamps(runs_dir: Path, going: list[Path]) -> list[int]:
    """Sizes of the files of runs that go on, whether they do, and when the folder changed."""
    stamps: list[int] = []
    for path in (runs_dir, *(folder / LINES for folder in going)):
        try:
            state = path.lstat()
            stamps.append(state.st_mtime_ns if path == runs_dir else state.st_size)
        except OSError:
            stamps.append(-1)
    return [*stamps, *map(int, map(is_held, going))]


def _plain(text: str) -> str:
    """Without what can't be sent as UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
