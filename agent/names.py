"""What the files of a run are called, and how the folders that hold runs are found.

    run_folders(Path("runs"))

The one rule that is not obvious: this imports next to nothing, so that a list of runs is there at
once.
"""

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
    """The folders of a runs folder that hold a run; one that doesn't exist has none.

    Raises:
        InputError: the folder can't be read.
    """
    if not runs_dir.exists():
        return []
    try:
        return [folder for folder in runs_dir.iterdir() if (folder / HEADER).is_file()]
    except OSError as error:
        raise InputError(f"{str(runs_dir)!r} is no runs folder ({error.strerror})") from error
