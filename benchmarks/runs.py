"""Runs of the agent inside a benchmark: the same parts for many runs, so that models load once.

run = run_once("mossy rocks", user, folder, {"renderer": "fake", "seed": 3})
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from agent.builders import Parts, build_parts, make_config
from agent.clock import Clock
from agent.header import make_header
from agent.optimize import optimize
from agent.store import RunStore, load_run, new_run_folder
from agent.trajectory import Trajectory
from scorer.profile import UserProfile


@lru_cache(maxsize=8)
def _parts(settings: str) -> Parts:
    return build_parts(make_config(json.loads(settings)), Clock())


def parts_for(options: Mapping[str, Any]) -> Parts:
    """Proposer, renderer and scorer of the options; models are loaded once a process."""
    return _parts(json.dumps(dict(options), sort_keys=True))


def run_once(
    prompt: str, user: UserProfile, runs_dir: Path, options: Mapping[str, Any]
) -> Trajectory:
    """One whole search, kept in `runs_dir`."""
    parts = parts_for(options)
    folder = new_run_folder(runs_dir, prompt)
    header = make_header(folder.name, prompt, make_config(options), user, parts)
    with RunStore.create(folder, header) as store:
        optimize(store=store, user=user, parts=parts)
    return load_run(folder)
