"""Improves an image prompt for one person.

    from agent import load_run

    load_run("runs/20261124-1530-mossy-rocks-ab12").best

The one rule that is not obvious: names are looked up when they are first used, so that importing
the package, and with it the command line's help, costs next to nothing.
"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from agent.config import RunConfig
    from agent.errors import InputError, PamelaError, PrerequisiteError, RunError
    from agent.store import load_run
    from agent.trajectory import (
        Candidate,
        Edit,
        Event,
        Gain,
        Heldout,
        Image,
        Seconds,
        Step,
        Trajectory,
        Usage,
    )

    __version__: str

__all__ = [
    "Candidate",
    "Edit",
    "Event",
    "Gain",
    "Heldout",
    "Image",
    "InputError",
    "PamelaError",
    "PrerequisiteError",
    "RunConfig",
    "RunError",
    "Seconds",
    "Step",
    "Trajectory",
    "Usage",
    "__version__",
    "load_run",
]

_ELSEWHERE = {
    "InputError": "agent.errors",
    "PamelaError": "agent.errors",
    "PrerequisiteError": "agent.errors",
    "RunConfig": "agent.config",
    "RunError": "agent.errors",
    "load_run": "agent.store",
}
"""Where a name lives that is not among the values of `agent.trajectory`."""


def __getattr__(name: str) -> typing.Any:
    if name == "__version__":
        return _version()
    if name not in __all__:
        raise AttributeError(f"module 'agent' has no attribute {name!r}")
    return getattr(importlib.import_module(_ELSEWHERE.get(name, "agent.trajectory")), name)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pamela-agent")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "0+unknown"
