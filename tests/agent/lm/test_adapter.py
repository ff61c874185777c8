"""Whatever a model answers, it is either read or refused in one known way."""

from contextlib import suppress
from typing import Any

import pytest
from dspy.utils.exceptions import AdapterParseError
from hypothesis import given
from hypothesis import strategies as st

from agent.lm.adapter import EitherFormatAdapter
from agent.program import ProposeEdits

ADAPTER = EitherFormatAdapter()
HEADERS = ("[[ ## edits ## ]]", "[[ ## completed ## ]]", "```json", "```", "\n", "é")
JSON = ('{"edits":', '[{"prompt": "a"}]', *'[]{}",:', "null", "NaN", "1e999", "\\u0000")
PIECES = st.sampled_from((*HEADERS, *JSON)) | st.text(max_size=9)


def read(text: str) -> dict[str, Any]:
    return ADAPTER.parse(ProposeEdits, text)


@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_answer_is_read_or_refused(text: str):
    edits: list[Any] = []
    with suppress(AdapterParseError):
        edits = read(text)["edits"]

    assert all(isinstance(edit.prompt, str) for edit in edits)


@pytest.mark.parametrize(
    "text", ["[" * 50_000, '{"a":' * 50_000, "[[ ## edits ## ]]\n" + "[" * 50_000]
)
def test_answers_that_are_nested_too_deeply_are_refused(text: str):
    with pytest.raises(AdapterParseError):
        read(text)


def test_what_comes_after_the_edits_is_passed_over():
    text = '[[ ## edits ## ]]\n[{"prompt": "a"}]\n\n[[ ## completed ## ]]\nAnything else?'

    assert [edit.prompt for edit in read(text)["edits"]] == ["a"]
