"""Whole runs of a language model that sees, over a scripted server."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent import load_run
from tests.agent.lm.chat_server import ChatServer, Reply, chat_server, edits_reply

Pamela = Callable[..., Any]
FEW = ("--iterations", "2", "--branching", "2", "--beam-width", "2")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAMELA_CACHE_DIR", str(tmp_path / "cache"))


def looking(body: dict[str, Any], _number: int) -> Reply:
    """Answers what it sees, and edits that follow from it."""
    (url,) = pictures(body)
    text = body["messages"][-1]["content"][0]["text"]
    asked = re.search(r'"candidate_id": "c(\d+)", "iteration": (\d+)', text)
    assert asked is not None
    parent, iteration = map(int, asked.groups())
    critique = json.dumps({"shows": f"picture {url[-40:-20]}", "fits": "x", "lacks": "y"})
    edits = edits_reply(*(("mood", "x", f"rocks, {parent} {iteration} {n}") for n in range(2)))
    return Reply(f"[[ ## critique ## ]]\n{critique}\n\n{edits}")


def pictures(body: dict[str, Any]) -> list[str]:
    contents = [message["content"] for message in body["messages"]]
    blocks = [block for c in contents if isinstance(c, list) for block in c]
    return [block["image_url"]["url"] for block in blocks if block["type"] == "image_url"]


def lines() -> list[dict[str, Any]]:
    (path,) = Path("runs").glob("*/trajectory.jsonl")
    return [timeless(json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if k != "seconds"}
    return [timeless(v) for v in value] if isinstance(value, list) else value


def seeing(server: ChatServer) -> tuple[str, ...]:
    return ("--llm", "openai/scripted", "--llm-base-url", server.url, "--vision", *FEW)


def test_every_parent_is_seen_and_its_critique_is_in_the_trajectory(small_run: Pamela):
    with chat_server(looking) as server:
        answer = small_run(*seeing(server))

    (folder,) = Path("runs").iterdir()
    run = load_run(folder)
    critiques = [event for event in run.events if event.type == "critique"]
    shown = [pictures(body) for body in server.bodies]
    assert answer.code == 0
    assert run.config.vision
    assert len(critiques) == len(server.bodies) == 3
    assert all(len(urls) == 1 and len(urls[0]) < 90_000 for urls in shown)
    parents = {critique.message.partition(":")[0] for critique in critiques}
    assert len({url for urls in shown for url in urls}) == len(parents) == 2
    assert all(url.startswith("data:image/jpeg;base64,") for urls in shown for url in urls)
    assert critiques[0].message.startswith("of c0000: shows: picture ")
    assert "critique: of c0000" in answer.err
    assert [line for line in lines() if line.get("event") == "critique"]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_run_that_sees_resumes_to_the_same_lines_and_asks_nothing_twice(
    small_run: Pamela, pamela: Pamela, share: float
):
    with chat_server(looking) as server:
        small_run(*seeing(server))
        (path,) = Path("runs").glob("*/trajectory.jsonl")
        before, asked, whole = lines(), len(server.bodies), path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])
        answer = pamela("run", "--resume", "latest")

    assert answer.code == 0
    assert lines() == before
    assert len(server.bodies) == asked


def test_a_model_that_cannot_see_is_one_line(small_run: Pamela):
    with chat_server(lambda _body, _number: Reply("content must be a string", 400)) as server:
        answer = small_run(*seeing(server))

    assert answer.code == 2
    assert "'openai/scripted' takes no picture (" in answer.err
    assert "without --vision" in answer.err
    assert len(server.bodies) == 1


@pytest.mark.parametrize("spec", ["catalogue", "transformers:somewhere"])
def test_only_a_hosted_model_can_be_shown_pictures(small_run: Pamela, spec: str):
    answer = small_run("--llm", spec, "--vision")

    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert f"--vision shows pictures to a hosted model, and --llm is {spec!r}" in answer.err
    assert not list(Path().glob("runs/*"))


def test_instructions_that_were_tuned_without_pictures_are_not_used_with_them(small_run: Pamela):
    answer = small_run("--llm", "openai/scripted", "--vision", "--program", "llama")

    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "--program 'llama' was compiled for a model that is shown no pictures" in answer.err
    assert not list(Path().glob("runs/*"))
