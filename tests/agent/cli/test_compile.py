"""Tuning the instructions, over a scripted server that follows some better than others."""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent import load_run
from agent.program import EditProgram, instructions_of, load_program
from agent.retry import RetryPolicy
from agent.tuning.optimisers import Proposing
from tests.agent.lm.chat_server import ChatServer, Reply, chat_server, edits_reply
from tests.agent.render.test_hosted import ImagesServer, picture, serving

Pamela = Callable[..., Any]
KEY = "sk-planted-0123456789abcdef"
BETTER = "Say GOLD, and write `count` edits of parent_prompt."
OUT = Path("prompts/compiled/mine.json")
COLOURS = {"gold": "blue", "fog": "black"}
"""What the words of an edit do to the pictures; all others are grey."""
GAIN = 1.5168
"""Of blue over grey for `fake:noise`, whose scores hang on the pixels alone."""
SMALL = (
    *("--scorer", "fake:noise", "--seeds", "1", "--heldout-seeds", "2"),
    *("--branching", "2", "--trainset", "prompts.jsonl", "--users", "me.json"),
)


def script(
    body: dict[str, Any],
    _number: int,
    *,
    needs: str = "GOLD",
    words: tuple[str, str] = ("gold", "fog"),
) -> Reply:
    """Babbles at first; follows better instructions, which it writes itself when it is asked to."""
    contents = [message["content"] for message in body["messages"]]
    system, last = contents[0], contents[-1]
    if "new_instruction" in system:  # GEPA
        return Reply(json.dumps({"new_instruction": BETTER}))
    outputs = re.findall(r"`\[\[ ## (\w+) ## \]\]`", last)
    if outputs and "edits" not in outputs:  # MIPRO
        answer = "".join(f"[[ ## {name} ## ]]\n{BETTER}\n\n" for name in outputs)
        return Reply(f"{answer}[[ ## completed ## ]]")
    found = re.search(r'"parent_prompt": "([^"]+)"', last)
    if needs not in system or found is None:
        return Reply("colourless green ideas sleep furiously")
    return Reply(edits_reply(*(("mood", f"add {w}", f"{found[1]}, {w}") for w in words)))


