"""What the commands that look at runs have in common.

found = find_run(args.runs_dir, args.run)
"""

from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.output import complain

if TYPE_CHECKING:
    from agent.look.salvage import Salvaged


def find_run(
    runs_dir: Path, reference: str, *, pictures: bool = False, closely: bool = False
) -> "Salvaged":
    """The run that is meant, as far as it can be read; what is missing goes to standard error.

    Args:
        runs_dir: Where the runs lie.
        reference: An id, the beginning of one, `latest`, or a folder.
        pictures: Whether pictures that are missing are said, too.
        closely: Whether these include others than were recorded, which takes longer.

    Raises:
        InputError: there is none.
    """
    from agent.find import resolve_run
    from agent.look.salvage import lost_pictures, salvage

    found = salvage(resolve_run(runs_dir, reference))
    for problem in (*found.problems, *(lost_pictures(found, closely=closely) if pictures else ())):
        complain(f"{found.folder.name or found.run.id}: {problem}")
    return found
