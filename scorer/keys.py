"""Keys that stand in a JSON object twice: of two values one would be taken in silence.

repeated_key('{"age": 3, "age": 4}')        # "age"
"""

import json
from typing import Any


class _RepeatedError(Exception):
    """A key that stands in one object twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _RepeatedError(key)
        found[key] = value
    return found


def repeated_key(text: str | bytes) -> str | None:
    """The first key that an object in the text has twice; None too for what is no JSON."""
    try:
        json.loads(text, object_pairs_hook=_once)
    except _RepeatedError as error:
        return str(error)
    except (ValueError, RecursionError):
        pass
    return None
