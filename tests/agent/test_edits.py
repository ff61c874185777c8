"""What a language model suggests is cleaned, and nothing is tried twice."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.edits import MAX_PROMPT, clean, prompt_key, usable_edits
from agent.proposer import ProposalRequest
from agent.trajectory import Edit


def request(**fields: object) -> ProposalRequest:
    known = {
        "candidate_id": "c0001",
        "iteration": 1,
        "user_prompt": "a rock",
        "parent_prompt": "a rock, in moonlight",
        "parent_score": 3.0,
        "count": 4,
        "seed": 0,
    }
    return ProposalRequest.model_validate({**known, **fields})


def edit(prompt: str, instruction: str = "change it") -> Edit:
    return Edit(axis="free", instruction=instruction, prompt=prompt)


def prompts_of(*drafts: str, **fields: object) -> list[str]:
    return [e.prompt for e in usable_edits(map(edit, drafts), request(**fields))]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\x1b[31mred\x1b[0m rock", "a red rock"),
        ("a\x1b]0;title\x07rock", "a rock"),
        ("a\nrock\t\r\n on  sand ", "a rock on sand"),
        ("a\x00\x08\x7f rock", "a rock"),
        ("a rock\u202e desrever", "a rock desrever"),
        ("\ufeffein Fels, 岩, صخرة", "ein Fels, 岩, صخرة"),
        ("👩‍🚀 on a rock", "👩‍🚀 on a rock"),
        ("<b>a rock</b>", "<b>a rock</b>"),
    ],
)
def test_clean_takes_out_what_a_terminal_would_obey(text: str, cleaned: str):
    assert clean(text) == cleaned


def test_clean_cuts_between_words():
    assert clean("mossy rocks", limit=8) == "mossy"
    assert clean("m" * 10, limit=8) == "m" * 8
    assert len(clean("rocks, " * 8000)) <= MAX_PROMPT


@given(st.text())
def test_clean_leaves_one_line_without_control_characters(text: str):
    cleaned = clean(text)

    assert cleaned == clean(cleaned)
    assert not {unicodedata.category(c) for c in cleaned} & {"Cc", "Cs"}
    assert len(cleaned) <= MAX_PROMPT


def test_order_case_and_stops_make_no_other_prompt():
    one = prompt_key("A rock, close-up,in Moonlight.")

    assert one == prompt_key("a  rock, in moonlight, close-up")


def test_empty_repeated_and_unchanged_edits_are_dropped():
    drafts = ["", " \x07 ", "a rock, in moonlight", "A rock", "a rock, neon", "neon, a rock"]

    assert prompts_of(*drafts) == ["a rock, neon"]


def test_prompts_that_were_tried_are_dropped():
    assert prompts_of("a rock, b", "a rock, c", tried_prompts=("a rock, B",)) == ["a rock, c"]


def test_no_more_edits_than_wanted_are_kept():
    assert prompts_of("a", "b", "c", count=2) == ["a", "b"]


def test_instructions_are_one_short_line():
    long = usable_edits([edit("a", instruction="move\n" * 100)], request())[0]
    none = usable_edits([edit("a", instruction="")], request())[0]

    assert len(long.instruction) <= 200
    assert "\n" not in long.instruction
    assert none.instruction == "change the prompt"


def test_edits_that_say_a_part_again_are_dropped():
    said = prompts_of("a rock, in moonlight, in moonlight", "a rock, In moonlight., fog")
    assert said == ["a rock, In moonlight., fog"]
    twice = "a rock, red, red"
    assert prompts_of(f"{twice}, fog", parent_prompt=twice) == [f"{twice}, fog"]
