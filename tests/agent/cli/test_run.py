import json
import shlex
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent import RunConfig, load_run
from agent.cli.main import build_parser
from agent.cli.options import GROUPS
from agent.store import RunStore
from agent.text import marked, word_diff

Run = Callable[..., Any]
KEYS = [
    "schema_version", "id", "status", "prompt", "user_id", "config", "origin", "initial",
    "best", "gain", "steps", "candidates", "events", "heldout", "usage",
]  # fmt: skip
NASTY = {
    "newline": "floating\nrocks",
    "quotes": "\"floating\" 'rocks' `x` $(x)",
    "emoji": "rocks 🪨👩‍🎨",
    "path": "../../../etc/passwd",
    "html": "<script>alert(1)</script> & rocks",
    "escape": "rocks \x1b[2J\x1b]0;title\x07\x9b31m",
    "markup": "[bold red]rocks[/] :smile:",
    "direction": "rocks \u202egnp.exe",
    "long": "rock " * 400,
    "option": "--json rocks",
}


def test_run_prints_the_document_of_show(small_run: Run, pamela: Run):
    answer = small_run("--json")

    assert answer.code == 0
    assert list(answer.document) == KEYS
    assert answer.document == pamela("show", "latest", "--json").document
    assert answer.document["status"] == "done"
    assert answer.document["gain"]["heldout"] is not None
    assert len(answer.document["gain"]["heldout_ci95"]) == 2


def test_run_says_what_it_found_and_where(small_run: Run, here: Path):
    answer = small_run()
    (folder,) = (here / "runs").iterdir()

    assert answer.code == 0
    assert "Best prompt  floating rocks" in answer.out
    assert f"runs/{folder.name}/images" in answer.out
    assert f"pamela-agent show runs/{folder.name}" in answer.out
    assert "iteration 1/1" in answer.err


def test_quiet_run_shows_no_progress(small_run: Run):
    answer = small_run("--quiet", "--json")

    assert answer.err == ""
    assert answer.document["status"] == "done"


@pytest.mark.parametrize("prompt", NASTY.values(), ids=NASTY)
def test_nasty_prompt_works_and_harms_nothing(small_run: Run, here: Path, prompt: str):
    answer = small_run(prompt=prompt)
    run = load_run(next((here / "runs").iterdir()))
    shown = answer.out + answer.err

    assert answer.code == 0
    assert run.prompt == prompt
    assert not [c for c in shown if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160]
    assert "\u202e" not in shown
    assert {path.name for path in here.iterdir()} == {"me.json", "runs"}
    assert json.loads((here / "runs" / run.id / "run.json").read_text())["prompt"] == prompt


def test_runs_are_listed_newest_first(small_run: Run, pamela: Run):
    ids = [small_run("--json", prompt=prompt).document["id"] for prompt in ("a rock", "a boat")]
    answer = pamela("runs", "--json")

    assert [run["id"] for run in answer.document["runs"]] == ids[::-1]
    assert "a rock" in pamela("runs").out


def test_no_runs_are_an_empty_list(pamela: Run):
    assert pamela("runs", "--json").document == {"schema_version": 1, "runs": []}
    assert pamela("runs").code == 0


