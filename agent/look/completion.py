"""A run that is done gets what it lacks: a kill may come between its last line and its report.

    for problem in complete(folder):
        print(problem)

The one rule that is not obvious: nothing that is there is made anew, and what can't be made is
said, for the run itself is what it is.
"""

from collections.abc import Iterator
from pathlib import Path

from agent.errors import PamelaError
from agent.look.inside import inside, is_recorded, is_whole
from agent.look.report import write_report
from agent.look.salvage import Salvaged, lost_pictures, salvage
from agent.names import BEST, REPORT
from agent.store import copy_best


def complete(folder: Path) -> Iterator[str]:
    """Writes `best.png` and `report.html` where they are missing; says what remains wrong."""
    found = salvage(folder)
    yield from found.problems
    yield from lost_pictures(found, closely=True)
    try:
        _restore_best(found)
        if not (folder / REPORT).is_file():
            write_report(folder, found)
    except PamelaError as error:
        yield str(error)


def _restore_best(found: Salvaged) -> None:
    best = found.run.best
    if best is None or not best.images or is_whole(found.folder, BEST):
        return
    source = inside(found.folder, best.images[0].path)
    if source is not None and is_recorded(found.folder, best.images[0]):
        copy_best(source, found.folder)
