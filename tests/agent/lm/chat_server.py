"""A scripted server that speaks OpenAI's chat completions over real sockets, and can fail at it."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What the server answers to one call."""

    text: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Sent as it is, instead of a completion with the text."""
    cut: int | None = None
    """After so many bytes of the body the connection is reset."""
    drip: float = 0.0
    """Seconds before each byte of the body."""
    hang: float = 0.0
    """Seconds before anything is sent."""


@dataclass
class ChatServer:
    """What was asked, and where."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    """Ends all waiting."""

    @property
    def chats(self) -> list[str]:
        return ["\n".join(m["content"] for m in body["messages"]) for body in self.bodies]


Script = Callable[[dict[str, Any], int], Reply]
"""From the body of a call and its number, counted from 0, to the reply."""


@contextmanager
def chat_server(script: Script) -> Generator[ChatServer]:
    server = ChatServer()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                number = len(server.bodies)
                server.bodies.append(body)
                server.keys.append(self.headers.get("authorization"))
                reply = script(body, number)
            content = completion(reply.text) if reply.status == 200 else problem(reply)
            payload = json.dumps(content).encode() if reply.body is None else reply.body
            server.closing.wait(reply.hang)
            try:
                self.answer(reply, payload)
            except OSError:  # nobody waits for it any more
                self.close_connection = True

        def do_GET(self) -> None:
            self.answer(Reply(), json.dumps({"data": [{"id": "scripted"}]}).encode())

        def answer(self, reply: Reply, payload: bytes) -> None:
            self.send_response(reply.status)
            for name, value in {"content-type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            if reply.drip:
                for byte in payload:
                    server.closing.wait(reply.drip)
                    self.wfile.write(bytes([byte]))
                return
            self.wfile.write(payload[: reply.cut])
            if reply.cut is not None:
                reset(self.connection)
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            http.shutdown()
            thread.join()


def reset(connection: socket.socket) -> None:
    """Ends a connection as a crash does: with RST, not FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def completion(text: str) -> dict[str, Any]:
    return {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 0,
        "model": "scripted",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text},
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }


def problem(reply: Reply) -> dict[str, Any]:
    return {"error": {"message": reply.text or "broken", "type": "server_error", "code": None}}


def edits_reply(*edits: tuple[str, str, str]) -> str:
    listed = [dict(zip(("axis", "instruction", "prompt"), edit, strict=True)) for edit in edits]
    return f"[[ ## edits ## ]]\n{json.dumps(listed)}\n\n[[ ## completed ## ]]"
