"""Keys and tokens stay where they are: nothing that is written or shown repeats them.

    redact("401: Incorrect API key provided: sk-…")
    check_address("--llm-base-url", "https://user:password@host")      # InputError

The one rule that is not obvious: what a server or a library says of an error may quote the key
that it was given, so every message from outside passes through `redact`.
"""

import os
import re
from urllib.parse import quote, urlsplit

from agent.errors import InputError

SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)(_|$)", re.IGNORECASE)
SECRET_SHAPE = re.compile(r"\b(sk-|hf_|ghp_|xai-|gsk_|AIza)[\w*-]{6,}|(?<=Bearer )\S{8,}")
MIN_LENGTH = 8
MASK = "[secret]"


def redact(text: str) -> str:
    """The text without the secrets of the environment and what looks like a key."""
    values = [value.strip() for name, value in os.environ.items() if SECRET_NAME.search(name)]
    secrets = {form for value in values for form in (value, quote(value, safe=""))}
    for secret in sorted((s for s in secrets if len(s) >= MIN_LENGTH), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return SECRET_SHAPE.sub(MASK, text)


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
