"""Pictures from an images API: OpenAI's, or any server that speaks it.

    renderer = HostedRenderer("gpt-image-1")          # the key comes from OPENAI_API_KEY

An images API takes no seed: here the seed is the number of the draw, and only the cache makes a
draw repeatable. A refusal by the moderation is a picture that failed, not an exception. The one
rule that is not obvious: the key is read from the environment and from nowhere else, it is sent to
the API and to nobody else (not to where a picture is fetched from), and no message repeats it.
"""

import base64
import binascii
import io
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import PIL.Image

from agent.errors import PrerequisiteError
from agent.render.base import RenderRequest, RenderResult
from agent.retry import Retry, RetryPolicy, one_line, retrying
from agent.secrets import check_address, check_key
from agent.threads import concurrently

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types import ImagesResponse

T = TypeVar("T")
logger = logging.getLogger(__name__)
KEY = "OPENAI_API_KEY"
OPENAI = "https://api.openai.com/v1"
NO_KEY = "none"
"""What a server of one's own is sent where no key is set: the client insists on one."""
TIMEOUT = 180.0
"""Seconds for one picture."""
LARGEST_DOWNLOAD = 64 * 2**20
AT_ONCE = 4
"""Requests in flight."""
FORMATS = ("PNG", "JPEG", "WEBP")
REFUSALS = ("moderation_blocked", "content_policy_violation")
"""What the API calls a prompt that its moderation doesn't let pass."""
SPENT = "insufficient_quota"


class HostedRenderer:
    """A `Renderer` that asks an images API.

    Args:
        model: Name of the model at the API.
        size: Width and height where a request names none; None leaves it to the API.
        base_url: Address of the server; None is OpenAI's.
        policy: How often a failed request is sent again.

    Raises:
        PrerequisiteError: there is no key, and no server of one's own either.
        InputError: the address is none.
    """

    def __init__(
        self,
        model: str,
        *,
        size: tuple[int, int] | None = None,
        base_url: str | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        check_address("--image-base-url", base_url)
        if not os.environ.get(KEY) and base_url is None:
            raise PrerequisiteError(
                f"the renderer 'openai:{model}' needs a key: export {KEY}=…, or name a server of "
                f"your own with --image-base-url"
            )
        if os.environ.get(KEY):
            check_key(KEY)
        self._model = model
        self._size = size
        self._base_url = base_url or OPENAI
        self._policy = policy

    def render(self, requests: Sequence[RenderRequest]) -> Iterator[RenderResult]:
        client = self._client
        calls = [partial(self._draw, client, request) for request in requests]
        yield from concurrently(calls, at_once=AT_ONCE)

    def _draw(self, client: "OpenAI", request: RenderRequest) -> RenderResult:
        try:
            answer = self._patiently(partial(self._ask, client, request), request.seed)
            content = _inline(answer)
            if content is None:
                # Apart from the request, which has been paid for and is not sent again.
                content = self._patiently(partial(_fetch, _address(answer)), request.seed)
            return RenderResult(request, _decoded(content))
        except Exception as error:  # noqa: BLE001 - a picture that fails is data
            return RenderResult(request, error=_reason(error))

    def _ask(self, client: "OpenAI", request: RenderRequest) -> "ImagesResponse":
        from openai import omit

        width, height = self._size or (None, None)
        width, height = request.width or width, request.height or height
        size = f"{width}x{height}" if width and height else omit
        return client.images.generate(model=self._model, prompt=request.prompt, n=1, size=size)

    def _patiently(self, call: Callable[[], T], seed: int) -> T:
        return retrying(call, transient=_transient, on_retry=_log, policy=self._policy, seed=seed)

    @cached_property
    def _client(self) -> "OpenAI":
        from openai import OpenAI

        return OpenAI(
            api_key=os.environ.get(KEY) or NO_KEY,
            base_url=self._base_url,
            max_retries=0,
            timeout=TIMEOUT,
        )

    def fingerprint(self) -> str:
        return f"openai {self._model} {self._base_url} {self._size}"

    def unread(self, prompt: str) -> str:
        del prompt
        return ""

    def warnings(self, prompt: str) -> list[str]:
        del prompt
        return []

    def describe(self) -> Mapping[str, str]:
        return {"renderer": f"openai:{self._model}", "server": self._base_url}


class _NoPictureError(Exception):
    """The API has answered, but not with a picture."""


def _inline(answer: "ImagesResponse") -> bytes | None:
    """The picture that stands in the answer itself, or None."""
    encoded = answer.data[0].b64_json if answer.data else None
    if not encoded:
        return None
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise _NoPictureError(f"the picture in the answer is not base64 ({error})") from None


def _address(answer: "ImagesResponse") -> str:
    address = (answer.data[0].url if answer.data else None) or ""
    if urlsplit(address).scheme not in ("http", "https"):
        raise _NoPictureError("the answer holds neither a picture nor the address of one")
    return address


def _fetch(address: str) -> bytes:
    """Downloads a picture, without the key."""
    import httpx

    content = bytearray()
    with httpx.stream("GET", address, timeout=TIMEOUT, follow_redirects=True) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > LARGEST_DOWNLOAD:
                raise _NoPictureError(f"the picture has more than {LARGEST_DOWNLOAD} bytes")
    return bytes(content)


def _decoded(content: bytes) -> PIL.Image.Image:
    try:
        with PIL.Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            return picture.convert("RGB")
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise _NoPictureError(f"the picture does not decode ({error})") from None


def _transient(error: BaseException) -> bool:
    """Whether another try may help: connections, rate limits, and servers that stumble."""
    import httpx
    import openai

    if isinstance(error, openai.RateLimitError):
        return error.code != SPENT
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code >= 500
    return isinstance(
        error, openai.APIConnectionError | openai.InternalServerError | httpx.TransportError
    )


def _reason(error: Exception) -> str:
    """Why there is no picture, in one line without secrets."""
    import openai

    if isinstance(error, _NoPictureError):
        return str(error)
    if isinstance(error, openai.APIConnectionError):
        url = error.request.url
        late = isinstance(error, openai.APITimeoutError)
        what = "no answer in time from" if late else "no connection to"
        cause = one_line(error.__cause__ or error)
        return f"{what} {url.scheme}://{url.netloc.decode()} ({cause})"
    if isinstance(error, openai.AuthenticationError):
        return f"the images API refused the key in {KEY} (401)"
    if isinstance(error, openai.APIError) and error.code in REFUSALS:
        return f"the moderation of the images API refused the prompt ({error.code})"
    return one_line(error)


def _log(retry: Retry) -> None:
    logger.info("images API: %s; again in %.0f s", retry.error, retry.wait)
