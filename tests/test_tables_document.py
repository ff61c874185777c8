"""What `docs/runs-as-tables.md` says a line gives is what it gives."""

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from agent.cli.main import build_parser

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = (ROOT / "docs" / "runs-as-tables.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^pamela-agent (.*)$", re.MULTILINE)


def steps() -> list[tuple[str, str | None]]:
    """The statements of the document in order, each with what it is said to give."""
    found: list[tuple[str, str | None]] = []
    for block in BLOCK.findall(DOCUMENT):
        lines = block.splitlines()
        for node in ast.parse(block).body:
            end = node.end_lineno or node.lineno
            after = lines[end] if end < len(lines) else ""
            said = after.removeprefix("# ") if after.startswith("# ") else None
            found.append(("\n".join(lines[node.lineno - 1 : end]), said))
    return found


def test_every_line_gives_what_the_document_says(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("pandas")
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    checked = 0
    for code, said in steps():
        if said is None:
            exec(code, names)
        else:
            assert repr(eval(code, names)) == said, code
            checked += 1
    assert checked == 7


@pytest.mark.parametrize("command", COMMAND.findall(DOCUMENT))
def test_its_commands_parse(command: str):
    build_parser().parse_args(shlex.split(command))
