"""Language models behind an address: hosted services, and servers of one's own.

    lm = make_hosted(HostedSpec("openai", "gpt-4o-mini"), base_url=None)
    lm = make_hosted(HostedSpec("openai", "any-name"), base_url="http://localhost:8000/v1")

Keys come from the environment, where DSPy finds them itself, or from a key file (`agent.lm.keys`),
so that no object of ours holds one. DSPy's retries are off: retries are `agent.retry`'s. The one
rule that is not obvious: with an address of one's own a key is not asked for, and if there is none
the server gets a made-up one, because clients of this protocol always send something.
"""

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import dspy
from dspy.utils.exceptions import LMConfigurationError

from agent.errors import InputError, PrerequisiteError
from agent.lm.keys import VARIABLE, key_file
from agent.lm.spec import HostedSpec
from agent.secrets import check_address, check_key

TEMPERATURE = 1.0
MAX_TOKENS = 2000
REASONING_MAX_TOKENS = 16000
"""What DSPy asks for at least where a model's thinking counts among its tokens."""
TIMEOUT = 120.0
"""Seconds without a byte."""
NO_KEY = "no-key-needed"

KEYS: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "xai": ("XAI_API_KEY",),
    "moonshot": ("MOONSHOT_API_KEY", "MOONSHOTAI_API_KEY"),
    "ollama": (),
    "ollama_chat": (),
    "hosted_vllm": (),
}
"""The variables of the providers that DSPy speaks to itself; the rest goes through LiteLLM."""


def make_hosted(
    spec: HostedSpec, *, base_url: str | None, cache: bool = False, kind: type[dspy.LM] = dspy.LM
) -> dspy.LM:
    """A `dspy.LM` for the model; nothing is sent yet.

    Args:
        spec: Provider and model.
        base_url: Address of an OpenAI-compatible server.
        cache: Whether answers are kept, and not asked for twice (`agent.lm.answers`).
        kind: The class that is made.

    Raises:
        InputError: the provider is unknown, the address is none, or the key file can't be used.
        PrerequisiteError: the provider's key is not in the environment; names the variable.
    """
    check_address("--llm-base-url", base_url)
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it asks GitHub for prices
    client = _client(spec, base_url)
    if cache:
        from agent.lm.answers import keep_answers
        from scorer.cache import cache_folder

        cache = keep_answers(cache_folder() / "answers")
    return _lm(kind, spec.name, {**client, "cache": cache})


def _client(spec: HostedSpec, base_url: str | None) -> dict[str, Any]:
    """How the model is reached."""
    variables, file = key_variables(spec), key_file()
    given = next((name for name in variables if os.environ.get(name)), None)
    found = file is not None or given is not None
    if file is None and given is not None:
        check_key(given)
    if variables and not found and base_url is None:
        raise PrerequisiteError(
            f"the language model {spec.name!r} needs a key: set {' or '.join(variables)} in the "
            f"environment or name a file with it in {VARIABLE}, or name a server of your own with "
            f"--llm-base-url"
        )
    client: dict[str, Any] = {"timeout": TIMEOUT}
    if base_url is not None:
        client["api_base"] = server_root(base_url)
        if variables and not found:
            client["api_key"] = NO_KEY
    if file is not None and spec.provider in KEYS:
        client["api_key"] = file
    elif file is not None and variables:  # LiteLLM takes a key as text or from the environment
        os.environ[variables[0]] = file()
    return client


def key_variables(spec: HostedSpec) -> tuple[str, ...]:
    """The environment variables that may hold the provider's key; empty if it needs none.

    Raises:
        InputError: the provider is unknown.
    """
    if spec.provider in KEYS:
        return KEYS[spec.provider]
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    if spec.provider not in {str(getattr(p, "value", p)) for p in litellm.provider_list}:
        raise InputError(
            f"unknown language model {spec.name!r}: known providers are {', '.join(sorted(KEYS))} "
            f"and those of LiteLLM; there are also catalogue and transformers:<path or id>"
        )
    missing = litellm.validate_environment(model=spec.name).get("missing_keys", [])
    return tuple(str(name) for name in missing)


def server_root(base_url: str) -> str:
    """The address with the `/v1` that OpenAI-compatible servers have and people forget."""
    root = base_url.rstrip("/")
    return root if urlsplit(root).path else f"{root}/v1"


def _lm(kind: type[dspy.LM], name: str, client: dict[str, Any]) -> dspy.LM:
    settings: dict[str, Any] = {
        "temperature": TEMPERATURE,
        "num_retries": 0,
        **client,
    }
    try:
        return kind(name, max_tokens=MAX_TOKENS, **settings)
    except LMConfigurationError:  # a reasoning model
        return kind(name, max_tokens=REASONING_MAX_TOKENS, **settings)
