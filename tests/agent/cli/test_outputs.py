"""What was made earlier is never overwritten unasked, and what can't be written is bad input."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.cli.conftest import Answer

Run = Callable[..., Answer]

WRITERS = {
    "card": ("card", "latest", "--out"),
    "report": ("report", "latest", "--out"),
    "csv": ("export", "latest", "--to", "csv", "--out"),
    "jsonl": ("export", "latest", "--to", "jsonl", "--out"),
    "parquet": ("export", "latest", "--to", "parquet", "--out"),
}


@pytest.mark.parametrize("words", WRITERS.values(), ids=WRITERS)
def test_a_file_is_overwritten_only_when_that_is_said(
    shipped_run: Path, pamela: Run, here: Path, words: tuple[str, ...]
):
    assert pamela(*words, "made").code == 0
    (here / "made").write_bytes(b"mine")

    refused = pamela(*words, "made")
    assert refused.code == 2
    assert "'made' exists and is not overwritten: name another, or say --overwrite" in refused.err
    assert (here / "made").read_bytes() == b"mine"

    assert pamela(*words, "made", "--overwrite").code == 0
    assert (here / "made").read_bytes() != b"mine"


@pytest.mark.parametrize("words", WRITERS.values(), ids=WRITERS)
def test_a_place_that_cannot_be_written_is_bad_input(
    shipped_run: Path, pamela: Run, here: Path, words: tuple[str, ...]
):
    os.mkfifo(here / "pipe")
    for place, reason in (
        ("nowhere/made", "'nowhere' does not exist: make it first"),
        ("me.json/made", "'me.json' is no folder: name another place"),
        ("runs", "'runs' is a folder: name a file"),
        ("pipe", "'pipe' is no regular file: name another file"),
        ("/proc/made", "'/proc/made' can't be written"),
    ):
        answer = pamela(*words, place, "--overwrite")
        assert answer.code == 2, place
        assert reason in answer.err
        assert len([line for line in answer.err.splitlines() if "pamela-agent" in line]) == 1


def test_pictures_go_into_a_folder_that_holds_something_only_when_that_is_said(
    shipped_run: Path, pamela: Run, here: Path
):
    words = ("export", "latest", "--pictures", "gallery")
    assert pamela(*words).code == 0
    count = len(list((here / "gallery").iterdir()))

    refused = pamela(*words)
    assert refused.code == 2
    assert "'gallery' is not empty: name a new one, or say --overwrite" in refused.err
    assert pamela(*words, "--overwrite").code == 0
    assert len(list((here / "gallery").iterdir())) == count


def test_init_replaces_a_profile_only_when_that_is_said(
    pamela: Run, here: Path, monkeypatch: pytest.MonkeyPatch
):
    before = (here / "me.json").read_text()
    assert pamela("init", "me.json").code == 2
    assert (here / "me.json").read_text() == before

    (here / "answers").write_text("ada\n\n\n\n\n\n\n")
    with (here / "answers").open() as answers:
        monkeypatch.setattr("sys.stdin", answers)
        answer = pamela("init", "me.json", "--overwrite")
    assert answer.code == 0
    assert '"ada"' in (here / "me.json").read_text()
    assert "pamela-agent rate --user me.json" in answer.out


@pytest.mark.parametrize("words", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("place", ["run.json", "trajectory.jsonl", "best.png", "images/new.csv"])
def test_a_runs_record_is_never_overwritten(
    shipped_run: Path, pamela: Run, words: tuple[str, ...], place: str
):
    before = {path: path.read_bytes() for path in shipped_run.rglob("*") if path.is_file()}

    answer = pamela(*words, str(shipped_run / place), "--overwrite")

    assert answer.code == 2
    assert "is a part of a run: name another place" in answer.err
    assert {p: p.read_bytes() for p in shipped_run.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("words", WRITERS.values(), ids=WRITERS)
def test_a_profile_is_never_overwritten_by_something_else(
    shipped_run: Path, pamela: Run, here: Path, words: tuple[str, ...]
):
    before = (here / "me.json").read_bytes()

    answer = pamela(*words, "me.json", "--overwrite")

    assert answer.code == 2
    assert "'me.json' is somebody's profile: name another file" in answer.err
    assert (here / "me.json").read_bytes() == before


@pytest.mark.parametrize("place", ["", "images"])
def test_pictures_are_not_strewn_into_a_run(shipped_run: Path, pamela: Run, place: str):
    before = set(shipped_run.rglob("*"))

    answer = pamela("export", "latest", "--pictures", str(shipped_run / place), "--overwrite")

    assert answer.code == 2
    assert "is a part of a run: name another place" in answer.err
    assert set(shipped_run.rglob("*")) == before


@pytest.mark.parametrize("left", [None, b"", b"garbage\n\xff\n"])
def test_a_report_of_a_run_that_cannot_be_read_replaces_none(
    shipped_run: Path, pamela: Run, here: Path, left: bytes | None
):
    assert pamela("report", "latest").code == 0
    before = (shipped_run / "report.html").read_bytes()
    (shipped_run / "trajectory.jsonl").unlink()
    if left is not None:
        (shipped_run / "trajectory.jsonl").write_bytes(left)

    answer = pamela("report", "latest", "--overwrite")

    assert answer.code == 2
    assert "so a new report would be empty" in answer.err
    assert (shipped_run / "report.html").read_bytes() == before
    (here / "other.html").write_text("mine")
    assert pamela("report", "latest", "--out", "other.html", "--overwrite").code == 0


@pytest.mark.parametrize("place", ["run.json", "best.png", "images/a/b.json"])
def test_a_new_profile_replaces_no_part_of_a_run(shipped_run: Path, pamela: Run, place: str):
    (shipped_run / "images" / "a").mkdir()

    answer = pamela("init", str(shipped_run / place), "--overwrite")

    assert answer.code == 2
    assert "is a part of a run: name another place" in answer.err


def test_a_trained_predictor_or_program_goes_into_no_run(shipped_run: Path, pamela: Run):
    out = ("--out", str(shipped_run / "images"), "--overwrite")

    answer = pamela("train", "--data", "csv=nowhere.csv", *out)

    assert answer.code == 2
    assert "is a part of a run: name another place" in answer.err


def test_what_is_left_of_a_run_is_one_still(shipped_run: Path, pamela: Run, here: Path):
    (shipped_run / "run.json").unlink()
    assert pamela("export", str(shipped_run), "--to", "csv").code == 2
    words = ("card", "latest", "--out", str(shipped_run / "trajectory.jsonl"), "--overwrite")

    answer = pamela(*words)

    assert answer.code == 2
    assert "is a part of a run: name another place" in answer.err


def test_a_circle_of_links_is_no_place(here: Path, pamela: Run):
    (here / "loop").symlink_to("loop")

    answer = pamela("init", "loop/me.json")

    assert answer.code == 2
    assert "'loop/me.json' is no place to write to" in answer.err
