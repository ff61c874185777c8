"""What the files of a run are called, and how the folders that hold runs are found.

    run_folders(Path("runs"))

The one rule that is not obvious: this imports next to nothing, so that a list of runs is there at
once.
"""

import os
from pathlib import Path

from agent.errors import InputError

SCHEMA_VERSION = 1
HEADER = "run.json"
LINES = "trajectory.jsonl"
LOCK = ".lock"
BEST = "best.png"
REPORT = "report.html"
IMAGES = "images"


def run_folders(runs_dir: Path) -> list[Path]:
    """The folders of a runs folder that look like runs; one that doesn't exist has none.

    One that has lost its `run.json`, or that can't be looked into, is among them: whoever reads it
    says why it can't be read.

    Raises:
        InputError: the folder can't be read.
    """
    if not runs_dir.exists():
        return []
    try:
        return [folder for folder in runs_dir.iterdir() if _looks_like_a_run(folder)]
    except OSError as error:
        raise InputError(f"{str(runs_dir)!r} is no runs folder ({error.strerror})") from error


def _looks_like_a_run(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    held = any(os.path.lexists(folder / name) for name in (HEADER, LINES))
    return held or not os.access(folder, os.X_OK)


def unreadable(folder: Path) -> str:
    """The one line for a folder whose `run.json` can't be read."""
    path = folder / HEADER
    try:
        path.lstat()
        reason = f"its {HEADER} can't be read, or leads out of it"
    except FileNotFoundError:
        reason = f"it has no {HEADER}"
    except (OSError, ValueError) as error:
        reason = f"its {HEADER} can't be read ({getattr(error, 'strerror', None) or error})"
    return f"{str(folder)!r} is no run: {reason}"
