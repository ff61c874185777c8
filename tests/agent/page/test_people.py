"""Profiles that can't be used, beside those that can."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli.main import main
from agent.look.page.rate import pictures_of
from tests.agent.page.serving import Served, serving, settings_for
from tests.agent.test_report import Page

DAMAGED = {"broken.json": '{"user_id": ', "copy.json": '{"user_id": "ann"}'}


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """One that can be used, one that is damaged, and a copy of the first."""
    folder = tmp_path / "people"
    folder.mkdir()
    for name, text in {"ann.json": '{"user_id": "ann"}', **DAMAGED}.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def served(run: Path, users: Path) -> Iterator[Served]:
    with serving(settings_for(run.parent, users=users)) as server:
        yield server


def test_a_damaged_profile_keeps_nobody_else_from_rating(served: Served, run: Path):
    answer = served.get("/rate")
    page = Page(answer.text)
    chosen = [value for tag, name, value in page.attributes if (tag, name) == ("option", "value")]

    assert answer.status_code == 200
    assert chosen == ["ann", f"run:{run.name}"]
    assert "Profiles that can’t be used" in page.text
    for name in DAMAGED:
        assert name in page.text
    assert served.get(f"/rate?who=ann&what=run:{run.name}").status_code == 200


def test_a_folder_whose_profiles_all_broke_says_so(served: Served, users: Path):
    for name in ("ann.json", "copy.json"):
        (users / name).unlink()
    answer = served.get("/rate")

    assert answer.status_code == 400
    assert "holds no profile that can be used" in answer.text
    assert "broken.json" in answer.text


@pytest.mark.parametrize("left", [(), ("broken.json",)])
def test_view_does_not_start_without_a_profile_that_can_be_used(
    users: Path, left: tuple[str, ...], capfd: pytest.CaptureFixture[str]
):
    for file in users.iterdir():
        if file.name not in left:
            file.unlink()
    code = main(["view", "--users", str(users), "--port", "0"])
    captured = capfd.readouterr()

    assert code == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert str(users) in captured.err


def test_pictures_of_a_run_are_meant_to_show_the_users_words(served: Served, run: Path):
    what = f"run:{run.name}"
    header = json.loads((run / "run.json").read_text())
    assert {words for _, words in pictures_of(served.site, what)} == {header["prompt"]}

    header["config"]["keep"] = "a rock"
    (run / "run.json").write_text(json.dumps(header))
    assert {words for _, words in pictures_of(served.site, what)} == {"a rock"}