def test_show_prints_every_candidate_with_its_prompt_marked(small_run: Run, pamela: Run):
    run = small_run("--json").document
    shown = pamela("show", run["id"]).out
    prompts = {candidate["id"]: candidate["prompt"] for candidate in run["candidates"]}

    for candidate in run["candidates"]:
        before = prompts.get(candidate["parent"], candidate["prompt"])
        assert candidate["id"] in shown
        assert marked(word_diff(before, candidate["prompt"])) in shown


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("mossy\u200b rocks", "mossy\\u200b rocks"),
        ("\u202emossy\u202c rocks", "\\u202emossy\\u202c rocks"),
        ("\x1b[31mmossy\x1b[0m rocks", "\\x1b[31mmossy\\x1b[0m rocks"),
    ],
)
def test_what_shows_nothing_in_a_prompt_is_shown_and_costs_no_edit(
    small_run: Run, pamela: Run, here: Path, prompt: str, shown: str
):
    answer = small_run("--stray", "none", prompt=prompt)
    run = load_run(next((here / "runs").iterdir()))

    assert len(run.candidates) > 1
    assert {c.status for c in run.candidates} == {"scored"}
    assert run.candidates[0].prompt == prompt
    for told in (answer.out + answer.err, pamela("show", "latest").out, pamela("runs").out):
        assert shown in told
        assert not {"\u200b", "\u202e", "\x1b"} & set(told)


def test_earlier_run_is_never_overwritten(small_run: Run, here: Path):
    small_run()
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    small_run()

    assert all(path.read_bytes() == content for path, content in before.items())
    assert len(list((here / "runs").iterdir())) == 2


def test_finished_run_is_printed_again(small_run: Run, pamela: Run):
    done = small_run("--json")
    again = pamela("run", "--resume", "latest", "--json")

    assert again.code == 0
    assert again.document == done.document


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--seeds", "3"), "--seeds 2, not 3"),
        (("--renderer", "scene"), "--renderer 'fake', not 'scene'"),
        (("--prompt", "other"), "--prompt 'floating rocks', not 'other'"),
    ],
)
def test_resume_with_another_configuration_names_what_differs(
    small_run: Run, pamela: Run, words: tuple[str, ...], told: str
):
    small_run()
    answer = pamela("run", "--resume", "latest", *words)

    assert answer.code == 2
    assert told in answer.err


def test_resume_with_the_same_configuration_is_fine(small_run: Run):
    small_run()

    assert small_run("--resume", "latest").code == 0


@pytest.fixture
def unfinished(small_run: Run, here: Path) -> Path:
    """A run that was stopped before its held-out pictures."""
    small_run()
    folder = next((here / "runs").iterdir())
    path = folder / "trajectory.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        b"".join(line for line in lines if b'"heldout"' not in line)[: -len(lines[-1])]
    )
    return folder


def test_unfinished_run_goes_on_without_user_and_prompt(unfinished: Path, pamela: Run):
    assert load_run(unfinished).status == "interrupted"
    answer = pamela("run", "--resume", unfinished.name[:20], "--json")

    assert (answer.code, answer.document["status"]) == (0, "done")


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ('{"user_id": "night-owl", "likes": ["snow"]}', "has changed"),
        ('{"user_id": "lark"}', "'night-owl'"),
        ("{", "is not JSON"),
    ],
)
def test_changed_profile_is_refused(
    unfinished: Path, pamela: Run, here: Path, profile: str, told: str
):
    (here / "me.json").write_text(profile)
    answer = pamela("run", "--resume", "latest")

    assert answer.code == 2
    assert told in answer.err


def test_a_project_can_be_moved_with_its_runs(
    unfinished: Path, pamela: Run, here: Path, monkeypatch: pytest.MonkeyPatch
):
    assert str(here) not in (unfinished / "run.json").read_text()
    moved = here.rename(here.with_name("elsewhere"))
    monkeypatch.chdir(moved)

    assert pamela("run", "--resume", "latest").code == 0


def test_moved_profile_is_the_same_profile(unfinished: Path, pamela: Run, here: Path):
    (here / "me.json").rename(here / "moved.json")

    gone = pamela("run", "--resume", "latest")
    assert (gone.code, "is gone: say with --user" in gone.err) == (2, True)
    assert pamela("run", "--resume", "latest", "--user", "moved.json").code == 0


def test_run_at_work_is_refused(unfinished: Path, pamela: Run):
    with RunStore.resume(unfinished):
        answer = pamela("run", "--resume", "latest")

    assert answer.code == 2
    assert "held by another process" in answer.err


