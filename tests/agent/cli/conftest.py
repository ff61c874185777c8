"""The command line at hand: in this process for its answers, in another one for signals."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.cli.main import main

ROOT = Path(__file__).resolve().parents[3]
FAKES = ("--renderer", "fake", "--scorer", "fake:noise", "--llm", "catalogue")


@dataclass(frozen=True)
class Answer:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a profile in it, in which the command is run."""
    (tmp_path / "me.json").write_text('{"user_id": "night-owl"}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pamela(here: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs a command in this process."""

    def run(*words: str) -> Answer:
        capfd.readouterr()
        code = main(words)
        captured = capfd.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


@pytest.fixture
def shipped_run(here: Path) -> Path:
    """A copy of the run that comes with the project."""
    (run,) = (folder for folder in (ROOT / "runs").iterdir() if (folder / "run.json").is_file())
    return Path(shutil.copytree(run, here / "runs" / run.name))


@pytest.fixture
def start(here: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a command in a process of its own."""

    def run(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "agent.cli.main", *words],
            cwd=here,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


@pytest.fixture
def small_run(pamela: Callable[..., Answer]) -> Callable[..., Answer]:
    """`run` with the fakes and few pictures."""

    def run(*words: str, prompt: str = "floating rocks") -> Answer:
        few = ("--iterations", "1", "--branching", "1", "--heldout-seeds", "2")
        return pamela("run", "--user", "me.json", f"--prompt={prompt}", *FAKES, *few, *words)

    return run
