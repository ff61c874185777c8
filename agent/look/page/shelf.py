"""The runs of a folder, for a server that is asked for them again and again.

    shelf = Shelf(Path("runs"))
    shelf.chosen(Choice(words="tower", status="done"))
    shelf.open("20261124-1530-mossy-rocks-ab12")

The one rule that is not obvious: what ended and whose files have not changed since is not read
again; a run that may still go on is.
"""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from agent.errors import InputError
from agent.look.glance import Glance, glance_at
from agent.look.page.pictures import Linked
from agent.look.report.view import View, view_of
from agent.look.salvage import Salvaged, salvage
from agent.names import HEADER, LINES, run_folders

KEPT_OPEN = 4
"""Runs whose view is kept."""
ENDED = ("done", "failed")

Stamp = tuple[tuple[int, int], ...]


class NotThereError(InputError):
    """Something that was asked for does not exist."""


@dataclass(frozen=True)
class Choice:
    """Which runs are wanted; what is empty leaves out none."""

    words: str = ""
    """All of them have to occur in the prompt, the id or the person's name."""
    status: str = ""
    user: str = ""

    def fits(self, run: Glance) -> bool:
        """Whether a run is wanted."""
        text = f"{run.prompt} {run.id} {run.user_id}".casefold()
        return (
            all(word in text for word in self.words.casefold().split())
            and self.status in ("", run.status)
            and self.user in ("", run.user_id)
        )


@dataclass(frozen=True)
class Listed:
    """The runs that were chosen, newest first, and what there is to choose from."""

    runs: tuple[Glance, ...]
    total: int
    users: tuple[str, ...]
    damaged: tuple[str, ...]
    """Why runs can't be read at all."""


class Shelf:
    """The runs of one folder.

    Args:
        runs_dir: The folder; one that doesn't exist holds no runs.
    """

    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = runs_dir
        self._glances: dict[str, tuple[Stamp, Glance]] = {}
        self._views: OrderedDict[str, tuple[Stamp, View]] = OrderedDict()
        self._lock = Lock()

    def chosen(self, choice: Choice) -> Listed:
        """The runs that fit.

        Raises:
            InputError: the folder can't be read.
        """
        found: list[Glance] = []
        damaged: list[str] = []
        for folder in run_folders(self.runs_dir):
            try:
                found.append(self._glance(folder))
            except InputError as error:
                damaged.append(str(error))
        found.sort(key=lambda g: (g.created, g.folder.name), reverse=True)
        return Listed(
            runs=tuple(run for run in found if choice.fits(run)),
            total=len(found),
            users=tuple(sorted({run.user_id for run in found})),
            damaged=tuple(damaged),
        )

    def _glance(self, folder: Path) -> Glance:
        stamp = _stamp(folder)
        kept = self._glances.get(folder.name)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        glance = glance_at(folder)
        if glance.status in ENDED:
            self._glances[folder.name] = (stamp, glance)
        return glance

    def folder(self, name: str) -> Path:
        """The folder of the run of that name.

        Raises:
            NotThereError: there is none.
        """
        folder = self.runs_dir / name
        plain = not name.startswith(".") and name == folder.name and folder.parent == self.runs_dir
        try:
            if plain and (folder / HEADER).is_file():
                return folder
        except (OSError, ValueError):
            pass
        raise NotThereError(f"there is no run {name!r} here")

    def open(self, name: str) -> Salvaged:
        """A run, as far as it can be read.

        Raises:
            NotThereError: there is none.
            InputError: it can't be read at all.
        """
        return self.view(name).found

    def view(self, name: str) -> View:
        """A run with all that its page shows.

        Raises:
            NotThereError: there is none.
            InputError: it can't be read at all.
        """
        folder = self.folder(name)
        stamp = _stamp(folder)
        with self._lock:
            kept = self._views.get(name)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        view = self.view_of(salvage(folder))
        if view.run.status in ENDED:
            with self._lock:
                self._views[name] = (stamp, view)
                while len(self._views) > KEPT_OPEN:
                    self._views.popitem(last=False)
        return view

    def view_of(self, found: Salvaged) -> View:
        """What the page shows of a run that was read."""
        return view_of(found, Linked(found))


def _stamp(folder: Path) -> Stamp:
    """Changes when a run's files or the number of its pictures do."""
    stamps: list[tuple[int, int]] = []
    for name in (HEADER, LINES, "images"):
        try:
            state = (folder / name).lstat()
            stamps.append((state.st_mtime_ns, state.st_size))
        except OSError:
            stamps.append((0, -1))
    return tuple(stamps)
