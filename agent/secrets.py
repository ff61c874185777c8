"""Keys and tokens stay where they are: nothing that is written or shown repeats them.

    redact("401: Incorrect API key provided: sk-…")
    check_address("--llm-base-url", "https://user:password@host")      # InputError

The one rule that is not obvious: what a server or a library says of an error may quote the key
that it was given, so every message from outside passes through `redact`.
"""

import json
import os
import re
from urllib.parse import quote, urlsplit

from agent.errors import InputError, PrerequisiteError

SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)(_|$)", re.IGNORECASE)
SECRET_SHAPE = re.compile(r"\b(sk-|hf_|ghp_|xai-|gsk_|AIza)[\w*-]{6,}|(?<=Bearer )\S{8,}")
MIN_LENGTH = 8
MASK = "[secret]"

_kept: set[str] = set()
"""Secrets that came from elsewhere than the environment."""


def keep_secret(value: str) -> None:
    """From now on `redact` masks this, too."""
    _kept.add(value.strip())


def redact(text: str) -> str:
    """The text without the known secrets and what looks like a key."""
    for secret in _secrets():
        text = text.replace(secret, MASK)
    return SECRET_SHAPE.sub(MASK, text)


def holds_secret(data: bytes) -> bool:
    """Whether one of the known secrets stands in something that is to be kept."""
    return any(secret.encode("utf-8", "surrogateescape") in data for secret in _secrets())


def _secrets() -> list[str]:
    """The known secrets, in all their forms; the longest first."""
    named = (
        value.strip()
        for name, value in os.environ.items()
        if SECRET_NAME.search(name) and not name.upper().endswith("_FILE")  # that is a path
    )
    long = (value for value in (*named, *_kept) if len(value) >= MIN_LENGTH)
    forms = {form for value in long for form in _forms(value) if len(form) >= MIN_LENGTH}
    return sorted(forms, key=len, reverse=True)


def is_key(text: str) -> bool:
    """Whether it may be sent as a key: one word of printable ASCII."""
    return text.isascii() and text.isprintable() and text.split() == [text]


def check_key(variable: str) -> None:
    """Makes sure that what stands in a variable of the environment may be sent as a key.

    Raises:
        PrerequisiteError: it may not; names the variable.
    """
    if not is_key(os.environ[variable]):
        raise PrerequisiteError(
            f"{variable} in the environment holds a line break, a space or another character that "
            f"no key has: set it anew"
        )


def _forms(secret: str) -> set[str]:
    """As it is, in an address, and as messages quote it that escape or swallow line breaks."""
    content = secret.encode("utf-8", "surrogateescape")  # as the environment gave it
    escaped = {repr(secret)[1:-1], json.dumps(secret)[1:-1], repr(content)[2:-1]}
    return {secret, quote(content, safe=""), " ".join(secret.split()), *escaped}


def check_address(option: str, address: str | None) -> None:
    """Makes sure that an address may be written down in `run.json`.

    Raises:
        InputError: it is no http address, or it holds a user name, a password or a query.
    """
    if address is None:
        return
    if "@" in address or "?" in address:  # never quoted: what stands there may be a password
        raise InputError(
            f"{option} holds a user name, a password or a query, which would be written to "
            f"run.json: give http://host:port/v1, and the key in the environment"
        )
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a broken host, or a port beyond 65535
        usable = False
    if not usable:
        raise InputError(f"{option} {address!r} is no address: give http://host:port/v1")
