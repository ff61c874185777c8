"""`show` in pseudo-terminals that can show pictures, and in those that can't."""

import base64
import fcntl
import io
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import PIL.Image
import pytest

from tests.agent.cli.conftest import ROOT

KEPT = next((ROOT / "runs").glob("2*"))
SIXELS, PLAIN = b"\x1b[?62;4;22c", b"\x1b[?62;22c"
IN_FRONT = (
    "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "from agent.cli.main import main; sys.exit(main(sys.argv[1:]))"
)
"""The command with its standard input as the terminal that it belongs to, as a shell has it."""
Show = Callable[..., str]


def talk(
    command: list[str], environment: dict[str, str], answer: bytes, complaint: bytes = b""
) -> str:
    """Runs a command in a terminal of 100 columns that answers when it is asked what it is.

    What it says on standard error is the complaint, or begins with it.
    """
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    running = subprocess.Popen(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    os.close(terminal)
    with running:
        said = listen(master, answer)
        problem = running.stderr.read() if running.stderr is not None else b""
    os.close(master)
    assert running.returncode == 0
    assert problem.startswith(complaint) if complaint else problem == b""
    return said.decode()


def listen(master: int, answer: bytes) -> bytes:
    said, asked, until = b"", False, time.monotonic() + 240
    while time.monotonic() < until:
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            more = os.read(master, 65_536)
        except OSError:  # it has ended
            break
        said += more
        if b"\x1b[c" in said and not asked:
            asked = True
            os.write(master, answer)
    return said


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Show:
    def run(
        *words: str,
        answer: bytes = PLAIN,
        run: Path = KEPT,
        complaint: bytes = b"",
        **variables: str,
    ) -> str:
        known = ("PATH", "HOME", "PAMELA_CACHE_DIR", "OMP_NUM_THREADS", "VIRTUAL_ENV")
        environment = {name: os.environ[name] for name in known if name in os.environ}
        environment |= {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **variables}
        command = [sys.executable, "-c", IN_FRONT, "show", str(run), *words]
        return talk(command, environment, answer, complaint)

    return run


def picture_in(code: str) -> PIL.Image.Image:
    picture = PIL.Image.open(io.BytesIO(base64.b64decode(code)))
    picture.load()
    return picture


def kitty_picture(said: str) -> PIL.Image.Image:
    pieces = re.findall(r"\x1b_G([^;]*);([A-Za-z0-9+/=]*)\x1b\\", said)
    assert [settings.rpartition("m=")[2] for settings, _ in pieces] == ["1"] * (len(pieces) - 1) + [
        "0"
    ]
    assert all(len(code) <= 4096 for _, code in pieces)
    return picture_in("".join(code for _, code in pieces))


@pytest.mark.parametrize(
    "variables", [{"TERM": "xterm-kitty"}, {"KITTY_WINDOW_ID": "1"}, {"TERM_PROGRAM": "ghostty"}]
)
def test_kitty_gets_the_way_to_the_best_as_pngs_in_pieces(show: Show, variables: dict[str, str]):
    said = show(**variables)

    assert kitty_picture(said).size == (3 * 168 - 8, 160)  # your own, and two edits
    assert "From the first prompt to the best" in said


@pytest.mark.parametrize("variables", [{"TERM_PROGRAM": "iTerm.app"}, {"LC_TERMINAL": "iTerm2"}])
def test_iterm2_gets_a_file(show: Show, variables: dict[str, str]):
    said = show("best", **variables)
    found = re.search(r"\x1b\]1337;File=inline=1;size=(\d+);[^:]*:([A-Za-z0-9+/=]+)\x07", said)

    assert found is not None
    assert int(found[1]) == len(base64.b64decode(found[2]))
    assert picture_in(found[2]).size == (2 * 168 - 8, 160)


def test_a_terminal_that_says_that_it_knows_sixels_gets_some(show: Show):
    said = show("best", answer=SIXELS)
    found = re.search(r"\x1bPq(.*?)\x1b\\", said, re.DOTALL)

    assert found is not None
    assert found[1].count("-") >= 160 // 6
    assert found[1].count(";2;") > 10


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        ((), {}),
        ((), {"TERM": "dumb", "KITTY_WINDOW_ID": "1"}),
        ((), {"TERM": "xterm-kitty", "TMUX": "/tmp/tmux-0/default,1,0"}),
        (("--no-pictures",), {"TERM": "xterm-kitty"}),
        (("--json",), {"TERM": "xterm-kitty"}),
        (("best", "--json"), {"TERM_PROGRAM": "iTerm.app"}),
    ],
)
def test_elsewhere_nothing_is_shown(show: Show, words: tuple[str, ...], variables: dict[str, str]):
    said = show(*words, **variables)

    for start in ("\x1b_G", "\x1b]1337", "\x1bPq"):
        assert start not in said
    assert "From the first prompt to the best" not in said


def test_what_is_no_terminal_gets_words_only():
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-kitty"}
    done = subprocess.run(
        [sys.executable, "-m", "agent.cli.main", "show", str(KEPT)],
        env={**environment, "KITTY_WINDOW_ID": "1", "FORCE_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "\x1b_G" not in done.stdout
    assert "\x1b[c" not in done.stdout


def test_pictures_that_are_gone_are_passed_over(show: Show, tmp_path: Path):
    folder = tmp_path / KEPT.name
    shutil.copytree(KEPT, folder)
    shutil.rmtree(folder / "images")

    gone = f"pamela-agent: {KEPT.name}: 46 of 46 pictures are missing".encode()
    assert "\x1b_G" not in show(run=folder, TERM="xterm-kitty", complaint=gone)
