import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.text import (
    AROUND,
    BRIEF,
    MAX_SLUG,
    Piece,
    brief,
    marked,
    printable,
    slug,
    without_the_middle,
    word_diff,
    words_of,
)


@given(st.text())
def test_printable_text_is_one_line_without_control_characters(text: str):
    shown = printable(text)

    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", shown)


@pytest.mark.parametrize("text", ["a mossy rock", "Öl auf Leinwand", "岩 🪨 👩‍🎨", "<b>{}[/red]"])
def test_ordinary_text_is_shown_as_it_is(text: str):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("one\ntwo", "one\\ntwo"),
        ("a\u202eb", "a\\u202eb"),
        ("\x9bm", "\\x9bm"),
        ("\udcff", "\\udcff"),
        ("a\u200bb", "a\\u200bb"),
        ("so\u00adft", "so\\xadft"),
        ("a\u200db", "a\\u200db"),
        ("\ufeffa", "\\ufeffa"),
        ("a\u3164", "a\\u3164"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str):
    assert printable(text) == shown


@given(st.text())
def test_slug_is_safe_whatever_the_text(text: str):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug(text))
    assert len(slug(text)) <= MAX_SLUG


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Floating mossy rocks!", "floating-mossy-rocks"),
        ("../../etc/passwd", "etc-passwd"),
        ("岩", "run"),
        ("", "run"),
        ("Café", "cafe"),
    ],
)
def test_slug_of_known_texts(text: str, name: str):
    assert slug(text) == name


@given(st.text())
def test_words_joined_are_the_text(text: str):
    assert "".join(words_of(text)) == text


@given(st.text(), st.text())
def test_diff_contains_both_texts(before: str, after: str):
    pieces = word_diff(before, after)

    assert "".join(p.text for p in pieces if p.change != "removed") == after
    assert "".join(words_of(before)) == before
    removed = sum(len(p.text) for p in pieces if p.change == "removed")
    assert removed <= len(before)


def test_diff_names_what_was_added_and_removed():
    assert word_diff("a grey rock", "a mossy rock, at dusk") == [
        Piece("same", "a "),
        Piece("removed", "grey "),
        Piece("added", "mossy "),
        Piece("same", "rock"),
        Piece("added", ", at dusk"),
    ]


def test_marks_are_brackets_in_plain_text():
    assert marked(word_diff("a grey rock", "a mossy rock")) == "a [-grey -][+mossy +]rock"


@given(st.text(max_size=600))
def test_a_brief_text_is_the_text_or_its_beginning(text: str):
    short = brief(text)

    assert len(short) <= BRIEF
    assert short == text if len(text) <= BRIEF else text.startswith(short[:-1])


def test_a_long_diff_keeps_its_changes_and_what_is_beside_them():
    words = [f"pebble {n}" for n in range(200)]
    before = ", ".join(words)
    after = ", ".join([*words[:100], "moss", *words[101:], "dusk"])
    short = without_the_middle(word_diff(before, after))
    text = marked(short)

    assert [p for p in short if p.change != "same"] == [
        p for p in word_diff(before, after) if p.change != "same"
    ]
    assert text.startswith("…")
    assert "pebble 99, [-pebble 100-][+moss+], pebble 101" in text
    assert len(text) < 6 * AROUND + 100
    assert without_the_middle(word_diff("a rock", "a mossy rock")) == word_diff(
        "a rock", "a mossy rock"
    )
