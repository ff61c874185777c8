"""The embedded models behind the command line: what only they can show."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
SMALL = ("--iterations", "0", "--seeds", "1", "--steps", "8")


@pytest.mark.parametrize(
    ("prompt", "warned"),
    [
        ("a giraffe in a bathtub", True),
        ("a candle in front of a house", True),
        ("a boat on a lake", False),
    ],
)
def test_a_subject_that_the_miniature_cannot_draw_is_warned_of(
    pamela: Run, here: Path, prompt: str, *, warned: bool
):
    answer = pamela("run", "--user", "me.json", "--prompt", prompt, *SMALL, "--json")
    told = [event["message"] for event in answer.document["events"] if event["type"] == "warning"]

    assert answer.code == 0
    assert any("knows no word for" in message for message in told) == warned
    if warned:
        assert "rock, floating island, tree" in told[0]
        assert "--renderer diffusers:" in told[0]


def test_a_size_that_does_not_fit_the_latents_is_bad_input(pamela: Run, here: Path):
    answer = pamela(
        "run", "--user", "me.json", "--prompt", "a rock", *SMALL, "--size", "17x17", "--json"
    )

    assert answer.code == 2
    assert "multiples of 16; try 16x16" in answer.err
    assert list((here / "runs").iterdir()) == []
