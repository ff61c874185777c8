"""DSPy's cache of answers, in a private folder of ours: what was asked once isn't paid for twice.

    keep_answers(cache_folder() / "answers")     # from now on `dspy.cache` is this one

The key of an answer is a hash of everything that was sent: model, address, chat, settings and the
rollout number, but no key. An answer that quotes a secret of the environment is not kept. Only
plain data and the response types of the client libraries are unpickled (CVE-2025-69872).

The one rule that is not obvious is what a kept answer counts. It is a call like any other, with
the tokens that it took when it was given, so that a run which was killed and resumed has the same
record as one that was not; but it costs nothing.
"""

import logging
import pickle
from pathlib import Path
from typing import Any

import dspy
from dspy.clients.cache import Cache

from agent.lm.call import KEPT
from agent.secrets import holds_secret

logger = logging.getLogger(__name__)
SIZE_LIMIT = 2**30
"""Bytes; what was asked longest ago goes first."""


class AnswerCache(Cache):
    """Answers on disk.

    Args:
        folder: Where; is made, and closed to everybody else.

    Raises:
        OSError: that is impossible.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        super().__init__(
            enable_disk_cache=True,
            enable_memory_cache=False,
            disk_cache_dir=str(folder),
            disk_size_limit_bytes=SIZE_LIMIT,
            restrict_pickle=True,
        )

    def cache_key(
        self, request: dict[str, Any], ignored_args_for_cache_key: list[str] | None = None
    ) -> str:
        """Unlike DSPy's, it knows servers apart: the same model name may mean another model."""
        del ignored_args_for_cache_key
        return super().cache_key(request, ["api_key"])

    def get(
        self, request: dict[str, Any], ignored_args_for_cache_key: list[str] | None = None
    ) -> Any:
        """The answer, priced at nothing, or None."""
        found = super().get(request, ignored_args_for_cache_key)
        if isinstance(found, dict) and "cost" in found:  # as DSPy's own clients are kept
            free = None if found["cost"] is None else 0.0
            return {**found, "cost": free, "cost_details": {KEPT: found.get("usage", {})}}
        hidden = getattr(found, "_hidden_params", None)  # as LiteLLM's answers are kept
        if isinstance(hidden, dict) and hidden.get("response_cost") is not None:
            hidden["response_cost"] = 0.0
        return found

    def put(
        self,
        request: dict[str, Any],
        value: Any,
        ignored_args_for_cache_key: list[str] | None = None,
        enable_memory_cache: bool = True,
    ) -> None:
        """Keeps an answer, unless a secret stands in it."""
        if not holds_secret(pickle.dumps(value)):
            super().put(request, value, ignored_args_for_cache_key, enable_memory_cache)


def keep_answers(folder: Path) -> bool:
    """Makes the cache in `folder` DSPy's for this process; False if the folder can't be used."""
    current = vars(dspy).get("cache")  # reading `dspy.cache` would make the default one
    if isinstance(current, AnswerCache) and current.disk_cache_dir == str(folder):
        return True
    try:
        dspy.cache = AnswerCache(folder)  # pyright: ignore[reportAttributeAccessIssue]
    except Exception as error:  # noqa: BLE001 - sqlite's errors, too: a run goes on without a cache
        logger.warning(
            "answers of the language model are not kept: %s can't be used (%s); set "
            "PAMELA_CACHE_DIR to a folder of your own",
            folder,
            error,
        )
        return False
    return True
