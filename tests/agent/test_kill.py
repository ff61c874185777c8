"""`kill -9` in the middle of a run, then resume: the same run as an undisturbed one."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from agent import load_run

ROOT = Path(__file__).resolve().parents[2]
WORKER = """
import sys
from pathlib import Path
from agent.builders import Parts, make_config
from agent.header import make_header
from agent.optimize import optimize
from agent.proposer import Proposals
from agent.render.fake import FakeRenderer
from agent.store import RunStore, new_run_folder
from agent.trajectory import Edit
from scorer import UserProfile, make_scorer

class Proposer:
    def propose(self, requests):
        return [Proposals(edits=tuple(self.edits(request))) for request in requests]

    def edits(self, request):
        yield Edit(axis="free", instruction="leave the subject", prompt=f"a sofa, {request.seed}")
        for number in range(1, request.count):
            words = f"{request.parent_prompt}, {(request.seed + number) % 97}"
            yield Edit(axis="free", instruction="add a number", prompt=words)

    def describe(self):
        return {"llm": "numbers"}

user = UserProfile(user_id="night-owl")
parts = Parts(Proposer(), FakeRenderer((256, 256)), make_scorer("fake:noise", seed=0))
config = make_config({"renderer": "fake", "scorer": "fake:noise", "iterations": 3, "stray": "none"})
folder = Path(sys.argv[2])
if sys.argv[1] == "begin":
    folder = new_run_folder(folder, "floating rocks")
    header = make_header(folder.name, "floating rocks", config, user, parts)
    store = RunStore.create(folder, header)
else:
    store = RunStore.resume(folder)
with store:
    optimize(store=store, user=user, parts=parts)
"""


def worker(*words: str | Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", WORKER, *map(str, words)], env=environment)


def wait_for_lines(runs: Path, count: int, process: subprocess.Popen[bytes]) -> Path:
    """The run's folder, once its record has so many lines."""
    while process.poll() is None:
        for path in runs.glob("*/trajectory.jsonl"):
            if path.read_bytes().count(b"\n") >= count:
                return path.parent
        time.sleep(0.001)
    raise AssertionError("the run ended before it could be killed")


def timeless(folder: Path) -> list[Any]:
    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: without(v) for k, v in value.items() if k != "seconds"}
        return [without(v) for v in value] if isinstance(value, list) else value

    text = (folder / "trajectory.jsonl").read_text(encoding="utf-8").replace(folder.name, "ID")
    return [without(json.loads(line)) for line in text.splitlines()]


def pictures(folder: Path) -> dict[str, tuple[bytes, Any]]:
    """Pixels of every picture of a run, and what it tells but for the name of its run."""
    run = load_run(folder).id
    return {path.name: told(path, run) for path in [folder / "best.png", *folder.glob("images/*")]}


def told(path: Path, run: str) -> tuple[bytes, Any]:
    with PIL.Image.open(path) as picture:
        pixels = picture.tobytes()
        story = {key: text for key, text in picture.info.items() if isinstance(text, str)}
    known = json.loads(story.pop("pamela"))
    assert known.pop("run") == run
    return pixels, (story, known)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("undisturbed")
    assert worker("begin", runs).wait() == 0
    return next(runs.iterdir())


@pytest.mark.parametrize("lines", [1, 4, 20])
def test_killed_run_resumes_to_the_undisturbed_one(tmp_path: Path, undisturbed: Path, lines: int):
    process = worker("begin", tmp_path)
    folder = wait_for_lines(tmp_path, lines, process)
    process.kill()
    process.wait()
    assert load_run(folder).status == "interrupted"
    assert worker("resume", folder).wait() == 0

    assert load_run(folder).status == "done"
    assert timeless(folder) == timeless(undisturbed)
    assert pictures(folder) == pictures(undisturbed)
