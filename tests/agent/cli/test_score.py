import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import PIL.Image
import PIL.PngImagePlugin
import pytest

from agent.cli.main import main
from scorer import UserProfile

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owl.json").write_text('{"user_id": "owl"}')
    text = PIL.PngImagePlugin.PngInfo()
    text.add_text("prompt", "a boat")
    PIL.Image.new("RGB", (8, 8), "red").save("named.png", pnginfo=text)
    PIL.Image.new("RGB", (8, 8), "blue").save("bare.png")
    return tmp_path


def score(*words: str) -> int:
    return main(["score", *words, "--user", "owl.json", "--scorer", "fake:noise"])


@pytest.mark.usefixtures("folder")
def test_the_table_names_pictures_and_guards(capsys: pytest.CaptureFixture[str]) -> None:
    assert score("named.png", "bare.png") == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("named.png", "bare.png", "noise", "saturation"))


@pytest.mark.usefixtures("folder")
def test_the_best_picture_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["named.png", "bare.png"]
    found = []
    for order in (names, names[::-1]):
        assert score(*order, "--json") == 0
        images = json.loads(capsys.readouterr().out)["images"]
        found.append([image["path"] for image in images])
        assert images[0]["score"] >= images[1]["score"]
    assert found[0] == found[1]


@pytest.mark.usefixtures("folder")
def test_the_prompt_is_that_of_the_option_then_of_the_picture(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert score("named.png", "bare.png", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {image["path"]: image["prompt"] for image in found["images"]} == {
        "named.png": "a boat",
        "bare.png": None,
    }
    assert score("named.png", "--prompt", "a house", "--json") == 0
    assert json.loads(capsys.readouterr().out)["images"][0]["prompt"] == "a house"


@pytest.mark.usefixtures("folder")
def test_a_picture_that_is_none_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert score("owl.json") == 2
    assert score("none.png") == 2
    told = capsys.readouterr().err
    assert "the picture 'owl.json' does not decode" in told
    assert "the picture 'none.png' does not exist" in told


def test_init_makes_a_profile_from_piped_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("owl\n34\nfemale\n\nfog, low light\n\nx\n"))
    assert main(["init", str(tmp_path / "new.json")]) == 0
    profile = UserProfile.load(tmp_path / "new.json")
    assert profile.demographics == {"age": 34, "gender": "female"}
    assert (profile.likes, profile.dislikes) == (("fog", "low light"), ())
    assert profile.notes == "x"


@pytest.mark.parametrize(
    ("answers", "told"), [("", "the name is empty"), ("owl\nold\n", "age = 'old'")]
)
def test_init_refuses_what_is_not_valid(
    answers: str,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answers))
    assert main(["init", str(tmp_path / "new.json")]) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("folder")
def test_init_overwrites_nothing() -> None:
    assert main(["init", "owl.json"]) == 2
    assert Path("owl.json").read_text() == '{"user_id": "owl"}'


def init_with(
    answers: bytes, folder: Path, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "agent.cli.main", "init", "new.json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        input=answers,
        capture_output=True,
        check=False,
    )


def test_init_says_what_is_wrong_as_soon_as_it_is(folder: Path) -> None:
    done = init_with(b"x" * 101 + b"\n", folder)

    assert done.returncode == 2
    assert b"Your age" not in done.stderr
    assert not (folder / "new.json").exists()


def test_init_takes_a_group_of_ages(folder: Path) -> None:
    assert init_with(b"ada\n18-21\n\n\n\n\n\n", folder).returncode == 0
    assert UserProfile.load(folder / "new.json").demographics == {"age": "18-21"}


def test_init_takes_only_text(folder: Path) -> None:
    done = init_with(b"a\xff\n", folder, LC_ALL="C", LANG="C")

    assert done.returncode == 2
    assert b"is not valid text: use UTF-8" in done.stderr


def test_init_asks_again_in_a_terminal(folder: Path) -> None:
    answers = b"\nada\nold\n34\n\n\nfog\n\n\n"
    ours, theirs = pty.openpty()
    os.write(ours, answers)
    done = subprocess.run(
        [sys.executable, "-m", "agent.cli.main", "init", "new.json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=theirs,
        capture_output=True,
        check=True,
        timeout=60,
    )
    os.close(ours)
    os.close(theirs)

    asked = done.stderr.decode()
    assert asked.count("A name for you") == asked.count("Your age") == 2
    assert "the name is empty" in asked
    assert "age = 'old'" in asked
    profile = UserProfile.load(folder / "new.json")
    assert (profile.user_id, profile.demographics) == ("ada", {"age": 34})
    assert profile.likes == ("fog",)
