"""What only a process of its own can show: signals, and who writes to standard output."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Start = Callable[..., subprocess.Popen[str]]
ROOT = Path(__file__).resolve().parents[3]
RUN = (
    "run", "--user", "me.json", "--prompt", "floating rocks", "--renderer", "fake", "--scorer",
    "fake:noise", "--iterations", "1000", "--size", "256x256", "--json",
)  # fmt: skip


def wait_for_lines(runs: Path, count: int, process: subprocess.Popen[str]) -> Path:
    """The run's folder, once its record has so many lines."""
    while process.poll() is None:
        for path in runs.glob("*/trajectory.jsonl"):
            if path.read_bytes().count(b"\n") >= count:
                return path.parent
        time.sleep(0.002)
    raise AssertionError(f"ended before: {process.communicate()}")


def test_terminated_run_prints_its_document_and_is_resumable(start: Start, here: Path):
    process = start(*RUN)
    folder = wait_for_lines(here / "runs", 5, process)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate()

    assert process.returncode == 130
    assert json.loads(out)["status"] == "interrupted"
    assert json.loads(out)["gain"]["heldout"] is None
    assert f"pamela-agent run --resume runs/{folder.name}" in err
    assert "Traceback" not in err


def test_interrupt_before_the_run_began_prints_a_document_of_what_is_not_known(
    start: Start, here: Path
):
    process = start("run", "--user", "me.json", "--prompt", "rocks", "--json")
    while not (here / "runs").exists():  # it is made before the models are loaded
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()

    assert process.returncode == 130
    document = json.loads(out)
    assert (document["status"], document["id"], document["best"]) == ("interrupted", None, None)
    assert "before anything was drawn: say the same words again" in err
    assert not list((here / "runs").iterdir())


def test_only_the_document_reaches_standard_output():
    code = """
import os, subprocess, sys, warnings
from agent.cli.output import documents, print_json
with documents(reserved=True):
    print("from python"); os.write(1, b"from C"); subprocess.run(["echo", "from a child"])
    warnings.warn("a warning")
    print_json({"text": "\\x1b \\u202e \\ud800"})
print("afterwards")
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    document, _, rest = done.stdout.rpartition("}\n")

    assert json.loads(document + "}") == {"text": "\x1b \u202e \ud800"}
    assert rest == "afterwards\n"
    assert done.stdout.isascii()
    for noise in ("from python", "from C", "from a child", "a warning"):
        assert noise in done.stderr


def test_reader_that_leaves_early_is_no_fault():
    command = f"{sys.executable} -m agent.cli.main run --help | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=ROOT, check=True)

    assert "Traceback" not in done.stderr


def in_shell(words: tuple[str, ...], redirection: str, folder: Path):
    """A command whose streams the shell has turned somewhere else."""
    command = shlex.join([sys.executable, "-m", "agent.cli.main", *words])
    return subprocess.run(
        f"{command} {redirection}",
        shell=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("words", [("runs",), ("runs", "--json"), ("init", "new.json")])
def test_closed_streams_are_no_traceback(here: Path, words: tuple[str, ...]):
    done = in_shell(words, "<&- >&-", here)

    assert done.returncode in (0, 2)
    assert "Traceback" not in done.stderr


def test_full_disk_behind_standard_output_is_one_line(here: Path):
    done = in_shell(("runs", "--json"), ">/dev/full", here)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "can't be written" in done.stderr


@pytest.mark.parametrize("words", [("show", "none", "--json"), (*RUN[:-5], "--json")])
def test_full_disk_behind_standard_error_loses_words_only(here: Path, words: tuple[str, ...]):
    short = ("--iterations", "1") if words[0] == "run" else ()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "agent.cli.main", *words, *short],
            cwd=here,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            check=False,
        )
    if words[0] == "run":
        assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "done")
    else:
        assert (done.returncode, "error" in json.loads(done.stdout)) == (2, True)


def test_interrupt_while_the_command_is_still_loading_is_one_line():
    code = """
import builtins, sys
real = builtins.__import__
def interrupted(name, *rest, **more):
    if name == "agent.cli.main":
        raise KeyboardInterrupt
    return real(name, *rest, **more)
builtins.__import__ = interrupted
sys.argv.append("--json")
from agent.cli.start import main
sys.exit(main())
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )

    assert done.returncode == 130
    assert done.stderr == "pamela-agent: interrupted\n"
    assert json.loads(done.stdout) == {"error": {"message": "interrupted"}}
