"""Language models side by side, over a scripted server."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent import load_run
from agent.names import LINES
from agent.retry import RetryPolicy
from tests.agent.lm.chat_server import Reply, chat_server, edits_reply

Pamela = Callable[..., Any]
SMALL = (
    *("--renderer", "fake", "--scorer", "fake:noise", "--iterations", "1", "--quiet"),
    *("--beam-width", "1", "--branching", "2", "--heldout-seeds", "3"),
)
ADDED = ("neon", "fog", "dusk", "snow")


@pytest.fixture(autouse=True)
def lists(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two prompts and two people."""
    monkeypatch.setenv("PAMELA_CACHE_DIR", str(here / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789abcdef")
    monkeypatch.setattr("agent.program.RetryPolicy", lambda: RetryPolicy(attempts=2, first_wait=0))
    (here / "prompts.txt").write_text("floating rocks\n\na tower\n")
    (here / "users").mkdir()
    for name in ("ann", "bob"):
        (here / "users" / f"{name}.json").write_text(json.dumps({"user_id": name}))


def script(body: dict[str, Any], number: int) -> Reply:
    """A good model adds words, a lazy one says the same twice, a bad one babbles."""
    chat = body["messages"][-1]["content"]
    found = re.search(r'"parent_prompt": "([^"]+)"', chat)
    parent = found[1] if found else ""
    match body["model"]:
        case "good":
            return Reply(edits_reply(*(("mood", f"add {w}", f"{parent}, {w}") for w in ADDED[:2])))
        case "lazy":
            return Reply(edits_reply(*[("mood", "add ice", f"{parent}, ice")] * 2))
        case _:
            return Reply("colourless green ideas")


@pytest.fixture
def compare(pamela: Pamela) -> Pamela:
    def run(url: str, *words: str, llms: tuple[str, ...] = ("good", "lazy")) -> Any:
        named = [word for name in llms for word in ("--llm", f"openai/{name}@{url}")]
        lists = ("--prompts", "prompts.txt", "--users", "users")
        return pamela("compare-llms", *named, *lists, *SMALL, *words)

    return run


def test_all_are_compared_on_the_same_seeds_and_budgets(compare: Pamela):
    with chat_server(script) as server:
        answer = compare(server.url, "--json")
    document = answer.document
    catalogue, good, lazy = document["llms"]

    assert answer.code == 0
    assert [one["llm"].partition("@")[0] for one in document["llms"]] == [
        "catalogue",
        "openai/good",
        "openai/lazy",
    ]
    assert [one["runs"] for one in document["llms"]] == [4, 4, 4]
    assert catalogue["beyond_catalogue"] is None
    assert good["beyond_catalogue"]["mean"] == pytest.approx(
        good["gain"]["mean"] - catalogue["gain"]["mean"]
    )
    assert good["edits"] == {"asked": 8, "valid": 8, "distinct": 2, "stepped_in": 0, "rate": 1.0}
    assert (lazy["edits"]["valid"], lazy["edits"]["rate"]) == (4, 0.5)
    assert (good["llm_calls"], good["tokens_in"], good["tokens_out"]) == (4, 400, 80)
    runs = [load_run(Path("runs") / run["id"]) for run in document["runs"]]
    assert len({run.config.seed for run in runs}) == 1
    starts = {(run.prompt, run.user_id): set[float | None]() for run in runs}
    for run in runs:
        assert run.initial is not None
        starts[run.prompt, run.user_id].add(run.initial.score)
    assert [len(scores) for scores in starts.values()] == [1] * 4


def test_the_table_names_every_model_and_its_figures(compare: Pamela):
    with chat_server(script) as server:
        out = compare(server.url, llms=("lazy",)).out

    assert re.search(r"catalogue .* 100 % of 8", out)
    assert re.search(r"openai/lazy@http://127\S+ .* 50 % of 8 .* 400/80", out)
    assert "4 searches each" in out


def test_what_is_there_is_not_run_again_and_a_new_model_joins(compare: Pamela):
    with chat_server(script) as server:
        first = compare(server.url, "--json", llms=("good",)).document
        calls = len(server.bodies)
        again = compare(server.url, "--json").document

    assert len(server.bodies) == 2 * calls
    assert all(run["there_already"] for run in again["runs"][: len(first["runs"])])
    assert again["llms"][:2] == first["llms"]
    assert len(list(Path("runs").iterdir())) == 12


def test_an_interrupted_search_is_gone_on_with(compare: Pamela):
    with chat_server(script) as server:
        first = compare(server.url, "--json", llms=("good",)).document
        cut = Path("runs") / first["runs"][5]["id"] / LINES
        lines = cut.read_text().splitlines(keepends=True)
        cut.write_text("".join(lines[:4]))
        again = compare(server.url, "--json", llms=("good",)).document

    there = [run.pop("there_already") for run in again["runs"]]
    assert there == [number != 5 for number in range(8)]
    assert [run | {"there_already": False} for run in again["runs"]] == first["runs"]
    assert len(list(Path("runs").iterdir())) == 8


def test_a_model_of_no_use_is_told_apart_from_what_stepped_in(compare: Pamela):
    with chat_server(script) as server:
        document = compare(server.url, "--json", llms=("bad",)).document
    bad = document["llms"][1]

    assert (bad["edits"]["valid"], bad["edits"]["stepped_in"], bad["failed"]) == (0, 4, 0)


def test_without_a_fallback_it_fails_and_the_others_do_not(compare: Pamela):
    with chat_server(script) as server:
        answer = compare(server.url, "--json", "--fallback", "none", llms=("bad", "good"))
    _, bad, good = answer.document["llms"]

    assert answer.code == 1
    assert "'openai/bad' gave no usable edit" in answer.err
    assert (bad["failed"], bad["gain"], bad["edits"]["rate"]) == (4, None, 0.0)
    assert (good["failed"], good["edits"]["rate"]) == (0, 1.0)


@pytest.mark.parametrize(
    ("prompts", "llm", "said"),
    [
        ("", "openai/x@http://127.0.0.1:9/v1", "holds no prompt"),
        ("a\nb\na\n", "openai/x@http://127.0.0.1:9/v1", "line 3: 'a' stands in line 1 already"),
        ("a", "opnai/x", "unknown language model 'opnai/x'"),
        ("a", "openai/x@http://me:secret@host", "holds a user name, a password or a query"),
        ("a" * 2001, "openai/x@http://127.0.0.1:9/v1", "line 1: 'aaaa"),
    ],
)
def test_bad_input_is_one_line_and_begins_nothing(
    pamela: Pamela, prompts: str, llm: str, said: str
):
    Path("prompts.txt").write_text(prompts)
    words = ("--llm", llm, "--prompts", "prompts.txt", "--users", "users", *SMALL)
    answer = pamela("compare-llms", *words)

    assert answer.code == 2
    assert said in answer.err
    assert len(answer.err.splitlines()) == 1
    assert "secret" not in answer.err
    assert not Path("runs").exists() or not list(Path("runs").iterdir())


def test_many_prompts_have_no_words_in_common_to_keep(pamela: Pamela):
    words = ("--llm", "openai/x", "--prompts", "prompts.txt", "--users", "users", "--keep", "rock")
    answer = pamela("compare-llms", *words)

    assert (answer.code, "unrecognized arguments: --keep" in answer.err) == (2, True)


def test_prompts_may_come_as_json_lines_and_people_must_differ(pamela: Pamela):
    Path("prompts.jsonl").write_text('{"prompt": "a rock"}\n{"promt": "a tower"}\n')
    words = ("compare-llms", "--llm", "catalogue", "--prompts", "prompts.jsonl", "--users", "users")

    assert "line 2 is not {" in pamela(*words, *SMALL).err
    Path("prompts.jsonl").write_text('{"prompt": "a rock"}\n')
    Path("users/carl.json").write_text('{"user_id": "ann"}')
    assert "'ann.json' and 'carl.json' have the same user_id" in pamela(*words, *SMALL).err


def test_what_is_asked_ahead_is_not_counted_twice(compare: Pamela):
    wide = ("--beam-width", "2", "--iterations", "3", "--json")
    with chat_server(script) as server:
        catalogue, good = compare(server.url, *wide, llms=("good",)).document["llms"]

    assert catalogue["edits"]["asked"] == good["edits"]["asked"] == 4 * 3 * 4
    assert good["llm_calls"] > 4 * 3
