import base64
import io
import json
import logging
import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import PIL.Image
import pytest

from agent.errors import InputError, PrerequisiteError
from agent.render import make_renderer
from agent.render.base import RenderRequest, RenderResult
from agent.render.hosted import HostedRenderer
from agent.retry import RetryPolicy

KEY = "sk-test-0123456789abcdef"
FAST = RetryPolicy(attempts=3, first_wait=0.01)
ROCK = RenderRequest("a rock", 0)


def encoded(colour: str, form: str = "PNG") -> bytes:
    target = io.BytesIO()
    PIL.Image.new("RGB", (4, 4), colour).save(target, form)
    return target.getvalue()


@dataclass
class ImagesServer:
    """A real server that answers from a script; its last answer is repeated."""

    url: str = ""
    script: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    downloads: list[dict[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answers(self, *script: tuple[int, Any]) -> "ImagesServer":
        self.script = list(script)
        return self

    def next_answer(self, body: dict[str, Any], authorization: str | None) -> tuple[int, Any]:
        with self.lock:
            self.asked.append(body)
            self.authorizations.append(authorization)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]


def handler_for(server: ImagesServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = server.next_answer(body, self.headers["Authorization"])
            if callable(answer):
                answer = answer(body)
            self.reply(status, json.dumps(answer).encode(), "application/json")

        def do_GET(self) -> None:
            server.downloads.append(dict(self.headers))
            if self.path == "/flaky.png" and len(server.downloads) == 1:
                self.reply(503, b"", "text/plain")
                return
            content = b"<html>" if self.path == "/page" else encoded("blue", "JPEG")
            self.reply(200, content, "image/jpeg")

        def reply(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    return Handler


@contextmanager
def serving(state: ImagesServer) -> Generator[ImagesServer]:
    """Answers on a free port of this machine, whose address is then in `state.url`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_for(state)) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        state.url = f"http://127.0.0.1:{http.server_address[1]}"
        yield state
        http.shutdown()
        thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ImagesServer]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(ImagesServer()) as state:
        yield state


def picture(colour: str) -> dict[str, Any]:
    return {"created": 1, "data": [{"b64_json": base64.b64encode(encoded(colour)).decode()}]}


def in_the_colour_of_its_prompt(body: dict[str, Any]) -> dict[str, Any]:
    return picture(body["prompt"])


def only_rocks(body: dict[str, Any]) -> dict[str, Any]:
    return picture("red") if body["prompt"] == "a rock" else {"data": []}


def failure(message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "code": code, "type": "t", "param": None}}


def draw(server: ImagesServer, *requests: RenderRequest, **options: Any) -> list[RenderResult]:
    renderer = HostedRenderer("m", base_url=f"{server.url}/v1", policy=FAST, **options)
    return list(renderer.render(list(requests)))


def colour_of(result: RenderResult) -> tuple[int, ...]:
    assert result.image is not None, result.error
    return tuple(int(value) for value in np.asarray(result.image)[0, 0])


def test_a_picture_in_the_answer_is_drawn(server: ImagesServer):
    (result,) = draw(server.answers((200, picture("red"))), ROCK)

    assert colour_of(result) == (255, 0, 0)
    assert server.asked == [{"model": "m", "prompt": "a rock", "n": 1}]
    assert server.authorizations == [f"Bearer {KEY}"]


def test_a_picture_at_an_address_is_fetched_without_the_key(server: ImagesServer):
    address = {"data": [{"url": f"{server.url}/x.jpg"}]}

    (result,) = draw(server.answers((200, address)), ROCK)

    assert colour_of(result)[2] > 250
    assert KEY not in str(server.downloads)


def test_a_fetch_that_fails_is_repeated_without_asking_for_another_picture(server: ImagesServer):
    address = {"data": [{"url": f"{server.url}/flaky.png"}]}

    (result,) = draw(server.answers((200, address)), ROCK)

    assert result.error is None
    assert (len(server.asked), len(server.downloads)) == (1, 2)


def test_the_size_is_sent_as_words(server: ImagesServer):
    server.answers((200, picture("red")))

    draw(server, ROCK, RenderRequest("b", 0, width=512, height=512), size=(1024, 768))

    assert sorted(body["size"] for body in server.asked) == ["1024x768", "512x512"]


def test_pictures_come_in_the_order_of_the_requests(server: ImagesServer):
    server.answers((200, in_the_colour_of_its_prompt))
    colours = ["red", "blue", "white", "black", "yellow", "lime"] * 2

    results = draw(server, *(RenderRequest(colour, n) for n, colour in enumerate(colours)))

    assert [colour_of(result)[:2] for result in results[:3]] == [(255, 0), (0, 0), (255, 255)]
    assert [result.request.prompt for result in results] == colours


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_that_stumbles_is_asked_again(server: ImagesServer, status: int):
    server.answers((status, failure("busy")), (status, failure("busy")), (200, picture("red")))

    (result,) = draw(server, ROCK)

    assert result.error is None
    assert len(server.asked) == 3


def test_a_server_that_stays_down_is_a_failed_result(server: ImagesServer):
    (result,) = draw(server.answers((500, failure("down"))), ROCK)

    assert "down" in (result.error or "")
    assert len(server.asked) == FAST.attempts


@pytest.mark.parametrize("code", ["moderation_blocked", "content_policy_violation"])
def test_a_refusal_is_a_failed_result_and_not_repeated(server: ImagesServer, code: str):
    server.answers((400, failure("Your request was rejected", code)))

    (result,) = draw(server, ROCK)

    assert result.error == f"the moderation of the images API refused the prompt ({code})"
    assert len(server.asked) == 1


def test_used_up_money_is_not_waited_for(server: ImagesServer):
    (result,) = draw(server.answers((429, failure("no money", "insufficient_quota"))), ROCK)

    assert "no money" in (result.error or "")
    assert len(server.asked) == 1


def test_one_refusal_leaves_the_other_pictures(server: ImagesServer):
    server.answers((200, only_rocks))

    results = draw(server, ROCK, RenderRequest("b", 0), ROCK)

    assert [result.error is None for result in results] == [True, False, True]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"data": []}, "neither a picture nor the address"),
        ({"data": [{"b64_json": "###"}]}, "not base64"),
        ({"data": [{"b64_json": base64.b64encode(b"GIF89a").decode()}]}, "does not decode"),
        ({"data": [{"url": "file:///etc/passwd"}]}, "neither a picture nor the address"),
        ("words", "Error"),
    ],
)
def test_an_answer_without_a_picture_is_a_failed_result(
    server: ImagesServer, answer: Any, reason: str
):
    (result,) = draw(server.answers((200, answer)), ROCK)

    assert reason in (result.error or "")


def test_a_page_instead_of_a_picture_is_a_failed_result(server: ImagesServer):
    (result,) = draw(server.answers((200, {"data": [{"url": f"{server.url}/page"}]})), ROCK)

    assert "does not decode" in (result.error or "")


@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_no_message_repeats_the_key(
    server: ImagesServer, status: int, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "agent")
    server.answers((status, failure(f"Incorrect API key provided: {KEY}")))

    (result,) = draw(server, ROCK)

    assert result.error
    assert KEY not in result.error + caplog.text


def test_a_refused_key_says_where_it_comes_from(server: ImagesServer):
    (result,) = draw(server.answers((401, failure("no"))), ROCK)

    assert result.error == "the images API refused the key in OPENAI_API_KEY (401)"


def test_a_server_that_is_not_there_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        renderer = HostedRenderer("m", base_url=f"{address}/v1", policy=RetryPolicy(attempts=1))
        (result,) = renderer.render([ROCK])

    assert result.error is not None
    assert result.error.startswith(f"no connection to {address} (")


def test_a_key_that_no_header_takes_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted\nsecond")

    with pytest.raises(PrerequisiteError, match="OPENAI_API_KEY in the environment holds"):
        HostedRenderer("m", base_url="http://127.0.0.1:1/v1")


def test_the_cache_makes_a_draw_repeatable(server: ImagesServer):
    server.answers((200, picture("red")), (200, picture("blue")), (200, picture("white")))
    draws = [ROCK, RenderRequest("a rock", 1)]

    def seen() -> list[tuple[int, ...]]:
        renderer = make_renderer("openai:m", image_base_url=f"{server.url}/v1")
        return [colour_of(result) for result in renderer.render(draws)]

    assert seen() == seen()
    assert len(server.asked) == 2


def test_without_a_key_and_a_server_there_is_a_line_that_helps(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with pytest.raises(PrerequisiteError, match="export OPENAI_API_KEY"):
        HostedRenderer("gpt-image-1")


def test_a_server_of_one_s_own_needs_no_key(server: ImagesServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_API_KEY")

    (result,) = draw(server.answers((200, picture("red"))), ROCK)

    assert result.error is None


def test_a_password_in_the_address_is_bad_input():
    with pytest.raises(InputError) as caught:
        HostedRenderer("m", base_url="http://me:hunter2@localhost/v1")

    assert "hunter2" not in str(caught.value)


def test_a_description_holds_no_key(server: ImagesServer):
    renderer = HostedRenderer("m", base_url=server.url)

    assert KEY not in str(renderer.describe()) + renderer.fingerprint()
