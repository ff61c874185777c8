"""A model hub that can't be reached is one line, which says what was to come from it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import PIL.Image

from tests.agent.cli.conftest import ROOT

WISHES = {
    ("score", "a.png", "--user", "me.json", "--scorer", "hpsv3"): "hpsv3:FOLDER",
    ("score", "a.png", "--user", "me.json", "--scorer", "laion"): "laion:FOLDER",
    ("train", "--data", "csv=r.csv", "--out", "mine"): "siglip:FOLDER",
}


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_hub_that_is_not_there_is_one_line(here: Path):
    for name, level in (("a.png", 10), ("b.png", 200)):
        PIL.Image.new("L", (8, 8), level).save(here / name)
    (here / "r.csv").write_text("user,image,score,split\na,a.png,3,train\na,b.png,3,val_seen\n")
    kept = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    hub = f"http://127.0.0.1:{closed_port()}"
    started = {
        words: subprocess.Popen(
            [sys.executable, "-m", "agent.cli.main", *words],
            cwd=here,
            env={**kept, "PYTHONPATH": str(ROOT), "HF_ENDPOINT": hub, "HF_HOME": str(here / "hf")},
            stderr=subprocess.PIPE,
            text=True,
        )
        for words in WISHES
    }
    for words, process in started.items():
        _, told = process.communicate(timeout=280)
        lines = [line for line in told.splitlines() if not line.startswith("csv=")]

        assert process.returncode == 2
        assert len(lines) == 1, told
        assert "the model hub can't be reached" in lines[0]
        assert f"as in {WISHES[words]}" in lines[0]
