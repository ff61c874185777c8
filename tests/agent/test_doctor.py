from pathlib import Path

import pytest

import miniature
from agent import doctor
from agent.checks import Check
from agent.doctor import examine, healthy


def found(name: str) -> Check:
    (check,) = [check for check in examine() if check.name == name]
    return check


def test_what_is_installed_is_named_with_its_version():
    import torch

    assert found("torch") == Check("torch", ok=True, detail=torch.__version__)
    assert found("python").ok


def test_the_sentence_encoder_is_checked():
    assert found("sentence encoder").ok
    assert "53aa51172d14" in found("sentence encoder").detail


def test_missing_weights_make_an_installation_unfit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(miniature, "WEIGHTS", tmp_path)

    check = found("weights renderer")

    assert not check.ok
    assert check.required
    assert check.fix
    assert not healthy([check])


def test_weights_that_are_there_show_size_and_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(miniature, "WEIGHTS", tmp_path)
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "model.safetensors").write_bytes(b"0" * 1_900_000)

    assert found("weights encoder").detail == "projection.safetensors not found"

    (tmp_path / "encoder" / "projection.safetensors").write_bytes(b"0" * 100_000)

    assert found("weights encoder").detail.startswith("2.0 MB in 2 files, SHA-256 ")


def test_a_key_is_set_or_not_and_never_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")

    checks = examine()

    assert found("OPENAI_API_KEY").detail == "set"
    assert found("ANTHROPIC_API_KEY").detail == "not set"
    assert "very-secret" not in str(checks)


def test_extras_are_looked_for_and_told_with_what_they_are_for(monkeypatch: pytest.MonkeyPatch):
    assert found("llguidance").ok

    monkeypatch.setattr(doctor, "EXTRA", {"no-such-package": "pip install it"})

    assert found("no-such-package").fix == "pip install it"
    assert not found("no-such-package").required


def test_a_missing_key_or_extra_leaves_an_installation_fit():
    assert healthy([Check("HF_TOKEN", ok=False, detail="not set", required=False)])


def test_a_cache_that_can_not_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PAMELA_CACHE_DIR", str(tmp_path / "file" / "x"))

    check = found("cache")

    assert not check.ok
    assert "PAMELA_CACHE_DIR" in check.fix


def test_a_check_that_breaks_is_a_finding(monkeypatch: pytest.MonkeyPatch):
    def broken() -> list[Check]:
        raise OSError("libtorch.so is missing")

    monkeypatch.setattr(doctor, "_devices", broken)

    check = found("devices")

    assert (check.ok, check.detail) == (False, "OSError: libtorch.so is missing")
