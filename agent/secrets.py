"""Keys and tokens stay where they are: nothing that is written or shown repeats them.

    redact("401: Incorrect API key provided: sk-…")
    check_address("--llm-base-url", "https://user:password@host")      # InputError

The one rule that is not obvious: what a server or a library says of an error may quote the key
that it was given, so every message from outside passes through `redact`.
"""

import os
import re
from urllib.parse import urlsplit

from agent.errors import InputError

SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)
SECRET_SHAPE = re.compile(r"\b(sk-|hf_|ghp_|xai-|gsk_|AIza)[\w*-]{6,}|(?<=Bearer )\S{8,}")
MIN_LENGTH = 8
MASK = "[secret]"


def redact(text: str) -> str:
    """The text without the secrets of the environment and what looks like a key."""
    secrets = (v for k, v in os.environ.items() if SECRET_NAME.search(k) and len(v) >= MIN_LENGTH)
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return SECRET_SHAPE.sub(MASK, text)


def check_address(option: str, address: str | None) -> None:
    """Makes sure that an address may be written down in `run.json`.

    Raises:
        InputError: it is no http address, or it holds a user name, a password or a query.
    """
    if address is None:
        return
    try:
        parts = urlsplit(address)
    except ValueError:
        raise InputError(f"{option} {address!r} is no address: give http://host:port/v1") from None
    if parts.username is not None or parts.password is not None or parts.query:
        raise InputError(
            f"{option} for the host {parts.hostname!r} holds a user name, a password or a query, "
            f"which would be written to run.json: give the key in the environment instead"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"{option} {address!r} is no address: give http://host:port/v1")
