"""A key that stands in a file is sent, and shown nowhere."""

from functools import partial
from pathlib import Path

import pytest

from agent.errors import InputError, PrerequisiteError
from agent.lm import make_lm
from agent.lm.keys import KeyFile, key_file
from agent.program import make_proposer
from agent.secrets import redact
from tests.agent.lm.chat_server import Reply, chat_server
from tests.agent.lm.requests import asking
from tests.agent.lm.test_hosted import GOOD, next_of

KEY = "planted-in-a-file-0123456789"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    path.chmod(0o600)
    monkeypatch.setenv("PAMELA_LLM_KEY_FILE", str(path))
    return path


def sent(reply: Reply = GOOD) -> list[str | None]:
    with chat_server(partial(next_of, (reply,))) as server:
        make_proposer("openai/scripted", base_url=server.url).propose([asking()])
    return server.keys


@pytest.mark.usefixtures("file")
def test_the_key_of_the_file_is_sent():
    assert sent() == [f"Bearer {KEY}"]


@pytest.mark.usefixtures("file")
def test_it_counts_more_than_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")

    assert sent() == [f"Bearer {KEY}"]


@pytest.mark.usefixtures("file")
def test_no_object_of_ours_holds_it():
    lm = make_lm("openai/gpt-4o-mini")

    assert KEY not in f"{lm!r} {lm.dump_state()} {vars(lm)} {key_file()!r}"
    assert redact(f"refused: {KEY}") == "refused: [secret]"


def test_a_file_that_others_can_read_is_refused_with_its_name(file: Path):
    file.chmod(0o640)

    with pytest.raises(InputError) as caught:
        make_lm("openai/gpt-4o-mini")

    assert redact(str(caught.value)) == (
        f"PAMELA_LLM_KEY_FILE {str(file)!r} can be read by others: chmod 600 the file"
    )


@pytest.mark.parametrize("content", ["", " \n", "two words", "clé", "x" * 5000])
def test_a_file_without_a_key_is_refused_without_its_content(file: Path, content: str):
    file.write_text(content)

    with pytest.raises(InputError, match="holds no key") as caught:
        key_file()

    assert not content.strip() or content not in str(caught.value)


@pytest.mark.usefixtures("file")
def test_a_refused_key_is_said_to_be_of_the_file():
    with pytest.raises(
        PrerequisiteError, match="the key in the file that PAMELA_LLM_KEY_FILE names"
    ):
        sent(Reply(status=401))


@pytest.mark.parametrize("key", ["sk-first\nsecond-part", "sk-planted-1234\n", "clé-planted-1234"])
def test_a_key_that_no_header_takes_is_told_before_anything_is_sent(
    key: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", key)

    with pytest.raises(
        PrerequisiteError, match="OPENAI_API_KEY in the environment holds"
    ) as caught:
        make_lm("openai/gpt-4o-mini")

    assert "planted" not in str(caught.value)
    assert "second" not in str(caught.value)


def test_a_missing_file_is_named(file: Path):
    file.unlink()

    with pytest.raises(InputError, match="No such file"):
        key_file()


def test_without_the_variable_there_is_no_file(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PAMELA_LLM_KEY_FILE", raising=False)

    assert key_file() is None


def test_a_key_file_is_no_secret_but_its_content_is(file: Path):
    assert KeyFile(file)() == KEY
    assert redact(f"{file} {KEY}") == f"{file} [secret]"
