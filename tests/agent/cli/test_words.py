"""What commands say: values that look like options, lists that are whole, tables that have room."""

import csv
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path

import PIL.Image
import pytest

from agent.cli.main import build_parser
from agent.look.table import write_table
from agent.summary import signed
from scorer import SCORERS
from tests.agent.cli.conftest import ROOT, Answer

Run = Callable[..., Answer]


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (("run", "--prompt", "-rock"), "as in --prompt=-rock)"),
        (("score", "a.png", "--user", "me.json", "--prompt", "-rock"), "as in --prompt=-rock)"),
    ],
)
def test_a_value_that_looks_like_an_option_is_shown_how_to_be_given(
    pamela: Run, words: tuple[str, ...], advice: str
):
    answer = pamela(*words)

    assert answer.code == 2
    assert "a value that begins with - is joined by =" in answer.err
    assert answer.err.endswith(f"{advice}\n")


@pytest.mark.parametrize("words", [("run", "--prompt"), ("run", "--prompt", "--json")])
def test_a_value_that_is_missing_is_not_taken_for_one(pamela: Run, words: tuple[str, ...]):
    assert "`pamela-agent run --help` shows what there is" in pamela(*words).err


@pytest.mark.parametrize("command", ["run", "score", "evaluate", "compare-llms"])
def test_help_names_every_scorer(capsys: pytest.CaptureFixture[str], command: str):
    with pytest.raises(SystemExit):
        build_parser([command]).parse_args([command, "--help"])
    told = " ".join(capsys.readouterr().out.split())
    names = {re.split(r"[\[:]", spec)[0] for spec in SCORERS}

    assert names - {name for name in names if name in told} <= (
        {"fake"} if command == "evaluate" else set()
    )


WIDE = ("--scorer", "fake:noise", "--scorer", "glossy", "--scorer", "average")


def scored(here: Path, width: int | None) -> str:
    """What `score` shows in a window that wide, or in a pipe."""
    for name in ("a-picture-with-a-long-name.png", "b.png"):
        PIL.Image.new("RGB", (16, 16), "red").save(here / name)
    words = ["score", "a-picture-with-a-long-name.png", "b.png", "--user", "me.json", *WIDE]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    environment.pop("COLUMNS", None)
    command = [sys.executable, "-m", "agent.cli.main", *words]
    if width is None:
        return subprocess.run(
            command, cwd=here, env=environment, capture_output=True, text=True, check=True
        ).stdout
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    with subprocess.Popen(command, cwd=here, env=environment, stdout=theirs) as process:
        os.close(theirs)
        told = b""
        try:
            while part := os.read(ours, 4096):
                told += part
        except OSError:  # the other end was closed
            pass
    assert process.returncode == 0
    return told.decode()


def test_scores_that_have_no_room_in_a_table_are_lines(here: Path):
    narrow, piped = scored(here, 80), scored(here, None)

    lines = narrow.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert "a-picture-with-a-long-name.png" in [line.strip() for line in lines]
    assert re.search(r"average \d\.\d\d", narrow)
    row = next(line for line in piped.splitlines() if "a-picture-with-a-long-name.png" in line)
    assert re.search(r"\d\.\d\d", row)
    assert "…" not in narrow + piped


def test_runs_names_the_folder_that_a_run_lies_in(shipped_run: Path, pamela: Run):
    shipped_run.rename(shipped_run.with_name("my-rocks"))
    answer = pamela("runs")

    assert answer.out.startswith("my-rocks ")
    assert pamela("show", "my-rocks").code == 0


def test_what_rounds_to_nothing_has_no_minus():
    assert [signed(value) for value in (-0.001, 0.0, 0.004, -0.005001)] == [
        "+0.00",
        "+0.00",
        "+0.00",
        "-0.01",
    ]


def test_no_cell_of_a_csv_is_a_formula():
    texts = ["=1+1", "+rock", "-rock", "@rock", "\trock", "a rock = b", "'quoted"]
    stream = io.BytesIO()
    write_table([{"text": text, "figure": -0.5, "none": None} for text in texts], "csv", stream)
    rows = list(csv.DictReader(io.StringIO(stream.getvalue().decode(), newline="")))

    assert [row["text"] for row in rows] == [*(f"'{text}" for text in texts[:5]), *texts[5:]]
    assert {row["figure"] for row in rows} == {"-0.5"}

    lines = io.BytesIO()
    write_table([{"text": text} for text in texts], "jsonl", lines)
    assert b"'=1+1" not in lines.getvalue()


def test_a_run_into_a_file_says_what_it_is_at(small_run: Run):
    told = small_run().err.splitlines()

    assert told[0] == "loading models and drawing the first prompt"
    assert [line[:11] for line in told if line.startswith("iteration")] == [
        "iteration 0",
        "iteration 1",
    ]
    assert small_run("--quiet").err == ""
