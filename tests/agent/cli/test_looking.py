"""The commands that look into runs, by what they print and write."""

import csv
import fcntl
import io
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import PIL.Image
import pytest

from agent.store import load_run, pixel_digest
from tests.agent.cli.conftest import ROOT, Answer

Run = Callable[..., Answer]


def test_a_run_ends_with_its_report(small_run: Run, here: Path):
    answer = small_run()
    (folder,) = (here / "runs").iterdir()

    assert f"runs/{folder.name}/report.html" in answer.out
    assert "floating rocks" in (folder / "report.html").read_text()


def test_report_is_written_anew_and_elsewhere(small_run: Run, pamela: Run, here: Path):
    small_run()
    (folder,) = (here / "runs").iterdir()
    (folder / "report.html").unlink()

    assert pamela("report", "latest").out.strip() == f"runs/{folder.name}/report.html"
    assert pamela("report", "latest", "--out", "mail.html", "--json").document == {
        "report": "mail.html",
        "bytes": (here / "mail.html").stat().st_size,
    }
    assert pamela("report", "latest", "--out", "nowhere/mail.html").code == 2


def test_show_tells_one_candidate(small_run: Run, pamela: Run, here: Path):
    small_run()
    run = load_run(next((here / "runs").iterdir()))
    answer = pamela("show", "latest", "c0001")
    told = pamela("show", "latest", "1", "--json").document

    assert answer.code == 0
    assert f"[+{run.candidates[1].prompt.removeprefix('floating rocks')}+]" in answer.out
    assert "to the first prompt" in answer.out
    assert told["candidate"] == run.candidates[1].model_dump(mode="json")
    assert told["lineage"] == ["c0001"]
    first, second = run.candidates[0].score, run.candidates[1].score
    assert first is not None
    assert second is not None
    assert told["gain"] == pytest.approx(second - first)


def test_show_names_the_candidates_that_there_are(small_run: Run, pamela: Run):
    small_run()
    answer = pamela("show", "latest", "c9999")

    assert answer.code == 2
    assert "no candidate 'c9999': there are c0000 to c" in answer.err


def test_diff_says_what_was_asked_and_what_came_out(small_run: Run, pamela: Run):
    first = small_run("--json").document["id"]
    second = small_run("--json", "--seed", "5", prompt="floating stones").document["id"]
    answer = pamela("diff", first, second)
    told = pamela("diff", first, second, "--json").document

    assert "floating [-rocks-][+stones+]" in answer.out
    assert "seed  0 → 5" in answer.out
    assert told["settings"] == {"seed": [0, 5]}
    assert told["person"] == {}
    assert told["outcome"]["pictures"][0] > 0
    same = pamela("diff", first, first).out
    assert same.count("nothing differs") == 3
    assert "\n  = " in same
    assert "\n  - " not in same


def test_export_gives_the_same_rows_in_every_format(small_run: Run, pamela: Run, here: Path):
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    small_run()
    run = load_run(next((here / "runs").iterdir()))
    written = pamela("export", "latest", "--to", "parquet", "--out", "run.parquet")
    assert written.code == 0
    assert f"{len(run.candidates)} candidates in 'run.parquet'" in written.err
    lines = [json.loads(line) for line in pamela("export", "latest", "--to", "jsonl").out.split("\n") if line]  # noqa: E501  # fmt: skip
    table = list(csv.DictReader(io.StringIO(pamela("export", "latest", "--to", "csv").out)))
    rows = pyarrow.parquet.read_table("run.parquet").to_pylist()

    assert rows == lines
    assert [row["id"] for row in rows] == [candidate.id for candidate in run.candidates]
    assert [row["prompt"] for row in table] == [candidate.prompt for candidate in run.candidates]
    assert [row["score"] for row in rows] == [candidate.score for candidate in run.candidates]
    assert (rows[0]["gain"], table[0]["gain"]) == (None, "")


def test_exported_pictures_carry_their_story_or_nothing(small_run: Run, pamela: Run, here: Path):
    small_run()
    run = load_run(next((here / "runs").iterdir()))
    told = pamela("export", "latest", "--pictures", "told")
    pamela("export", "latest", "--pictures", "bare", "--strip-metadata")
    names = sorted(path.name for path in Path("told").iterdir())
    first = run.candidates[0].images[0]

    assert f"{run.usage.renders} pictures" in told.err
    assert names == sorted(path.name for path in Path("bare").iterdir())
    with PIL.Image.open(f"told/00-c0000-{first.seed}.png") as picture:
        assert pixel_digest(picture) == first.sha256
        assert picture.info["parameters"].startswith(f"floating rocks\nSeed: {first.seed}, Size: ")
        assert json.loads(picture.info["pamela"])["candidate"] == "c0000"
    with PIL.Image.open(f"bare/00-c0000-{first.seed}.png") as picture:
        assert pixel_digest(picture) == first.sha256
        assert picture.info == {}
    assert pamela("export", "latest", "--pictures", "told").code == 2


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "say what to export"),
        (("--out", "x.csv"), "--out is for a table"),
        (("--to", "csv", "--strip-metadata"), "--strip-metadata is for pictures"),
    ],
)
def test_export_says_what_is_missing(
    small_run: Run, pamela: Run, words: tuple[str, ...], problem: str
):
    small_run()
    answer = pamela("export", "latest", *words)

    assert answer.code == 2
    assert problem in answer.err


def test_a_run_without_pictures_exports_none_and_leaves_no_folder(
    small_run: Run, pamela: Run, here: Path
):
    small_run()
    path = next((here / "runs").iterdir()) / "trajectory.jsonl"
    path.write_text(path.read_text().splitlines(keepends=True)[0])
    answer = pamela("export", "latest", "--pictures", "gallery")

    assert answer.code == 2
    assert "has no picture yet" in answer.err
    assert not Path("gallery").exists()


