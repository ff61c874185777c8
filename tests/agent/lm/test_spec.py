"""What `--llm` may say."""

import pytest

from agent.errors import InputError
from agent.lm import CatalogueSpec, HostedSpec, LMSpec, TransformersSpec, parse_lm_spec


@pytest.mark.parametrize(
    ("spec", "parsed"),
    [
        ("catalogue", CatalogueSpec()),
        ("openai/gpt-4o-mini", HostedSpec("openai", "gpt-4o-mini")),
        ("openrouter/meta-llama/llama-3.1", HostedSpec("openrouter", "meta-llama/llama-3.1")),
        ("transformers:./a model", TransformersSpec("./a model")),
        ("transformers:org/name", TransformersSpec("org/name")),
    ],
)
def test_known_specs_are_taken_apart(spec: str, parsed: LMSpec):
    assert parse_lm_spec(spec) == parsed


@pytest.mark.parametrize("spec", ["", "catalog", "gpt-4o", "openai/", "/gpt", "http://host/model"])
def test_unknown_spec_names_the_known_ones(spec: str):
    with pytest.raises(InputError) as caught:
        parse_lm_spec(spec)

    assert repr(spec) in str(caught.value)
    for known in ("catalogue", "<provider>/<model>", "transformers:<path or id>"):
        assert known in str(caught.value)


def test_transformers_without_a_model_is_told():
    with pytest.raises(InputError, match="'transformers: ' names no model"):
        parse_lm_spec("transformers: ")
