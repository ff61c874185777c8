"""What `--llm` may say, taken apart; light, so that a wrong spec is told before anything loads.

    parse_lm_spec("catalogue")               # CatalogueSpec()
    parse_lm_spec("openai/gpt-4o-mini")      # HostedSpec(provider="openai", model="gpt-4o-mini")
    parse_lm_spec("transformers:./llama")    # TransformersSpec(model="./llama")

The one rule that is not obvious: the provider is everything before the first slash, the model the
rest, which may hold more slashes (`openrouter/meta-llama/llama-3.1-8b-instruct`).
"""

import re
from dataclasses import dataclass

from agent.errors import InputError

KNOWN = (
    "catalogue (no language model), <provider>/<model> (as in openai/gpt-4o-mini, "
    "anthropic/claude-haiku-4-5 or ollama_chat/llama3.1) and transformers:<path or id>"
)
LOCAL = "transformers:"
_ADDRESSED = re.compile(r"(?P<spec>.+?)@(?P<address>https?://.*)")


@dataclass(frozen=True)
class CatalogueSpec:
    """Edits drawn from `prompts/catalogue.toml`."""


@dataclass(frozen=True)
class HostedSpec:
    """A model behind an address: a hosted service or a server of one's own."""

    provider: str
    model: str

    @property
    def name(self) -> str:
        """As DSPy wants it."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True)
class TransformersSpec:
    """A model that runs in this process."""

    model: str
    """A folder, or the id of a model in the local cache of the hub."""


LMSpec = CatalogueSpec | HostedSpec | TransformersSpec


def split_address(given: str) -> tuple[str, str | None]:
    """A spec, and the address of a server of its own where one follows: `openai/x@http://…`."""
    match = _ADDRESSED.fullmatch(given)
    return (match["spec"], match["address"]) if match else (given, None)


def parse_lm_spec(spec: str) -> LMSpec:
    """Takes a spec apart.

    Raises:
        InputError: it is none of the known kinds.
    """
    if spec == "catalogue":
        return CatalogueSpec()
    if spec.startswith(LOCAL):
        if spec[len(LOCAL) :].strip():
            return TransformersSpec(spec[len(LOCAL) :].strip())
        raise InputError(f"the language model {spec!r} names no model: give transformers:<path>")
    provider, slash, model = spec.partition("/")
    if slash and provider.replace("_", "").replace("-", "").isalnum() and model.strip():
        return HostedSpec(provider, model)
    raise InputError(f"unknown language model {spec!r}: known are {KNOWN}")
