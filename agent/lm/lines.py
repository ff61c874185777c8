"""Reads edits out of plain lines, for models that manage neither the chat format nor JSON; pure.

    read_lines("lighting | light it with a candle | a rock, lit by a candle")
    read_lines("1. a rock, lit by a candle")

The one rule that is not obvious: numbered lines count only where no line has bars and nothing is
refused; whatever else a model says is no edit.
"""

import re
from collections.abc import Iterator

_BARS = re.compile(r"\s*[|>*-]*\s*(?:\d{1,2}[.):]\s*)?\**([A-Za-z][A-Za-z _-]{1,24}?)\**\s*\|(.*)")
_NUMBERED = re.compile(r"\s*[*(]*(\d{1,2})[.):]\**\s+(.*\S)")
_LABEL = re.compile(r"(?:new )?prompt\s*:\s*", re.IGNORECASE)
_REFUSAL = re.compile(r"\b(?:can(?:'|’)?t|cannot|unable|sorry|won(?:'|’)t)\b", re.IGNORECASE)
_HEADINGS = ("axis", "edit", "edits", "instruction", "prompt")
_QUOTES = "\"'`*“”„ "


def read_lines(text: str) -> list[dict[str, str]]:
    """The edits in an answer, each with `axis`, `instruction` and `prompt`."""
    lines = text.splitlines()
    found = list(_with_bars(lines))
    if found or _REFUSAL.search(text):
        return found
    return list(_numbered(lines))


def _with_bars(lines: list[str]) -> Iterator[dict[str, str]]:
    """`axis | instruction | prompt`, in a table or not."""
    for line in lines:
        match = _BARS.fullmatch(line.rstrip(" |"))
        cells = [cell.strip(_QUOTES) for cell in match[2].split("|", 1)] if match else []
        if match is None or len(cells) != 2 or not all(cells):
            continue
        axis = match[1].strip().lower().replace(" ", "_").replace("-", "_")
        if axis not in _HEADINGS:
            yield {"axis": axis, "instruction": cells[0], "prompt": cells[1]}


def _numbered(lines: list[str]) -> Iterator[dict[str, str]]:
    """`1. a whole prompt`: counted from 1, and at least two words each."""
    expected = 1
    for line in lines:
        match = _NUMBERED.fullmatch(line)
        if match is None or int(match[1]) != expected:
            continue
        prompt = _LABEL.sub("", match[2].strip(_QUOTES), count=1).strip(_QUOTES)
        if len(prompt.split()) < 2:
            return
        expected += 1
        yield {"axis": "free", "instruction": "", "prompt": prompt}
