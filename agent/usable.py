"""Whether one configured language model, renderer or scorer can be used, and what mends it if not.

    check_llm("openai/gpt-5-mini", base_url=None)
    check_renderer("diffusers:models/sdxl")
    check_scorer("pamela:mine")

The parts are made as a run makes them, without drawing or asking anything. The one rule that is
not obvious: only a server of one's own is really asked, for the list of its models, because that
costs nothing.
"""

import os
import shlex
from collections.abc import Callable
from pathlib import Path

from agent.checks import Check
from agent.errors import InputError, PamelaError
from agent.lm.spec import HostedSpec, TransformersSpec, parse_lm_spec

LOCAL_SERVERS = {
    "ollama": "http://localhost:11434/v1",
    "ollama_chat": "http://localhost:11434/v1",
    "hosted_vllm": "http://localhost:8000/v1",
}
"""Where servers of one's own listen unless told otherwise."""
PATIENCE = 3.0
"""Seconds for a server to list its models."""
PREDICTORS = ("pamela", "average")
NOT_YET = "not here yet: it is fetched from the model hub for the first picture"
EXTRA = "pip install 'pamela-agent[miniature]'"


def check_llm(spec: str, *, base_url: str | None = None) -> Check:
    """The language model: its spec, its key or files, its server."""

    def look() -> str:
        from agent.lm import make_lm

        lm = make_lm(spec, base_url=base_url)
        address = _server(spec, base_url)
        if address is not None:
            return _asked(address, spec)
        return f"ready; nothing was asked of it{_form(lm.engine)}"

    return _looked_at(f"llm {spec}", look, lambda: _llm_fix(spec, base_url))


def check_renderer(spec: str, *, base_url: str | None = None) -> Check:
    """The renderer: its spec, its files or key."""

    def look() -> str:
        from agent.render import make_renderer

        make_renderer(spec, image_base_url=base_url, cache=False)
        kind, _, place = spec.partition(":")
        if kind == "diffusers" and not _is_here(place, "model_index.json"):
            return NOT_YET
        return "ready; nothing was drawn"

    return _looked_at(f"renderer {spec}", look, lambda: _renderer_fix(spec))


def check_scorer(spec: str) -> Check:
    """The scorer: its spec and, of a predictor, its files."""

    def look() -> str:
        from scorer import make_scorer

        make_scorer(spec)
        kind, _, place = spec.partition(":")
        if kind in PREDICTORS and place and not _is_here(place, "config.json"):
            return NOT_YET
        return "ready; nothing was scored"

    return _looked_at(f"scorer {spec}", look, lambda: _scorer_fix(spec))


def _form(engine: object) -> str:
    """What keeps the answers of a model in this process to their form, or how to get it."""
    from agent.lm.engine import FREE, KeepsForm

    if not isinstance(engine, KeepsForm):
        return ""
    if engine.form != FREE:
        return f"; its answers are kept to valid JSON by {engine.form}"
    from agent.lm.constrained import INSTALL, LIBRARY, is_installed

    if is_installed():
        return f"; {LIBRARY} can't read its tokenizer, so its answers may be no valid JSON"
    return f"; its answers may be no valid JSON: {INSTALL}"


def _is_here(place: str, file: str) -> bool:
    """Whether a model is a folder, or has been fetched from the model hub."""
    from huggingface_hub import try_to_load_from_cache

    return Path(place).expanduser().is_dir() or isinstance(try_to_load_from_cache(place, file), str)


def _looked_at(name: str, look: Callable[[], str], fix: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, detail=look())
    except PamelaError as error:
        return Check(name, ok=False, detail=str(error), fix=fix())


def _llm_fix(spec: str, base_url: str | None) -> str:
    try:
        parsed = parse_lm_spec(spec)
    except InputError:
        return "pamela-agent doctor --llm catalogue"
    match parsed:
        case HostedSpec(provider="ollama" | "ollama_chat", model=model):
            return f"ollama serve & ollama pull {shlex.quote(model)}"
        case HostedSpec(provider="hosted_vllm", model=model):
            return f"vllm serve {shlex.quote(model)}"
        case HostedSpec() if base_url is not None:
            return f"curl {shlex.quote(base_url)}"
        case HostedSpec():
            return _key_fix(parsed)
        case TransformersSpec(model=model):
            return _fetched(model, "pamela-agent doctor --llm catalogue")
        case _:
            return ""


def _fetched(place: str, otherwise: str) -> str:
    """How to get a model; a folder that isn't there can't be fetched."""
    if Path(place).is_absolute() or place.startswith((".", "~")):
        return otherwise
    return f"hf download {shlex.quote(place)}"


def _key_fix(spec: HostedSpec) -> str:
    from agent.lm.hosted import key_variables

    try:
        missing = [name for name in key_variables(spec) if not os.environ.get(name)]
    except InputError:
        return "pamela-agent doctor --llm catalogue"
    return f"export {missing[0]}=…" if missing else ""


def _renderer_fix(spec: str) -> str:
    kind, _, place = spec.partition(":")
    fixes = {
        "openai": "export OPENAI_API_KEY=…",
        "scene": EXTRA,
        "miniature": "pip install --force-reinstall pamela-agent",
        "diffusers": _fetched(place, "pamela-agent doctor --renderer miniature"),
    }
    return fixes.get(kind, "pamela-agent doctor --renderer miniature")


def _scorer_fix(spec: str) -> str:
    kind, _, place = spec.partition(":")
    if kind in PREDICTORS and not place:
        return "pip install --force-reinstall pamela-agent"
    return "pamela-agent doctor --scorer pamela"


def _server(spec: str, base_url: str | None) -> str | None:
    """The address of a server of one's own, if the model is behind one."""
    parsed = parse_lm_spec(spec)
    if not isinstance(parsed, HostedSpec):
        return None
    from agent.lm.hosted import server_root

    address = base_url or LOCAL_SERVERS.get(parsed.provider)
    return server_root(address) if address is not None else None


def _asked(address: str, spec: str) -> str:
    """What the server says of its models.

    Raises:
        InputError: nobody answers there.
    """
    import httpx

    try:
        answer = httpx.get(f"{address}/models", timeout=PATIENCE)
    except (httpx.HTTPError, OSError) as error:
        raise InputError(
            f"no server answers at {address} ({type(error).__name__}): start it, or name its "
            f"address with --llm-base-url"
        ) from None
    model = spec.partition("/")[2]
    try:
        names = [str(entry["id"]) for entry in answer.json()["data"]]
    except (ValueError, KeyError, TypeError):  # not every server lists its models
        return f"{address} answers (HTTP {answer.status_code})"
    if model not in names:
        raise InputError(f"the server at {address} has no model {model!r}: it has {names[:9]}")
    return f"{address} has it"
