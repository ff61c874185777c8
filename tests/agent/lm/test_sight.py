"""A language model is shown the parent's picture, says what it sees, and nothing is remembered."""

import base64
import gc
import io
import json
from functools import partial
from pathlib import Path
from typing import Any

import dspy
import numpy as np
import PIL.Image
import pytest
from dspy.clients.base_lm import GLOBAL_HISTORY

from agent.errors import InputError, RunError
from agent.lm.sight import LARGEST, SIDES, TAKEN_OUT, Critique, small_jpeg
from agent.program import make_proposer
from agent.proposer import ProposalRequest, Proposals
from agent.retry import RetryPolicy
from tests.agent.lm.chat_server import ChatServer, Reply, chat_server, edits_reply
from tests.agent.lm.requests import asking
from tests.agent.lm.test_hosted import GOOD, MOON, next_of

QUICK = RetryPolicy(attempts=2, first_wait=0.001)
SAID = {"shows": "a rock", "fits": "the calm", "lacks": "low light"}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0123456789abcdef")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (700, 1000, 3), dtype=np.uint8)
    PIL.Image.fromarray(noise).save(tmp_path / "parent.png")
    return tmp_path / "parent.png"


def seen(critique: str = json.dumps(SAID)) -> Reply:
    return Reply(f"[[ ## critique ## ]]\n{critique}\n\n{edits_reply(MOON)}")


def proposals(*replies: Reply, request: ProposalRequest) -> tuple[Proposals, ChatServer]:
    with chat_server(partial(next_of, replies)) as server:
        proposer = make_proposer("openai/scripted", base_url=server.url, vision=True, policy=QUICK)
        return proposer.propose([request])[0], server


def parts(server: ChatServer, kind: str, number: int = 0) -> list[dict[str, Any]]:
    contents = [m["content"] for m in server.bodies[number]["messages"]]
    blocks = [block for c in contents if isinstance(c, list) for block in c]
    return [block for block in blocks if block["type"] == kind]


def critiques(answer: Proposals) -> list[str]:
    return [event.message for event in answer.events if event.type == "critique"]


def test_the_picture_goes_along_as_a_small_jpeg(picture: Path):
    _, server = proposals(seen(), request=asking(picture=picture))

    (block,) = parts(server, "image_url")
    head, _, content = block["image_url"]["url"].partition(",")
    data = base64.b64decode(content, validate=True)
    small = PIL.Image.open(io.BytesIO(data))
    assert head == "data:image/jpeg;base64"
    assert small.format == "JPEG"
    assert len(data) <= LARGEST
    assert max(small.size) <= SIDES[0]
    assert small.width / small.height == pytest.approx(1000 / 700, abs=0.02)


def test_a_plain_picture_is_shown_at_its_size(tmp_path: Path):
    PIL.Image.new("RGB", (128, 96), "red").save(tmp_path / "red.png")

    shown = PIL.Image.open(io.BytesIO(small_jpeg(tmp_path / "red.png"))).convert("RGB")

    assert shown.size == (128, 96)
    red, green, blue = np.asarray(shown).mean(axis=(0, 1))
    assert red > 250
    assert max(green, blue) < 5


def test_the_request_is_the_same_json_with_a_picture_and_without(picture: Path):
    _, server = proposals(seen(), request=asking(picture=picture))

    assert asking(picture=picture).model_dump_json() == asking().model_dump_json()
    assert str(picture) not in json.dumps(server.bodies)
    assert '"parent_prompt": "a rock"' in parts(server, "text")[0]["text"]


