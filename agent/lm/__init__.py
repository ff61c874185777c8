"""From an LM spec to a `dspy.LM`: hosted, in this process, or the catalogue.

    lm = make_lm("catalogue")
    lm = make_lm("openai/any-name", base_url="http://localhost:8000/v1")
    lm = make_lm("transformers:./llama-3.1-8b-instruct")

The one rule that is not obvious: importing this loads no DSPy; `make_lm` does.
"""

from typing import TYPE_CHECKING, assert_never

from agent.lm.spec import CatalogueSpec, HostedSpec, LMSpec, TransformersSpec, parse_lm_spec

if TYPE_CHECKING:
    import dspy

__all__ = [
    "CatalogueSpec",
    "HostedSpec",
    "LMSpec",
    "TransformersSpec",
    "make_lm",
    "parse_lm_spec",
]


def make_lm(
    spec: str,
    *,
    base_url: str | None = None,
    device: str = "auto",
    cache: bool = False,
    kind: "type[dspy.LM] | None" = None,
) -> "dspy.LM":
    """The language model that a spec names; models in this process load at the first call.

    Args:
        spec: `catalogue`, `<provider>/<model>` or `transformers:<path or id>`.
        base_url: Address of an OpenAI-compatible server, for hosted specs.
        device: Where a model in this process runs: `auto`, `cpu`, `cuda` or `mps`.
        cache: Whether the answers of hosted models are kept, and not asked for twice.
        kind: The class that is made; `dspy.LM` by default.

    Raises:
        InputError: the spec, the address or the model's folder is wrong.
        PrerequisiteError: a key or a package is missing; says which.
    """
    import dspy

    parsed = parse_lm_spec(spec)
    match parsed:
        case HostedSpec():
            from agent.lm.hosted import make_hosted

            return make_hosted(parsed, base_url=base_url, cache=cache, kind=kind or dspy.LM)
        case CatalogueSpec():
            from agent.lm.catalogue import CatalogueEngine

            engine = CatalogueEngine()
        case TransformersSpec():
            from agent.lm.local import TransformersEngine

            engine = TransformersEngine(parsed.model, device=device)
        case _:
            assert_never(parsed)
    from agent.lm.engine import AsyncTwin

    make = kind or dspy.LM
    return make(spec, engine=engine, async_engine=AsyncTwin(engine), cache=False, num_retries=0)