class Refusing(BaseHTTPRequestHandler):
    """An images API that refuses and repeats the key that it was given."""

    def do_POST(self) -> None:
        body = {"error": {"message": f"no: {self.headers['Authorization']}"}}
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Refusing) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}/v1"
        http.shutdown()
        thread.join()


def test_failed_run_prints_its_document_and_the_reason_without_the_key(
    small_run: Run, here: Path, server: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "very-secret-value")
    answer = small_run("--renderer", "openai:any", "--image-base-url", server, "--json")
    written = "".join(p.read_text() for p in here.rglob("*.json*"))

    assert answer.code == 1
    assert list(answer.document) == KEYS
    assert (answer.document["status"], answer.document["best"]) == ("failed", None)
    assert answer.document["gain"] == {"search": None, "heldout": None, "heldout_ci95": None}
    assert "the first prompt could not be drawn" in answer.err
    assert "very-secret-value" not in answer.out + answer.err + written


def test_every_setting_has_an_option_that_tells_its_default():
    options = {option.field: option for group in GROUPS.values() for option in group}
    config = RunConfig()

    assert set(options) == set(RunConfig.model_fields)
    for name, option in options.items():
        default = getattr(config, name)
        said = {True: "on", False: "off"}.get(default, default) if option.switch else default
        if default is not None:
            assert f"(default: {said})" in option.help, name


@pytest.mark.parametrize("command", ["run", "show", "runs"])
def test_help_teaches_with_examples(pamela: Run, command: str):
    answer = pamela(command, "--help")

    assert answer.code == 0
    examples = answer.out.split("examples:")[1].strip().splitlines()
    for example in examples:
        assert example.split()[:2] == ["pamela-agent", command]
        build_parser([command]).parse_args(shlex.split(example)[1:])


def test_version_is_printed(pamela: Run):
    answer = pamela("--version")

    assert (answer.code, answer.out.split()[0]) == (0, "pamela-agent")


def test_damaged_picture_is_named_before_anything_is_drawn(unfinished: Path, pamela: Run):
    damaged = next((unfinished / "images").iterdir())
    damaged.write_bytes(b"")
    answer = pamela("run", "--resume", "latest")

    assert answer.code == 2
    assert f"{damaged.name}' is gone or damaged" in answer.err


def test_language_model_that_is_not_there_fails_a_run_that_can_go_on(
    small_run: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    nobody = ("--llm", "openai/none", "--llm-base-url", "http://127.0.0.1:9/v1")
    answer = small_run(*nobody, "--fallback", "none", "--json")

    assert answer.code == 1
    assert answer.document["status"] == "failed"
    assert answer.document["gain"] == {"search": None, "heldout": None, "heldout_ci95": None}
    assert "gave no answer" in answer.err
    assert not any(
        '"type": "proposal"' in path.read_text() for path in Path("runs").glob("*/trajectory.jsonl")
    )


def test_show_cuts_nothing_where_nobody_watches(
    small_run: Run, pamela: Run, monkeypatch: pytest.MonkeyPatch
):
    prompt = "rocks " + "that float " * 30
    small_run(prompt=prompt)
    for columns in ("40", "0"):
        monkeypatch.setenv("COLUMNS", columns)
        shown = pamela("show", "latest").out
        assert shown.count(prompt.strip()) >= 2
        assert len(shown) < 6000
        assert len(pamela("runs").out) > 100


def test_runs_without_a_language_model_speak_of_none(small_run: Run, pamela: Run):
    small_run()
    assert "language model" not in pamela("show", "latest").out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--runs-dir", ""), "--runs-dir: it is empty"),
        (("--user", ""), "--user: it is empty"),
    ],
)
def test_empty_path_is_refused(pamela: Run, words: tuple[str, str], told: str):
    answer = pamela("run", "--prompt", "rocks", *words)

    assert (answer.code, told in answer.err) == (2, True)