def test_a_card_is_written_as_what_its_name_ends_in(small_run: Run, pamela: Run, here: Path):
    small_run()
    assert pamela("card", "latest", "--out", "card.svg").code == 0
    assert pamela("card", "latest", "--out", "card.PNG", "--dark").code == 0

    assert (here / "card.svg").read_text().startswith("<svg ")
    with PIL.Image.open(here / "card.PNG") as picture:
        assert picture.getpixel((0, 0)) == (0x13, 0x13, 0x12)
    for words in (("--out", "card.jpg"), ("--out", "card.svg", "--dark"), ("--dark",)):
        answer = pamela("card", "latest", *words)
        assert (answer.code, answer.err.count("\n")) == (2, 1)


def test_a_card_of_runs_starts_another(small_run: Run, pamela: Run, here: Path):
    ids = [small_run("--json", "--seed", str(n)).document["id"] for n in range(2)]
    told = pamela("card", *ids, "--out", "card.json", "--json").document
    warm = small_run("--json", "--seed", "2", "--warm-start", "card.json")
    header = json.loads((here / "runs" / warm.document["id"] / "run.json").read_text())

    assert (told["user_id"], told["runs"]) == ("night-owl", ids)
    assert len(told["effects"]) >= 2
    assert warm.code == 0
    assert header["warm_start"]["runs"] == ids
    assert "night-owl: 2 runs" in pamela("card", *ids).out
    assert small_run("--warm-start", "me.json").code == 2


def test_a_card_of_somebody_else_is_refused(small_run: Run, pamela: Run, here: Path):
    small_run()
    pamela("card", "latest", "--out", "card.json")
    card = json.loads(Path("card.json").read_text()) | {"user_id": "lark"}
    Path("card.json").write_text(json.dumps(card))
    answer = small_run("--warm-start", "card.json")

    assert answer.code == 2
    assert "the card 'card.json' is of 'lark', and the run is for 'night-owl'" in answer.err
    assert len(list((here / "runs").iterdir())) == 1


def test_a_resumed_run_keeps_its_card(small_run: Run, pamela: Run):
    small_run()
    pamela("card", "latest", "--out", "card.json")
    small_run("--warm-start", "card.json", "--seed", "3")

    assert pamela("run", "--resume", "latest", "--warm-start", "card.json").code == 0
    card = json.loads(Path("card.json").read_text()) | {"prompts": 99}
    Path("other.json").write_text(json.dumps(card))
    assert "did not begin with the card" in pamela("run", "--resume", "latest", "--warm-start", "other.json").err  # noqa: E501  # fmt: skip


def test_a_damaged_run_is_listed_and_shown_with_what_is_missing(
    small_run: Run, pamela: Run, here: Path
):
    small_run()
    (folder,) = (here / "runs").iterdir()
    header = json.loads((folder / "run.json").read_text()) | {"schema_version": 7}
    (folder / "run.json").write_text(json.dumps(header))
    lines = (folder / "trajectory.jsonl").read_text().splitlines()
    lines[1] = lines[1][:50]
    (folder / "trajectory.jsonl").write_text("\n".join(lines) + "\n")

    for words in (("runs",), ("show", folder.name), ("report", folder.name)):
        answer = pamela(*words)
        assert answer.code == 0
        assert "schema version 7" in answer.err
        assert "a line of trajectory.jsonl can't be read: 2" in answer.err
        assert folder.name in answer.out
    assert pamela("run", "--resume", folder.name).code == 2


def test_runs_tell_gain_pictures_and_state(small_run: Run, pamela: Run):
    document = small_run("--json").document
    listed = pamela("runs", "--json").document["runs"][0]
    line = pamela("runs").out

    assert listed["best_prompt"] == document["best"]["prompt"]
    assert listed["gain"] == document["gain"]
    assert f"{document['usage']['renders']} pictures  done" in line


def test_the_table_of_runs_shows_escapes_as_text(small_run: Run, here: Path):
    """In a terminal of its own: a table is for those only."""
    small_run(prompt="[bold]rocks[/] \x1b[2J")
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    for name in ("NO_COLOR", "COLUMNS"):
        environment.pop(name, None)
    subprocess.run(
        [sys.executable, "-m", "agent.cli.main", "runs"],
        stdin=terminal,
        stdout=terminal,
        env=environment,
        check=True,
        cwd=here,
    )
    shown = os.read(master, 100_000).decode()

    assert "Pictures" in shown
    assert r"[bold]rocks[/] \x1b[2J" in shown
    assert "\x1b[2J" not in shown
    assert "\x1b[1m" in shown


def test_a_long_prompt_is_whole_where_it_counts_and_short_in_the_tree(
    small_run: Run, pamela: Run, here: Path
):
    prompt = "floating rocks, " + ", ".join(f"pebble {n}" for n in range(120))
    assert small_run(prompt=prompt).code == 0
    listed = pamela("runs").out
    shown = pamela("show", "latest").out

    assert prompt in listed  # nobody watches, so nothing is cut
    assert shown.count(prompt) == 2  # the user's own and the best
    assert "floating rocks, pebble 0" in shown.split(prompt)[1]
    assert shown.count("pebble 60") == 2
    assert prompt in pamela("show", "latest", "initial").out
    assert pamela("runs", "--json").document["runs"][0]["prompt"] == prompt
    assert pamela("show", "latest", "--json").document["prompt"] == prompt
    assert prompt in pamela("export", "latest", "--to", "csv").out
