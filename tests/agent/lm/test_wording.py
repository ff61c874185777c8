"""Prompts are read back into values, and edited without touching the user's own words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.lm.wording import change, mentioned, read
from prompts.catalogue import CatalogueValue, load_catalogue

CATALOGUE = load_catalogue()
VALUES = st.sampled_from(CATALOGUE.values)


def edited(prompt: str, name: str, user_prompt: str = "a rock") -> str:
    return change(prompt, CATALOGUE.value(name), read(prompt, user_prompt, CATALOGUE))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a boat on a lake", {"lake"}),
        ("a mushroom and a snowman", set()),
        ("Close-ups at SUNSET", {"close-up", "golden hour"}),
        ("a bird’s-eye view", {"bird's-eye view"}),
        ("peaks, among snow-capped peaks", {"mountains"}),
        ("a rock, in dramatic storm light", {"storm light"}),
        ("a snow-white rock", set()),
    ],
)
def test_values_are_found_by_whole_words(text: str, names: set[str]):
    assert mentioned(text, CATALOGUE) == names


def test_a_phrase_is_appended_after_a_comma():
    assert edited("a rock", "moonlight") == "a rock, in moonlight"
    assert edited("a rock. ", "moonlight") == "a rock, in moonlight"


def test_an_added_phrase_is_replaced_in_its_place():
    prompt = "a rock, in moonlight, close-up"

    assert edited(prompt, "neon") == "a rock, lit by neon lights, close-up"
    assert edited(prompt, "wide shot") == "a rock, in moonlight, wide shot"


def test_any_phrasing_of_an_added_value_is_replaced():
    assert edited("a rock, On a Moonlit Night", "neon") == "a rock, lit by neon lights"


def test_the_users_words_close_their_axis():
    reading = read("a boat on a lake, in moonlight", "a boat on a lake", CATALOGUE)

    assert reading.closed == {"setting"}
    assert reading.added == {"lighting": "moonlight"}


def test_a_part_that_the_user_wrote_is_not_an_added_one():
    reading = read("a rock, in moonlight", "a rock, in moonlight", CATALOGUE)

    assert reading.closed == {"lighting"}
    assert reading.added == {}


@pytest.mark.parametrize(
    ("prompt", "axis"),
    [
        ("a backlit rock", "lighting"),
        ("a rock in a room full of robots", "setting"),
        ("a rock in a forest fire", "setting"),
        ("a rock on a lake of fire", "setting"),
        ("a rock lit by neon lights at dawn", "lighting"),
        ("in moonlight a rock in a forest clearing", "setting"),
        ("a misty rock in the snow, in moonlight", "lighting"),
        ("a rock in the snow, in a green meadow", "setting"),
        ("a close-up of a rock", "composition"),
    ],
)
def test_words_that_a_sentence_needs_close_their_axis(prompt: str, axis: str):
    reading = read(prompt, "a rock", CATALOGUE)

    assert axis in reading.closed
    assert axis not in reading.added


@pytest.mark.parametrize(
    ("prompt", "with_neon"),
    [
        ("a rock in moonlight", "a rock, lit by neon lights"),
        ("a rock in moonlight on a lake", "a rock on a lake, lit by neon lights"),
        (
            "a rock, on a lake in moonlight, close-up",
            "a rock, on a lake, close-up, lit by neon lights",
        ),
        ("in moonlight, a rock", "lit by neon lights, a rock"),
        ("in moonlight a rock", "lit by neon lights a rock"),
        ("a rock by moonlight", "a rock, lit by neon lights"),
        ("a rock in the snow at dusk", "a rock in the snow, lit by neon lights"),
        ("a rock, at dusk, close-up", "a rock, lit by neon lights, close-up"),
        ("a rock, golden hour, close-up", "a rock, lit by neon lights, close-up"),
        ("a rock,At Sunset ", "a rock,lit by neon lights "),
    ],
)
def test_what_a_sentence_can_do_without_is_replaced(prompt: str, with_neon: str):
    assert edited(prompt, "neon") == with_neon


@pytest.mark.parametrize(
    ("prompt", "words", "axis"),
    [
        ("a house in the midday sun", "a house sun", "lighting"),
        ("a castle, pastel palette", "a castle pastel", "palette"),
        ("a castle, pastel palette", "castle, pastel", "palette"),
    ],
)
def test_what_holds_a_word_of_the_users_is_not_replaced(prompt: str, words: str, axis: str):
    assert read(prompt, words, CATALOGUE).closed == {axis}


def test_an_angle_is_taken_out_with_the_words_that_lead_to_it():
    assert edited("a rock viewed from above", "low angle") == "a rock, low-angle shot"
    assert edited("a rock, viewed from above", "low angle") == "a rock, low-angle shot"


def test_the_users_sentence_is_never_taken_apart():
    reading = read("a rock in the snow, in moonlight", "a rock in the snow", CATALOGUE)

    assert (reading.closed, reading.added) == ({"setting"}, {"lighting": "moonlight"})
    assert edited("a rock in the snow, in moonlight", "neon", "a rock in the snow") == (
        "a rock in the snow, lit by neon lights"
    )


@given(first=VALUES, second=VALUES)
def test_two_edits_of_one_axis_leave_the_second(first: CatalogueValue, second: CatalogueValue):
    prompt = edited(edited("a rock", first.name), second.name)
    reading = read(prompt, "a rock", CATALOGUE)

    assert reading.added[second.axis] == second.name
    assert len(reading.added) == len({first.axis, second.axis})
    assert prompt.startswith("a rock, ")


@given(st.text(max_size=60), VALUES)
def test_the_users_prompt_stays_at_the_front(user_prompt: str, value: CatalogueValue):
    prompt = edited(user_prompt, value.name, user_prompt)

    assert prompt == f"{user_prompt.rstrip(' ,.;:')}, {value.phrase}"