def test_the_critique_comes_first_and_is_told(picture: Path):
    answer, server = proposals(seen(), request=asking(picture=picture))
    texts = json.dumps(server.bodies[0])

    assert [edit.prompt for edit in answer.edits] == [MOON[2]]
    assert critiques(answer) == ["of c0000: shows: a rock; fits: the calm; lacks: low light"]
    assert texts.index("[[ ## critique ## ]]") < texts.index("[[ ## edits ## ]]")
    assert "Look at it before you write edits" in " ".join(texts.replace("\\n", " ").split())


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (seen("The light is flat."), ["of c0000: lacks: The light is flat."]),
        (seen('{"lacks": "\\u001b[31mred\\u0007 light"}'), ["of c0000: lacks: red light"]),
        (seen('{"shows": ""}'), []),
        (GOOD, []),
        (Reply(json.dumps({"critique": SAID, "edits": [{"prompt": "b"}]})), 1),
        (Reply("lighting | light it by the moon | a rock, in moonlight"), []),
    ],
)
def test_edits_are_taken_whatever_becomes_of_the_critique(
    picture: Path, reply: Reply, told: list[str] | int
):
    answer, server = proposals(reply, request=asking(picture=picture))

    assert len(answer.edits) >= 1
    assert len(server.bodies) == 1
    assert critiques(answer) == told or len(critiques(answer)) == told


def test_a_repair_sees_the_picture_too(picture: Path):
    answer, server = proposals(Reply("no"), seen(), request=asking(picture=picture))

    assert [len(parts(server, "image_url", number)) for number in (0, 1)] == [1, 1]
    assert [event.type for event in answer.events] == ["retry", "critique"]


def test_nothing_remembers_the_picture(picture: Path):
    GLOBAL_HISTORY.clear()
    with chat_server(partial(next_of, (seen(),))) as server:
        proposer = make_proposer("openai/scripted", base_url=server.url, vision=True)
        proposer.propose([asking(picture=picture, candidate_id=f"c000{n}") for n in range(3)])

    gc.collect()
    program: Any = proposer._program  # pyright: ignore[reportPrivateUsage]
    assert [entry["prompt"] for entry in GLOBAL_HISTORY] == [TAKEN_OUT] * 3
    assert "base64" not in repr([GLOBAL_HISTORY, program.history, dspy.settings.trace])
    assert [thing for thing in gc.get_objects() if type(thing) is dspy.Image] == []


@pytest.mark.parametrize(
    "refusal",
    [
        Reply("'messages[1].content' must be a string", 400),
        Reply("image_url is not supported by this model", 422),
        Reply("image input is not supported - hint: you may need to provide the mmproj", 500),
    ],
)
def test_a_model_that_cannot_see_ends_the_run_in_one_line(picture: Path, refusal: Reply):
    with pytest.raises(InputError, match="'openai/scripted' takes no picture") as caught:
        proposals(refusal, request=asking(picture=picture))

    assert "\n" not in str(caught.value)
    assert "begin a new run without --vision, or with a model that sees" in str(caught.value)


@pytest.mark.parametrize("refusal", [Reply("overloaded", 500), Reply("images per minute", 429)])
def test_a_server_that_is_only_busy_is_not_taken_for_blind(picture: Path, refusal: Reply):
    answer, _ = proposals(refusal, request=asking(picture=picture))

    assert [event.type for event in answer.events][-1] == "proposal_failed"


def test_a_model_that_has_seen_before_is_not_taken_for_blind(picture: Path):
    with chat_server(partial(next_of, (seen(), Reply("this image is not allowed", 400)))) as server:
        proposer = make_proposer("openai/scripted", base_url=server.url, vision=True)
        answers = [proposer.propose([asking(picture=picture, seed=n)])[0] for n in (1, 2)]

    assert [event.type for event in answers[1].events] == ["proposal_failed"]


def test_a_picture_that_is_gone_is_told(tmp_path: Path):
    with pytest.raises(RunError, match=r"gone\.png' can't be shown: it does not exist"):
        proposals(seen(), request=asking(picture=tmp_path / "gone.png"))


def test_without_sight_nothing_of_it_is_asked_for():
    with chat_server(partial(next_of, (GOOD,))) as server:
        make_proposer("openai/scripted", base_url=server.url).propose([asking()])

    assert "critique" not in json.dumps(server.bodies)
    assert all(isinstance(m["content"], str) for m in server.bodies[0]["messages"])


def test_a_critique_is_whatever_can_be_made_of_it():
    assert Critique.model_validate(["x"]).said() == ""
    assert Critique.model_validate(SAID).said() == "shows: a rock; fits: the calm; lacks: low light"
