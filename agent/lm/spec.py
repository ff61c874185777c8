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
from agent.secrets import check_address

KNOWN = (
    "catalogue (no language model), <provider>/<model> (as in openai/gpt-4o-mini, "
    "anthropic/claude-haiku-4-5 or ollama_chat/llama3.1) and transformers:<path or id>"
)
LOCAL = "transformers:"
_ADDRESSED = re.compile(r"(?P<spec>.+?)@(?P<address>https?://.*)")
_VERSION = re.compile(
    r"\d+(-?(bit|\d+))?|(ud-)?(v|q|iq|tq|f|bf|fp|int|mxfp|nvfp)\d[\w-]*|default|latest",
    re.IGNORECASE,
)
"""What may follow the @ in a model's name: `claude-sonnet-4@20250514`, `qwen2.5-7b@q4_k_m`."""
_ORGANISATION = re.compile(r"^@[a-z]{1,4}/|(^|(?<=/))@preset/|@(?=preset/[\w-]+$)")
"""What else has an @: `cloudflare/@cf/meta/llama-3.1-8b`, `openrouter/openai/gpt-4@preset/mail`."""


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
    """A spec, and the address of a server of its own where one follows: `openai/x@http://…`.

    Raises:
        InputError: what follows may not be written down, or is no address.
    """
    match = _ADDRESSED.fullmatch(given)
    if match is None:
        return given, None
    check_address(f"what follows {match['spec'] + '@'!r}", match["address"])
    return match["spec"], match["address"]


def parse_lm_spec(spec: str) -> LMSpec:
    """Takes a spec apart.

    Raises:
        InputError: it is none of the known kinds.
    """
    _check_no_address(spec)
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


def _check_no_address(spec: str) -> None:
    """An address that is taken for a part of a name would send everything elsewhere."""
    provider, _, model = spec.partition("/")
    name, at, rest = _ORGANISATION.sub("", model).partition("@")
    strange = at and (":" in name or not _VERSION.fullmatch(rest))
    if "://" in spec or (not spec.startswith(LOCAL) and (strange or "@" in provider)):
        # Nothing of it is quoted: there may be a password in it.
        raise InputError(
            "the language model that is named holds an @ or a :// as addresses do: --llm takes "
            "PROVIDER/MODEL, and a server of your own is named with --llm-base-url "
            "http://host:port/v1, or, where an option takes SPEC[@URL], as in "
            "openai/my-model@http://host:port/v1"
        )
