"""Which run is meant: an id, the beginning of one, `latest`, or a folder.

    folder = resolve_run(Path("runs"), "latest")

The one rule that is not obvious: `latest` goes by when a run began, as its `run.json` says, so a
copied or touched folder changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.errors import InputError
from agent.folder import read_header
from agent.names import HEADER, run_folders, unreadable
from agent.records import RunHeader


@dataclass(frozen=True)
class Found:
    """A run and where it lies."""

    folder: Path
    header: RunHeader


def list_runs(runs_dir: Path, damaged: Callable[[str], None] | None = None) -> list[Found]:
    """The readable runs of a folder, newest first.

    Args:
        runs_dir: The folder.
        damaged: Told of every run that can't be read, and why.

    Raises:
        InputError: the folder can't be read; one that doesn't exist holds no runs.
    """
    folders = run_folders(runs_dir)
    found: list[Found] = []
    for folder in folders:
        try:
            found.append(Found(folder, read_header(folder)))
        except InputError as error:  # of another version, or damaged
            if damaged is not None:
                damaged(str(error))
    return sorted(found, key=lambda f: (f.header.created, f.folder.name), reverse=True)


def resolve_run(runs_dir: Path, reference: str) -> Path:
    """The folder of the run that is meant.

    Raises:
        InputError: there is none, or the beginning of an id fits several.
    """
    runs = list_runs(runs_dir)
    if reference == "latest":
        if not runs:
            raise InputError(
                f"there is no run in {str(runs_dir)!r} yet: start one, or name another --runs-dir"
            )
        return runs[0].folder
    exact = [run.folder for run in runs if reference in (run.header.id, run.folder.name)]
    if exact:
        return exact[0]
    if _is_run(reference):
        return Path(reference)
    fitting = [run for run in runs if reference and run.header.id.startswith(reference)]
    if len(fitting) == 1:
        return fitting[0].folder
    if fitting:
        ids = ", ".join(run.header.id for run in fitting[:5])
        raise InputError(f"{reference!r} fits several runs: {ids}; give more of the id")
    if _is_run(runs_dir / reference):  # there, but damaged or newer: whoever reads it says so
        return runs_dir / reference
    for folder in (runs_dir / reference, Path(reference)):
        if reference and _is_folder(folder):
            raise InputError(unreadable(folder))
    raise InputError(
        f"{reference!r} is no run of {str(runs_dir)!r} and no run's folder: "
        f"`pamela-agent runs --runs-dir {runs_dir}` lists them"
    )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_run(reference: str | Path) -> bool:
    try:
        return bool(str(reference)) and (Path(reference) / HEADER).is_file()
    except (OSError, ValueError):
        return False
