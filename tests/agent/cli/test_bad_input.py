import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from agent import load_run
from tests.agent.lm.chat_server import Reply, chat_server, edits_reply

Pamela = Callable[..., Any]

RUN = ("run", "--user", "me.json", "--prompt", "rocks")
FAKE = (*RUN, "--renderer", "fake", "--iterations", "1", "--branching", "1")
PROFILES = {
    "missing.json": None,
    "broken.json": "{",
    "list.json": "[]",
    "nameless.json": "{}",
    "unknown.json": '{"user_id": "a", "mood": "good"}',
    "score.json": '{"user_id": "a", "ratings": [{"image": "a.png", "score": 9}]}',
    "gone.json": '{"user_id": "a", "ratings": [{"image": "gone.png", "score": 4}]}',
    "text.json": '{"user_id": "a", "ratings": [{"image": "text.png", "score": 4}]}',
    "outside.json": '{"user_id": "a", "ratings": [{"image": "../a.png", "score": 4}]}',
}
CASES = {
    "no command": ((), "COMMAND"),
    "unknown command": (("fly",), "'fly'"),
    "unknown option": ((*RUN, "--fast"), "--fast"),
    "abbreviated option": ((*RUN, "--beam", "2"), "--beam"),
    "no prompt": (("run", "--user", "me.json"), "--prompt is missing"),
    "no user": (("run", "--prompt", "rocks"), "--user is missing"),
    "empty prompt": (("run", "--user", "me.json", "--prompt", " \n"), "--prompt ' \\n' is empty"),
    "invisible prompt": (("run", "--user", "me.json", "--prompt", "\x00\x1b"), "is empty"),
    "long prompt": (("run", "--user", "me.json", "--prompt", "x" * 2001), "2001 characters"),
    "prompt that is no text": (("run", "--user", "me.json", "--prompt", "a\udcff"), "UTF-8"),
    "count that is no number": ((*RUN, "--seeds", "two"), "'two'"),
    "count out of range": ((*RUN, "--beam-width", "0"), "--beam-width 0"),
    "endless time": ((*RUN, "--time-limit", "inf"), "--time-limit inf"),
    "odd size": ((*RUN, "--size", "big"), "'big'"),
    "tiny size": ((*RUN, "--size", "1x1"), "--size '1x1'"),
    "unknown device": ((*RUN, "--device", "tpu"), "'tpu'"),
    "too few renders": ((*RUN, "--max-renders", "1"), "--max-renders 1"),
    "unknown renderer": ((*RUN, "--renderer", "easel"), "unknown renderer 'easel'"),
    "renderer that is no folder": ((*RUN, "--renderer", "diffusers:./no"), "'./no'"),
    "renderer that is a file": ((*RUN, "--renderer", "diffusers:me.json"), "'me.json' is a file"),
    "scorer that is a file": ((*FAKE, "--scorer", "pamela:me.json"), "no predictor in 'me.json'"),
    "scorer of a broken folder": ((*FAKE, "--scorer", "pamela:broken"), "'broken' can't be read"),
    "device that is not there": ((*FAKE, "--device", "mps"), "'mps'"),
    "unknown scorer": ((*RUN, "--renderer", "fake", "--scorer", "jury"), "unknown scorer 'jury'"),
    "unknown llm": ((*RUN, "--llm", "oracle"), "'oracle'"),
    "address without a scheme": ((*RUN, "--llm-base-url", "a:pass@c:1/v1"), "environment"),
    "port that is none": ((*RUN, "--llm-base-url", "http://c:99999"), "'http://c:99999'"),
    "address with a key": ((*RUN, "--llm-base-url", "http://a:b@c"), "environment"),
    "server of no hosted llm": ((*RUN, "--llm-base-url", "http://c"), "--llm is 'catalogue'"),
    "server of no hosted renderer": (
        (*RUN, "--image-base-url", "http://c"),
        "--renderer is 'miniature'",
    ),
    "runs folder that is a file": ((*RUN, "--runs-dir", "me.json"), "'me.json' can't be written"),
    "name that is too long": (("init", "x" * 5000), "too long"),
    "picture name that is too long": (
        ("score", "x" * 5000, "--user", "me.json"),
        "does not decode",
    ),
    "profile without a name": (("init", ""), "PROFILE ''"),
    "no such run": (("show", "nothing"), "'nothing' is no run"),
    "no run at all": (("run", "--resume", "latest"), "no run in 'runs'"),
    "folder that is no run": (("show", "."), "'.' is no run"),
}


@pytest.fixture(autouse=True)
def broken(here: Path) -> None:
    """The folder of a predictor whose configuration is no JSON."""
    (here / "broken").mkdir()
    for name in ("config.json", "model.safetensors", "adaptation.safetensors"):
        (here / "broken" / name).write_text("{")


PROGRESS = "loading models and drawing the first prompt\n"
"""Stands before what only shows when the first picture is drawn."""


def is_one_line(text: str) -> bool:
    text = text.removeprefix(PROGRESS)
    return text.startswith("pamela-agent: ") and text.count("\n") == 1