@pytest.fixture(autouse=True)
def lists(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAMELA_CACHE_DIR", str(here / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    quick = RetryPolicy(attempts=2, first_wait=0)
    monkeypatch.setattr("agent.lm.patient.RetryPolicy", lambda: quick)
    prompts = ("a rock", "a tower", "a boat", "a tent", "a car", "a cake")
    (here / "prompts.jsonl").write_text("".join(f'{{"prompt": "{p}"}}\n' for p in prompts))


def drawn(body: dict[str, Any]) -> dict[str, Any]:
    words = body["prompt"].split(", ")
    return picture(next((colour for word, colour in COLOURS.items() if word in words), "grey"))


@pytest.fixture
def images() -> Iterator[ImagesServer]:
    with serving(ImagesServer(script=[(200, drawn)])) as state:
        yield state


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server(script) as server:
        yield server


@pytest.fixture
def compile_(pamela: Pamela, images: ImagesServer) -> Pamela:
    def run(url: str, *words: str, optimizer: str = "gepa", out: Path = OUT) -> Any:
        model = ("--llm", "openai/scripted", "--llm-base-url", url)
        drawing = ("--renderer", "openai:drawn", "--image-base-url", f"{images.url}/v1")
        how = ("--optimizer", optimizer, "--max-calls", "24", "--out", str(out))
        return pamela("compile", *model, *drawing, *how, *SMALL, *words)

    return run


@pytest.mark.parametrize("optimizer", ["gepa", "mipro"])
def test_better_instructions_are_found_measured_and_used(
    compile_: Pamela, small_run: Pamela, server: ChatServer, optimizer: str
):
    answer = compile_(server.url, "--json", "--no-llm-cache", optimizer=optimizer)
    document = answer.document

    assert answer.code == 0
    assert BETTER in document["instructions"]
    assert document["changed"]
    assert document["before"] == {"mean": 0.0, "ci95": [0.0, 0.0]}
    assert document["after"]["mean"] == pytest.approx(GAIN, abs=1e-3)
    assert document["difference"] == document["after"]
    assert document["prompts"] == {"train": 2, "validation": 2, "test": 2}
    assert document["spent"]["llm_calls"] == len(server.bodies)
    loaded = EditProgram()
    loaded.load(OUT)
    assert loaded.instructions == document["instructions"]
    assert document["instructions"] in instructions_of(loaded.repair)

    asked = len(server.chats)
    model = ("--llm", "openai/scripted", "--llm-base-url", server.url)
    assert small_run(*model, "--program", "mine").code == 0
    (folder,) = Path("runs").iterdir()
    header = json.loads((folder / "run.json").read_text())
    assert header["config"]["program"] == header["parts"]["proposer"]["program"] == "mine"
    assert header["parts"]["proposer"]["program_sha256"] == load_program(str(OUT)).sha256
    assert all(BETTER in chat for chat in server.chats[asked:])
    assert load_run(folder).events == ()
    for file in (file for file in Path().rglob("*") if file.is_file()):
        assert KEY.encode() not in file.read_bytes(), file
    assert KEY not in answer.out + answer.err


def test_no_more_is_spent_than_was_said(compile_: Pamela, server: ChatServer):
    def words(most: str) -> tuple[str, ...]:
        rewriting = ("--reflection-llm", f"openai/gpt-4o@{server.url}")
        return ("--llm", "openai/gpt-4o-mini", *rewriting, "--max-cost", most)

    answer = compile_(server.url, *words("0.00001"), "--json")
    asked = len(server.bodies)

    assert answer.code == 1
    assert "--max-cost 1e-05 US dollars reached, nothing is written: give more" in answer.err
    assert not OUT.exists()
    assert 0 < asked < 12

    again = compile_(server.url, *words("1"), "--json")
    assert again.code == 0
    assert len(server.bodies) > asked
    assert 0 < again.document["spent"]["cost_usd"] < 1


def test_gepa_is_told_what_was_wrong_with_each_answer(compile_: Pamela, server: ChatServer):
    assert compile_(server.url).code == 0

    reflections = [chat for chat in server.chats if "examples_with_feedback" in chat]
    assert "The answer gave no edit that can be tried: the answer lacks the field" in reflections[0]
    assert "colourless green ideas" in reflections[0]
    assert len(reflections) > 1
    assert "[mood: add gold] raised the score (+1.52)." in reflections[-1]
    assert "The gain held on new seeds for the best edit [mood: add gold]" in reflections[-1]


def test_the_same_words_ask_nothing_twice_and_find_the_same(compile_: Pamela, server: ChatServer):
    first = compile_(server.url, "--json").document
    asked = len(server.bodies)
    again = compile_(server.url, "--json", out=Path("again.json")).document

    assert len(server.bodies) == asked
    assert {**again, "out": first["out"], "spent": 0} == {**first, "spent": 0}


def test_what_came_of_it_is_said_for_people_too(compile_: Pamela, server: ChatServer):
    answer = compile_(server.url)

    assert f"  {BETTER}" in answer.out
    assert "+0.00 [0.00, 0.00] before, +1.52 [1.52, 1.52] after, on 2 prompts" in answer.out
    assert "use it with --program mine" in answer.out
    assert "not surely better" not in answer.out
    assert "25 of about 32 answers judged, mean gain +" in answer.err


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        (Reply("no", 401), 2, "the language model 'openai/scripted' was refused (HTTP 401)"),
        (Reply("broken", 500), 1, "'openai/scripted' gave no answer"),
    ],
)
@pytest.mark.parametrize("after", [0, 9])
def test_a_language_model_that_fails_ends_it_and_nothing_is_written(
    compile_: Pamela, failure: Reply, code: int, said: str, after: int
):
    def failing(body: dict[str, Any], number: int) -> Reply:
        return script(body, number) if number < after else failure

    with chat_server(failing) as server:
        answer = compile_(server.url)

    assert (answer.code, len(answer.err.splitlines())) == (code, 1)
    assert said in answer.err
    assert not OUT.exists()
    assert len(server.bodies) < after + 20


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--llm", "catalogue"), "--llm 'catalogue' follows no instructions"),
        (("--max-calls", "3"), "--max-calls 3 is too few for 4 situations"),
        (("--heldout-seeds", "0"), "--heldout-seeds 0 leaves no gain"),
        (("--out", "x.pkl"), "--out 'x.pkl' is no name of a program"),
        (("--out", "me.json"), "'me.json' is somebody's profile: name another file"),
        (("--reflection-llm", "catalogue"), "--reflection-llm 'catalogue' writes no instructions"),
        (("--trainset", "two.txt"), "--trainset holds 2 prompts: give 3 or more"),
        (("--auto", "light"), "not allowed with argument"),
        (("--keep", "a rock"), "unrecognized arguments: --keep"),
    ],
)
def test_bad_input_is_one_line_and_asks_nothing(
    pamela: Pamela, server: ChatServer, words: tuple[str, ...], said: str
):
    Path("two.txt").write_text("a rock\na boat\n")
    usual = {"--llm": "openai/x", "--optimizer": "gepa", "--max-calls": "24", "--out": str(OUT)}
    usual |= (
        {} if words[1] == "catalogue" and words[0] == "--llm" else {"--llm-base-url": server.url}
    )
    given = [word for name in usual if name != words[0] for word in (name, usual[name])]
    answer = pamela("compile", *given, *SMALL, *words)

    assert (answer.code, len(answer.err.splitlines())) == (2, 1)
    assert said in answer.err
    assert server.bodies == []


