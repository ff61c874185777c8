"""The JSON documents that the command line prints.

    show_document(load_run("runs/20261124-1530-mossy-rocks-ab12"))["gain"]["heldout"]

The one rule that is not obvious: what is not known is null, never an empty text or 0.
"""

from typing import Any

from agent.find import Found
from agent.trajectory import SCHEMA_VERSION, Trajectory


def show_document(run: Trajectory) -> dict[str, Any]:
    """A whole run, as `show --json` and `run --json` print it."""
    document = run.model_dump(mode="json")
    unknown = [name for name in ("id", "user_id", "prompt") if document[name] == ""]
    return document | dict.fromkeys(unknown)


def runs_document(runs: list[tuple[Found, Trajectory]]) -> dict[str, Any]:
    """A list of runs, as `runs --json` prints it."""
    return {
        "schema_version": SCHEMA_VERSION,
        "runs": [_entry(found, run) for found, run in runs],
    }


def _entry(found: Found, run: Trajectory) -> dict[str, Any]:
    return {
        "id": run.id,
        "status": run.status,
        "created": found.header.created,
        "folder": str(found.folder),
        "prompt": run.prompt,
        "user_id": run.user_id,
        "best_prompt": run.best.prompt if run.best is not None else None,
        "gain": run.gain.model_dump(mode="json"),
        "renders": run.usage.renders,
    }
