"""Who may come in: the checks before every request and the headers behind every answer.

    door = Door("127.0.0.1")                # nobody but this machine
    door = Door("0.0.0.0")                  # whoever has the token; `door.token` is to be printed
    app.add_middleware(Doorkeeper, door=door)

A page of somebody else's in the same browser is the one to be afraid of. It can't use a name of
its own for this server (`Host` is checked), can't send what changes something (that needs a token
which only our own pages hold) and can't show or embed what is here. The one rule that is not
obvious: the token for coming in is asked for by address once and is a cookie from then on, so that
it stays in no history and no log.
"""

import ipaddress
import secrets
import socket
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "pamela-token"
QUERY = "token"
CHANGES = "X-Pamela-Changes"
"""Header that holds the token of our own pages with whatever changes something."""
SAFE = ("GET", "HEAD")
POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Door:
    """What a server asks of those who come.

    Args:
        host: The address that it listens on.
    """

    def __init__(self, host: str) -> None:
        self.local = is_loopback(host)
        self.token = None if self.local else secrets.token_urlsafe(24)
        self.changes = secrets.token_urlsafe(24)
        self._names = {"localhost", host.casefold()}
        if not self.local:
            self._names |= {socket.gethostname().casefold(), socket.getfqdn().casefold()}

    def knows(self, host: str) -> bool:
        """Whether a `Host` header names this server. A bare address can be nobody's trick."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self.local

    def has_token(self, given: str | None) -> bool:
        """Whether it is the token for coming in."""
        return _same(given, self.token)

    def may_change(self, headers: Headers) -> bool:
        """Whether a request that changes something comes from our own pages."""
        origin = headers.get("origin")
        own = origin is None or urlsplit(origin).netloc == headers.get("host")
        return own and _same(headers.get(CHANGES), self.changes)


def _same(given: str | None, expected: str | None) -> bool:
    if given is None or expected is None:
        return False
    return secrets.compare_digest(given.encode(), expected.encode())


class Doorkeeper:
    """The checks, as ASGI middleware; pure, so that streams are not held up.

    Args:
        app: What is behind the door.
        door: What is asked.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        guarded = _with_headers(send)
        if refusal is not None:
            await refusal(scope, receive, guarded)
        else:
            await self._app(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        door, headers = self._door, Headers(scope=scope)
        if not door.knows(headers.get("host", "")):
            return _refused(421, "this server is not called that: use the address it printed")
        if not door.local and (answer := self._asked_for_token(scope, headers)) is not None:
            return answer
        site, mode = headers.get("sec-fetch-site"), headers.get("sec-fetch-mode")
        foreign = site not in (None, "same-origin", "none")
        if foreign and (mode != "navigate" or scope["method"] not in SAFE):
            return _refused(403, "another site asked for this")
        if scope["method"] not in SAFE and not door.may_change(headers):
            return _refused(403, "only a page of this server may change something: load it again")
        return None

    def _asked_for_token(self, scope: Scope, headers: Headers) -> Response | None:
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query).get(QUERY)
        if self._door.has_token(given):
            rest = urlencode([(name, value) for name, value in query if name != QUERY])
            path = "/" + scope["path"].lstrip("/\\")  # never another server's
            target = RedirectResponse(path + (f"?{rest}" if rest else ""), 303)
            target.set_cookie(COOKIE, str(given), httponly=True, samesite="strict")
            return target
        if self._door.has_token(_cookie(headers.getlist("cookie"))):
            return None
        return _refused(401, "open the address with the token that pamela-agent view printed")


def _cookie(lines: Iterable[str]) -> str | None:
    for line in lines:
        try:
            found = SimpleCookie(line).get(COOKIE)
        except CookieError:
            continue
        if found is not None:
            return found.value
    return None


def _refused(code: int, reason: str) -> Response:
    return PlainTextResponse(f"{reason}\n", code)


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return guarded
