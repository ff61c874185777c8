import os

import pytest

from agent.errors import InputError
from agent.secrets import check_address, holds_secret, redact


def test_secret_of_the_environment_is_masked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_API_KEY", "correct-horse-battery")

    assert redact("401 for correct-horse-battery") == "401 for [secret]"


def test_secret_is_masked_with_blanks_around_it_in_any_variable_and_percent_encoded(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", " correct/horse+battery ")

    assert redact("for correct/horse+battery") == "for [secret]"
    assert redact("?key=correct%2Fhorse%2Bbattery") == "?key=[secret]"


def test_secret_with_a_line_break_is_masked_as_it_is_quoted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_API_KEY", "first-part-1\nsecond-part-2")

    quoted = repr("key first-part-1\nsecond-part-2")
    assert redact(f"bad header {quoted}") == "bad header 'key [secret]'"
    assert redact("bad header key first-part-1 second-part-2") == "bad header key [secret]"


def test_a_secret_that_is_no_text_is_masked_as_its_bytes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_API_KEY", os.fsdecode(b"sk-abc\xe9defghijk"))

    assert "defghijk" not in redact("header b'sk-abc\\xe9defghijk' and sk-abc%E9defghijk")
    assert holds_secret(b"...sk-abc\xe9defghijk...")


def test_a_short_word_is_masked_in_no_form(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_TOKEN", "a\n\n\n\n\n\n\n\nb")

    assert redact("take a b test") == "take a b test"


def test_escaped_forms_of_something_short_mask_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOME_TOKEN", chr(92) * 4)

    assert redact(chr(92) * 8) == chr(92) * 8


def test_what_looks_like_a_key_is_masked():
    assert redact("Incorrect API key: sk-proj-abc123DEF.") == "Incorrect API key: [secret]."
    assert redact("Authorization: Bearer abcdefgh1234") == "Authorization: Bearer [secret]"


def test_ordinary_text_stays():
    assert redact("the task-oriented disk-based risk") == "the task-oriented disk-based risk"


@pytest.mark.parametrize(
    "address", ["https://me:secret@host/v1", "https://token@host", "http://host/v1?key=secret"]
)
def test_address_with_a_secret_is_refused_without_repeating_it(address: str):
    with pytest.raises(InputError, match="environment") as caught:
        check_address("--llm-base-url", address)

    assert "secret" not in str(caught.value)
    assert "token" not in str(caught.value)


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://host", "", "http://[::1"])
def test_what_is_no_http_address_is_refused(address: str):
    with pytest.raises(InputError, match="--llm-base-url"):
        check_address("--llm-base-url", address)


@pytest.mark.parametrize("address", [None, "http://localhost:8000/v1", "https://api.example.org"])
def test_plain_address_is_fine(address: str | None):
    check_address("--llm-base-url", address)
