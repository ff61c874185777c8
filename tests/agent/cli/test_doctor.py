import json

import pytest

from agent import doctor
from agent.checks import Check
from agent.cli.main import main


def test_doctor_prints_one_document(capsys: pytest.CaptureFixture[str]):
    code = main(["doctor", "--json"])

    document = json.loads(capsys.readouterr().out)
    assert code == (0 if document["ok"] else 1)
    assert {"name", "ok", "detail", "fix", "required"} == document["checks"][0].keys()


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_says_whether_a_run_can_work(
    ok: bool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    check = Check("weights renderer", ok=ok, detail="found or not", fix="install it again")
    monkeypatch.setattr(doctor, "examine", lambda: [check])

    assert main(["doctor"]) == code

    shown = capsys.readouterr().out
    assert "weights renderer  found or not" in shown
    assert ("install it again" in shown) == (not ok)
