"""The page behind a real server, and finished runs to show on it."""

import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn

from agent.look.page.app import make_app
from agent.look.page.door import Door
from agent.look.page.site import Settings, Site


@dataclass(frozen=True)
class Served:
    """A server at hand."""

    url: str
    site: Site

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, timeout=120)

    def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        return httpx.post(self.url + path, json=body, headers=headers, timeout=120)


@contextmanager
def serving(settings: Settings, host: str = "127.0.0.1") -> Generator[Served]:
    """Serves until the block is left; listens on this machine alone, whatever `host` says."""
    site = Site(settings, Door(host))
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(make_app(site), log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", site)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def settings_for(runs_dir: Path, **given: object) -> Settings:
    return Settings(runs_dir=runs_dir, **given)  # type: ignore[arg-type]
