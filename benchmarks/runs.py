"""Runs of the agent inside a benchmark: the same parts for many runs, so that models load once.

    run = run_once("mossy rocks", user, folder, {"renderer": "fake", "seed": 3})

The one rule that is not obvious: a run's folder is named by all that it depends on, weights and
code included, so a benchmark that was interrupted takes what is done and goes on from there.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import agent
import scorer
from agent.builders import Parts, build_parts, make_config
from agent.clock import Clock
from agent.header import make_header
from agent.optimize import optimize
from agent.store import HEADER, RunStore, load_run
from agent.trajectory import Trajectory
from scorer.profile import UserProfile


@lru_cache(maxsize=8)
def _parts(settings: str) -> Parts:
    return build_parts(make_config(json.loads(settings)), Clock())


def parts_for(options: Mapping[str, Any]) -> Parts:
    """Proposer, renderer and scorer of the options; models are loaded once a process."""
    return _parts(json.dumps(dict(options), sort_keys=True))


@lru_cache(maxsize=1)
def _code() -> str:
    """SHA-256 of the code that a search consists of: with other code it is another run."""
    sources = sorted(path for part in (agent, scorer) for path in _sources(part))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def _sources(package: ModuleType) -> Iterator[Path]:
    return Path(str(package.__file__)).parent.rglob("*.py")


def run_once(
    prompt: str,
    user: UserProfile,
    runs_dir: Path,
    options: Mapping[str, Any],
    parts: Parts | None = None,
) -> Trajectory:
    """One whole search, kept in `runs_dir`; what of it is there already is not done again.

    Other parts than those of the options have to say so of themselves in `describe()`.
    """
    parts = parts or parts_for(options)
    header = make_header("", prompt, make_config(options), user, parts)
    depends_on = header.model_dump_json(exclude={"id", "created", "packages", "profile_path"})
    name = hashlib.sha256((depends_on + _code()).encode()).hexdigest()[:16]
    folder = runs_dir / name
    if (folder / HEADER).is_file():
        if (done := load_run(folder)).status == "done":
            return done
        opened = RunStore.resume(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        opened = RunStore.create(folder, header.model_copy(update={"id": name}))
    with opened as store:
        optimize(store=store, user=user, parts=parts)
    return load_run(folder)
