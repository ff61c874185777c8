"""What the engines of our own share: how they read a request and write a response.

    document = read_document(request, "request")      # the JSON field of the signature
    return text_response("catalogue", answer)

DSPy hands an engine the finished chat, not the fields of the signature; they stand in it under
headers such as `[[ ## request ## ]]`. The one rule that is not obvious: the last such header that
is followed by JSON counts, because instructions and earlier turns may hold the same header.
"""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from dspy.lm15 import Message, Request, Response, TextPart, Usage

FREE = "free"
"""The form of answers that nothing keeps to one."""
TOO_LATE = "no answer within the time limit of the run"


class Engine(Protocol):
    """One call to a language model, as DSPy makes it."""

    def complete(self, request: Request) -> Response: ...


@runtime_checkable
class KeepsForm(Protocol):
    """An engine that says what keeps its answers to the form that is asked for."""

    @property
    def form(self) -> str: ...


@runtime_checkable
class KeepsTime(Protocol):
    """An engine that stops by itself when a run's time is up, because nobody can leave it alone."""

    def keep_to(self, time_left: Callable[[], float | None] | None) -> None: ...


class AsyncTwin:
    """The same engine for callers that await: it runs in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def complete(self, request: Request) -> Response:
        """As the engine's own `complete`."""
        return await asyncio.to_thread(self._engine.complete, request)


def chat_of(request: Request) -> list[dict[str, str]]:
    """The request as messages with `role` and `content`, the system's first."""
    system = request.system
    if system is not None and not isinstance(system, str):
        system = "".join(part.text for part in system if isinstance(part, TextPart))
    turns = [{"role": message.role, "content": message.text or ""} for message in request.messages]
    return [{"role": "system", "content": system}, *turns] if system else turns


def read_document(request: Request, field: str) -> dict[str, Any] | None:
    """The JSON object under the header of a field, or None if there is none."""
    header = re.compile(rf"\[\[ ## {re.escape(field)} ## \]\]\s*(?=\{{)")
    for turn in reversed(chat_of(request)):
        for match in reversed(list(header.finditer(turn["content"]))):
            try:
                document, _ = json.JSONDecoder().raw_decode(turn["content"], match.end())
            except ValueError:
                continue
            if isinstance(document, dict):
                return document
    return None


def text_response(model: str, text: str, *, usage: Usage | None = None) -> Response:
    """A finished answer; a model that costs nothing reports no tokens."""
    return Response(
        id=None,
        model=model,
        message=Message.assistant(text),
        finish_reason="stop",
        usage=usage or Usage(input_tokens=0, output_tokens=0),
    )
