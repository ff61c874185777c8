"""Edits in plain lines are read; whatever else a model says is none."""

import pytest

from agent.lm.lines import read_lines

CANDLE = {
    "axis": "lighting",
    "instruction": "light it with a candle",
    "prompt": "a rock, lit by a candle",
}


@pytest.mark.parametrize(
    "line",
    [
        "lighting | light it with a candle | a rock, lit by a candle",
        "| lighting | light it with a candle | a rock, lit by a candle |",
        "1. **Lighting** | light it with a candle | a rock, lit by a candle",
        '- Lighting | light it with a candle | "a rock, lit by a candle"',
    ],
)
def test_lines_with_bars_are_read(line: str):
    assert read_lines(f"Sure, here they are:\n{line}\n") == [CANDLE]


def test_a_table_is_read_without_its_head():
    table = """
    | Axis | Instruction | Prompt |
    |------|-------------|--------|
    | lighting | light it with a candle | a rock, lit by a candle |
    | Camera angle | go down | a rock from below |
    """

    assert [edit["axis"] for edit in read_lines(table)] == ["lighting", "camera_angle"]


@pytest.mark.parametrize(
    "text",
    [
        "1. a rock, lit by a candle\n2. a rock in the mist",
        '1) "a rock, lit by a candle"\n\n2) "a rock in the mist"\n\nEnjoy!',
        "Here:\n**1.** Prompt: a rock, lit by a candle\n**2.** Prompt: a rock in the mist",
    ],
)
def test_numbered_prompts_are_read(text: str):
    assert [edit["prompt"] for edit in read_lines(text)] == [
        "a rock, lit by a candle",
        "a rock in the mist",
    ]


def test_numbered_lines_do_not_count_beside_lines_with_bars():
    text = "1. think of the light\nlighting | light it with a candle | a rock, lit by a candle"

    assert read_lines(text) == [CANDLE]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Let me think …",
        "I can't help with that:\n1. it is against the rules\n2. it is late",
        "I’m sorry.\n1. a rock, lit by a candle",
        "a | b",
        "lighting | | a rock",
        "axis | instruction | prompt",
        "3. in the third place",
        "1. yes\n2. no",
        "||||||||",
        "[[ ## edits ## ]]",
    ],
)
def test_anything_else_is_no_edit(text: str):
    assert read_lines(text) == []
