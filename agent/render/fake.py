"""The shipped fake: soft colour gradients that depend on prompt and seed, and nothing is learnt.

    result = next(FakeRenderer().render([RenderRequest("a rock", seed=1)]))

It draws a thousand pictures a second, so that searches, stores and pages can be tried without a
model. Two prompts that differ by a letter have pictures that have nothing in common.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import PIL.Image

from agent.render.base import RenderRequest, RenderResult

SIZE = (64, 64)
VERSION = "1"
"""Changes with the pictures, so that the cache forgets the old ones."""


def gradient(prompt: str, seed: int, width: int, height: int) -> PIL.Image.Image:
    """A smooth picture that four colours make, one at each corner, with a soft wave across."""
    digest = hashlib.sha256(f"{seed}\n{prompt}".encode("utf-8", "surrogatepass")).digest()
    rng = np.random.default_rng(np.frombuffer(digest, np.uint32))
    corners = rng.uniform(0.05, 0.95, (2, 2, 3))
    y = np.linspace(0, 1, height)[:, None, None]
    x = np.linspace(0, 1, width)[None, :, None]
    rows = corners[0] * (1 - y) + corners[1] * y
    blend = rows[:, :1] * (1 - x) + rows[:, 1:] * x
    turn, waves = rng.uniform(0, 2 * np.pi), rng.uniform(1, 4)
    wave = np.sin(2 * np.pi * waves * (x * np.cos(turn) + y * np.sin(turn)) + turn)
    picture = np.clip(blend + 0.12 * wave, 0, 1)
    return PIL.Image.fromarray((picture * 255 + 0.5).astype(np.uint8))


class FakeRenderer:
    """A `Renderer` without a model.

    Args:
        size: Width and height where a request names none.
    """

    def __init__(self, size: tuple[int, int] | None = None) -> None:
        self._size = size or SIZE

    def render(self, requests: Sequence[RenderRequest]) -> Iterator[RenderResult]:
        for request in requests:
            width, height = request.width or self._size[0], request.height or self._size[1]
            yield RenderResult(request, gradient(request.prompt, request.seed, width, height))

    def fingerprint(self) -> str:
        return f"fake {VERSION} {self._size}"

    def unread(self, prompt: str) -> str:
        del prompt
        return ""

    def warnings(self, prompt: str) -> list[str]:
        del prompt
        return []

    def describe(self) -> Mapping[str, str]:
        return {"renderer": "fake"}