@pytest.mark.parametrize(("words", "told"), CASES.values(), ids=CASES)
def test_bad_input_is_one_line_and_exit_code_two(pamela: Pamela, words: tuple[str, ...], told: str):
    answer = pamela(*words)

    assert (answer.code, answer.out) == (2, "")
    assert is_one_line(answer.err), answer.err
    assert told in answer.err
    assert not [path for path in Path().glob("runs/*") if path.is_dir()]


@pytest.mark.parametrize(("words", "told"), CASES.values(), ids=CASES)
def test_bad_input_is_a_document_with_json(pamela: Pamela, words: tuple[str, ...], told: str):
    answer = pamela(*words, "--json")

    assert answer.code == 2
    assert list(answer.document) == ["error"]
    assert list(answer.document["error"]) == ["message"]
    assert is_one_line(answer.err), answer.err


@pytest.mark.parametrize("name", PROFILES)
def test_bad_profile_is_one_line_and_exit_code_two(pamela: Pamela, here: Path, name: str):
    (here / "inner").mkdir()
    PIL.Image.new("RGB", (4, 4)).save(here / "a.png")
    (here / "inner" / "text.png").write_text("no picture")
    if (content := PROFILES[name]) is not None:
        (here / "inner" / name).write_text(content)
    answer = pamela("run", "--user", f"inner/{name}", "--prompt", "rocks")

    assert (answer.code, answer.out) == (2, "")
    assert is_one_line(answer.err), answer.err
    assert name in answer.err


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--user", "pipe", "--prompt", "rocks"),
        (*RUN, "--warm-start", "pipe"),
        (*RUN, "--llm", "openai/a", "--llm-base-url", "http://localhost:1", "--program", "./pipe"),
        ("score", "pipe", "--user", "me.json"),
        ("train", "--data", "csv=pipe", "--out", "mine"),
        ("compare-llms", "--llm", "catalogue", "--prompts", "pipe", "--users", "me.json"),
        ("show", "piped"),
        ("run", "--resume", "piped"),
    ],
    ids=" ".join,
)
def test_a_pipe_is_not_waited_for(pamela: Pamela, here: Path, words: tuple[str, ...]):
    os.mkfifo(here / "pipe")
    (here / "piped").mkdir()
    os.mkfifo(here / "piped" / "run.json")
    answer = pamela(*words)

    assert answer.code == 2
    assert is_one_line(answer.err), answer.err
    assert "pipe" in answer.err


def test_profile_that_is_a_folder_is_bad_input(pamela: Pamela):
    assert pamela("run", "--user", ".", "--prompt", "rocks").code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_what_may_not_be_read_or_written_is_bad_input(pamela: Pamela, here: Path):
    (here / "locked").mkdir(mode=0o500)
    assert pamela(*RUN, "--runs-dir", "locked/runs").code == 2
    (here / "me.json").chmod(0)

    assert pamela(*RUN).code == 2


def test_a_password_in_an_address_is_not_repeated(pamela: Pamela):
    answer = pamela(*RUN, "--llm-base-url", "me:hunter2@localhost:1/v1", "--json")

    assert "hunter2" not in answer.out + answer.err


def test_a_user_who_is_named_again_must_be_the_same_also_when_all_is_done(
    pamela: Pamela, small_run: Pamela, here: Path
):
    (here / "other.json").write_text('{"user_id": "somebody-else"}')
    assert small_run().code == 0

    answer = pamela("run", "--resume", "latest", "--user", "other.json")

    assert answer.code == 2
    assert "somebody-else" in answer.err


def test_runs_names_the_damaged_ones(pamela: Pamela, small_run: Pamela, here: Path):
    assert small_run().code == 0
    (here / "runs" / "old").mkdir()
    (here / "runs" / "old" / "run.json").write_text("{")

    assert "old" in pamela("runs").err
    assert "its run.json can't be read" in pamela("show", "old").err


def test_a_prompt_of_the_greatest_length_can_be_edited(small_run: Pamela):
    answer = small_run("--json", prompt="rock " * 399 + "rocks")

    assert len(answer.document["candidates"]) > 1
    assert not answer.document["events"]


def test_a_model_that_vanishes_takes_no_run_away(
    pamela: Pamela, here: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    good = Reply(edits_reply(("mood", "calm", "rocks, calm")))
    gone = Reply("no such model", 404)
    fakes = ("--renderer", "fake", "--scorer", "fake:noise", "--iterations", "2")
    with chat_server(lambda _body, call: good if call == 0 else gone) as server:
        server_of = ("--llm", "openai/scripted", "--llm-base-url", server.url)
        first = pamela(*RUN, *fakes, *server_of)
        again = pamela("run", "--resume", "latest")

    assert (first.code, again.code) == (2, 2)
    assert "--resume" in first.err
    assert "knows no such model" in again.err
    (folder,) = (here / "runs").iterdir()
    assert len(load_run(folder).candidates) == 2
