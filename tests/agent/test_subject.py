import pytest

from agent.subject import subject_of, words_of


@pytest.mark.parametrize(
    ("prompt", "subject"),
    [
        ("a red house in the snow", "red house"),
        ("floating mossy rocks", "floating mossy rocks"),
        ("an old lighthouse keeper reading a letter", "old lighthouse keeper"),
        ("a child's paper boat in a gutter", "child paper boat"),
        ("In a dark forest, a fox", "fox"),
        ("a close-up photo of a rose, macro", "rose"),
        ("portrait of my grandmother", "grandmother"),
        ("a portrait", "portrait"),
        ("in the rain", "rain"),
        ("Rock!", "rock"),
        ("with without", "with without"),
        ("岩", "岩"),
    ],
)
def test_the_subject_is_what_is_named_first_behind_no_preposition(prompt: str, subject: str):
    assert " ".join(word.text for word in subject_of(prompt)) == subject


@pytest.mark.parametrize(
    "text",
    [
        "mossy\u200b rocks",
        "mo\u200bssy rocks",
        "\u202emossy rocks\u202c",
        "\x1b[31mmossy\x1b[0m rocks",
        "\x00mossy\x07 rocks\x7f",
        "\ufeffmossy rocks\u2060",
        "mossy\u3164 \u2800rocks",
    ],
)
def test_what_shows_nothing_is_no_word(text: str):
    words = words_of(text)

    assert [word.text for word in words] == ["mossy", "rocks"]
    assert "ssy" in text[words[0].start : words[0].end]
    assert text[words[1].start : words[1].end] == "rocks"


def test_words_stand_where_they_say():
    text = "The child’s boat, 3 rocks: 岩石 🪨!"
    words = words_of(text)

    assert " ".join(word.text for word in words) == "the child boat 3 rocks 岩 石 🪨"
    assert all(text[word.start : word.end].casefold() == word.text for word in words)
