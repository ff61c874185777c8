"""The boundary to whatever draws pictures: one Protocol, its request and its result."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import PIL.Image


@dataclass(frozen=True)
class RenderRequest:
    """A picture that is wanted."""

    prompt: str
    seed: int
    width: int | None = None
    """Pixels; None leaves it to the renderer."""
    height: int | None = None


@dataclass(frozen=True)
class RenderResult:
    """A picture, or why there is none: exactly one of `image` and `error` is set."""

    request: RenderRequest
    image: PIL.Image.Image | None = None
    error: str | None = None
    cached: bool = False


class Renderer(Protocol):
    """Draws pictures.

    Contract: yields one result a request, in the order of the requests, as they become ready.
    Same request, same picture, whatever else is in the batch, but for a grey level of rounding;
    the same list of requests is cut into the same batches and gives equal pictures. A request
    that fails is a result with an error, not an exception; a renderer that can't be loaded at
    all is an `InputError`. `fingerprint()` identifies everything besides the request that a
    picture depends on (weights, steps, guidance, library versions where they matter): it keys
    the cache. `unread(prompt)` is the end of a prompt that the text encoder cuts off, empty if
    all is read or nothing is known of it; `warnings(prompt)` says in one line each what of a prompt
    will not be drawn. Heavy modules load at the first `render`.
    """

    def render(self, requests: list[RenderRequest]) -> Iterator[RenderResult]: ...

    def fingerprint(self) -> str: ...

    def unread(self, prompt: str) -> str: ...

    def warnings(self, prompt: str) -> list[str]: ...

    def describe(self) -> Mapping[str, str]: ...
