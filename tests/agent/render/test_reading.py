"""Whether a prompt names something that can be drawn."""

from collections.abc import Callable

import numpy as np
import pytest

from agent.render.reading import names_one
from miniature import words
from miniature.attributes import Attributes, sample
from miniature.captions import caption, short_prompt
from miniature.finish import draw_finish
from prompts import benchmark

SUBJECTS = {subject: ways + words.PLURAL[subject] for subject, ways in words.SUBJECT.items()}


@pytest.mark.parametrize("say", [caption, short_prompt])
def test_captions_name_their_subject(say: Callable[[Attributes, np.random.Generator], str]):
    for number in range(40):
        rng = np.random.default_rng(number)
        said = say(draw_finish(rng).of(sample(rng)), rng)
        assert names_one(said, SUBJECTS), said


def test_the_benchmark_prompts_name_their_subject():
    assert all(names_one(prompt, SUBJECTS) for prompt in benchmark("miniature"))


@pytest.mark.parametrize(
    "prompt",
    [
        "On a hill, a tower",
        "on a hill a tower",
        "a portrait of a horse",
        "at dusk: HOUSES",
        "a boat",
    ],
)
def test_the_place_may_come_first(prompt: str):
    assert names_one(prompt, SUBJECTS)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "?",
        "foo",
        "a giraffe in a bathtub",
        "a candle in front of a house",
        "a dog beside a boat",
    ],
)
def test_a_place_is_no_subject(prompt: str):
    assert not names_one(prompt, SUBJECTS)