def test_an_unknown_program_says_which_there_are(small_run: Pamela, server: ChatServer):
    model = ("--llm", "openai/x", "--llm-base-url", server.url)
    assert "there is none in prompts/compiled" in small_run(*model, "--program", "nine").err
    OUT.parent.mkdir(parents=True)
    OUT.write_text("{}")

    answer = small_run(*model, "--program", "nine")
    assert answer.code == 2
    assert "--program 'nine' is no compiled program: there are mine; make one with" in answer.err
    assert (
        "is not valid (it lacks what a program has)" in small_run(*model, "--program", "mine").err
    )
    assert "is for a language model" in small_run("--program", "mine").err
    assert server.bodies == []


def test_of_a_file_from_elsewhere_only_words_are_used(server: ChatServer):
    state = EditProgram().dump_state()
    state["propose"]["signature"]["instructions"] = "Be kind."
    state["propose"]["lm"] = {"model": "openai/evil", "api_base": server.url}
    state["propose"]["forward"] = "gone"
    Path("other.json").write_text(json.dumps({**state, "metadata": {}}))
    program = load_program("other.json").program

    assert program.propose.lm is None
    assert program.instructions == "Be kind."
    assert callable(program.propose.forward)
    assert isinstance(Proposing(program).propose, type(program.propose))


@pytest.mark.slow
def test_the_miniature_draws_and_its_predictor_and_guards_are_heard(pamela: Pamela):
    Path("prompts.txt").write_text("a tower\na boat\na tent\n")
    few = ("--seeds", "1", "--heldout-seeds", "2", "--branching", "2", "--max-calls", "10")
    lists = ("--trainset", "prompts.txt", "--users", "me.json", "--optimizer", "gepa")
    willing = partial(script, needs="", words=("at golden hour", "in moonlight"))
    with chat_server(willing) as server:
        model = ("--llm", "openai/scripted", "--llm-base-url", server.url, "--device", "cpu")
        answer = pamela("compile", *model, *few, *lists, "--out", str(OUT), "--json")

    assert answer.code == 0
    assert answer.document["spent"]["pictures"] >= 15
    told = [chat for chat in server.chats if "examples_with_feedback" in chat]
    assert re.search(
        r"the score \([+-]\d\.\d\d, adherence to the user's prompt \d\.\d\d\)", told[0]
    )
    assert load_program(str(OUT)).program.instructions == answer.document["instructions"]
