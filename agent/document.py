"""The JSON documents that the command line prints.

    show_document(load_run("runs/20261124-1530-mossy-rocks-ab12"))["gain"]["heldout"]

The one rule that is not obvious: what is not known is null, never an empty text or 0.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from agent.look.family import Family
from agent.look.glance import Glance, best_prompt
from agent.trajectory import SCHEMA_VERSION, Candidate, Trajectory


def show_document(run: Trajectory) -> dict[str, Any]:
    """A whole run, as `show --json` and `run --json` print it."""
    document = run.model_dump(mode="json")
    unknown = [name for name in ("id", "user_id", "prompt") if document[name] == ""]
    return document | dict.fromkeys(unknown)


def runs_document(runs: Sequence[Glance]) -> dict[str, Any]:
    """A list of runs, as `runs --json` prints it."""
    return {"schema_version": SCHEMA_VERSION, "runs": [_entry(run) for run in runs]}


def _entry(run: Glance) -> dict[str, Any]:
    return {
        "id": run.id,
        "status": run.status,
        "created": run.created,
        "folder": str(run.folder),
        "prompt": run.prompt,
        "user_id": run.user_id,
        "best_prompt": best_prompt(run),
        "gain": asdict(run.gain),
        "renders": run.renders,
    }


def candidate_document(family: Family, candidate: Candidate) -> dict[str, Any]:
    """One candidate, as `show RUN CANDIDATE --json` prints it."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run": family.run.id,
        "candidate": candidate.model_dump(mode="json"),
        "gain": family.gain(candidate),
        "fate": family.fate(candidate),
        "lineage": [step.id for step in family.lineage(candidate)],
        "children": [child.id for child in family.children.get(candidate.id, [])],
    }
