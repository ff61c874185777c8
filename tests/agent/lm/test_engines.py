"""The catalogue as a `dspy.LM`: it reads the request out of the chat, and answers like a model."""

import asyncio
import json

import dspy
import pytest
from dspy.lm15 import InvalidRequestError, Message, Request

from agent.lm import make_lm
from agent.lm.catalogue import CatalogueEngine
from agent.lm.engine import chat_of, read_document
from agent.program import EditProgram
from tests.agent.lm.requests import asking


def chat(*texts: str, system: str | None = None) -> Request:
    messages = tuple(Message.user(text) for text in texts)
    return Request(model="catalogue", messages=messages, system=system)


def edits_of(text: str) -> list[dict[str, str]]:
    return json.loads(text.split("[[ ## edits ## ]]\n")[1].split("\n\n[[ ## completed ## ]]")[0])


def test_the_last_header_with_json_after_it_counts():
    request = chat(
        '[[ ## request ## ]]\n{"n": 1}',
        '[[ ## request ## ]]\n{"n": 2} and more\n[[ ## request ## ]] {oops\n[[ ## other ## ]] {}',
        system="[[ ## request ## ]]\n{request}",
    )

    assert read_document(request, "request") == {"n": 2}


def test_a_chat_without_the_field_has_no_document():
    assert read_document(chat("hello"), "request") is None


def test_a_chat_begins_with_the_system():
    assert chat_of(chat("hello", system="be brief")) == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hello"},
    ]


def test_the_catalogue_answers_in_the_format_of_the_chat():
    document = asking(count=3).model_dump_json()
    response = CatalogueEngine().complete(chat(f"[[ ## request ## ]]\n{document}\n\nRespond …"))

    edits = edits_of(response.message.text or "")
    assert len(edits) == 3
    assert all(edit["prompt"].startswith("a rock, ") for edit in edits)
    assert (response.usage.input_tokens, response.usage.output_tokens) == (0, 0)


def test_the_catalogue_refuses_small_talk():
    with pytest.raises(InvalidRequestError, match="requests for edits only"):
        CatalogueEngine().complete(chat("How are you?"))


def test_both_ways_of_calling_give_the_same():
    lm, document = make_lm("catalogue"), asking().model_dump_json()

    async def awaited() -> dspy.Prediction:
        with dspy.context(lm=lm):
            return await program.acall(request=document)

    program = dspy.Predict("request -> edits: list[dict]")
    with dspy.context(lm=lm):
        called = program(request=document)
    assert called.edits == asyncio.run(awaited()).edits


def test_the_program_types_what_the_catalogue_answers():
    with dspy.context(lm=make_lm("catalogue")):
        prediction = EditProgram()(request=asking(count=2).model_dump_json())

    assert [type(edit).__name__ for edit in prediction.edits] == ["EditDraft", "EditDraft"]


def test_nothing_is_cached_or_retried_by_dspy():
    lm = make_lm("catalogue")

    assert (lm.cache, lm.num_retries) == (False, 0)
