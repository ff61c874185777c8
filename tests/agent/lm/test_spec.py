"""What `--llm` may say."""

import pytest

from agent.errors import InputError
from agent.lm import CatalogueSpec, HostedSpec, LMSpec, TransformersSpec, parse_lm_spec
from agent.lm.spec import split_address


@pytest.mark.parametrize(
    ("spec", "parsed"),
    [
        ("catalogue", CatalogueSpec()),
        ("openai/gpt-4o-mini", HostedSpec("openai", "gpt-4o-mini")),
        ("openrouter/meta-llama/llama-3.1", HostedSpec("openrouter", "meta-llama/llama-3.1")),
        ("vertex_ai/claude-sonnet-4@20250514", HostedSpec("vertex_ai", "claude-sonnet-4@20250514")),
        ("vertex_ai/gemini@default", HostedSpec("vertex_ai", "gemini@default")),
        ("lm_studio/qwen/qwen3-30b@4bit", HostedSpec("lm_studio", "qwen/qwen3-30b@4bit")),
        (
            "openrouter/openai/gpt-4@preset/mail",
            HostedSpec("openrouter", "openai/gpt-4@preset/mail"),
        ),
        ("openrouter/@preset/mail", HostedSpec("openrouter", "@preset/mail")),
        ("openai/qwen2.5-7b@q4_k_m", HostedSpec("openai", "qwen2.5-7b@q4_k_m")),
        ("cloudflare/@cf/meta/llama-3.1-8b", HostedSpec("cloudflare", "@cf/meta/llama-3.1-8b")),
        ("transformers:./me@home", TransformersSpec("./me@home")),
        ("transformers:./a model", TransformersSpec("./a model")),
        ("transformers:org/name", TransformersSpec("org/name")),
    ],
)
def test_known_specs_are_taken_apart(spec: str, parsed: LMSpec):
    assert parse_lm_spec(spec) == parsed


@pytest.mark.parametrize("spec", ["", "catalog", "gpt-4o", "openai/", "/gpt"])
def test_unknown_spec_names_the_known_ones(spec: str):
    with pytest.raises(InputError) as caught:
        parse_lm_spec(spec)

    assert repr(spec) in str(caught.value)
    for known in ("catalogue", "<provider>/<model>", "transformers:<path or id>"):
        assert known in str(caught.value)


def test_transformers_without_a_model_is_told():
    with pytest.raises(InputError, match="'transformers: ' names no model"):
        parse_lm_spec("transformers: ")


@pytest.mark.parametrize(
    "spec",
    [
        "openai/m@http://joe:PASSW0RD9@host/v1",
        "openai/m@foo",
        "openai/m@localhost:8000/v1",
        "openai/m@127.0.0.1:1",
        "openai/m@192.168.1.5",
        "openai/m@10.0.0.5.nip.io",
        "openai/m://host/PASSW0RD9",
        "openai/joe:PASSW0RD9@host:8000/v1",
        "http://host/model",
        "http://joe:PASSW0RD9@host/v1",
        "catalogue@http://joe:PASSW0RD9@host/v1",
        "transformers:http://joe:PASSW0RD9@host",
        "user:PASSW0RD9@host:8000/v1",
        "joe:PASSW0RD9@v1",
        "openai/joe:PASSW0RD9@gpu/v1",
        "openai/joe:PASSW0RD9@v1",
        "vertex_ai/joe:PASSW0RD9@default",
        "openai/my-model@box/v1",
    ],
)
def test_an_address_is_no_part_of_a_models_name(spec: str):
    with pytest.raises(InputError, match=r"holds an @ or a :// .* --llm-base-url") as caught:
        parse_lm_spec(spec)

    assert "PASSW0RD9" not in str(caught.value)


def test_the_names_that_litellm_knows_are_names():
    import litellm

    names = [n for n, told in litellm.model_cost.items() if told.get("mode") == "chat" and "@" in n]
    assert len(names) > 20
    for name in names:
        provider = litellm.model_cost[name]["litellm_provider"]
        spec = name if name.startswith(f"{provider}/") else f"{provider}/{name}"
        assert isinstance(parse_lm_spec(spec), HostedSpec), spec


def test_an_address_may_follow_where_it_is_taken_apart():
    assert split_address("openai/m@http://host:1/v1") == ("openai/m", "http://host:1/v1")
    assert split_address("openai/m") == ("openai/m", None)
    with pytest.raises(InputError, match="what follows 'openai/m@' holds a user name") as caught:
        split_address("openai/m@http://joe:PASSW0RD9@host/v1")
    assert "PASSW0RD9" not in str(caught.value)
