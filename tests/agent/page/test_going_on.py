"""The page of a run that goes on, before its first beam is chosen."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.store import RunStore
from tests.agent.page.serving import Served
from tests.agent.test_report import Page, lines_of


@contextmanager
def in_its_first_iteration(run: Path, *scores: float) -> Generator[None]:
    """The run as it was when so many edits had been scored, with somebody at work on it."""
    waiting, text = [3.0, *scores], ""
    for line in lines_of(run):
        if line["type"] == "step" and line["iteration"] > 0:
            break
        if line["type"] == "candidate":
            if not waiting:
                break
            line["score"] = waiting.pop(0)
        text += json.dumps(line) + "\n"
    (run / "trajectory.jsonl").write_text(text)
    with RunStore.resume(run):
        yield


def text_of(served: Served, path: str) -> str:
    return " ".join(Page(served.get(path).text).text.split())


def test_the_best_scored_so_far_is_shown_and_nothing_is_decided(served: Served, run: Path):
    with in_its_first_iteration(run, 2.5, 3.75, 3.5):
        text = text_of(served, f"/runs/{run.name}")
        listed = text_of(served, "/")

    assert "Going on: 3 prompts tried, best so far 3.75" in text
    assert "Prompts tried3" in text
    assert "The best so far3.75" in text
    assert "Gain+0.75not decided yet" in text
    assert "1 edit led from the first prompt to the best one so far." in text
    assert "Not decided yet: the best so far is ahead by +0.75" in text
    assert "+0.00 on the search" not in listed


@pytest.mark.parametrize("scores", [(2.5, 2.75), ()])
def test_what_is_not_ahead_is_no_result(served: Served, run: Path, scores: tuple[float, ...]):
    with in_its_first_iteration(run, *scores):
        text = text_of(served, f"/runs/{run.name}")

    assert "Gain–not decided yet" in text
    assert "not decided yetThe best so far" in text
    assert "+0.00" not in text.partition("Tried last")[0]
    assert "edit was predicted" not in text
    assert "edit was better" not in text
    assert "beams" not in text


def test_one_beam_is_one(served: Served, run: Path):
    first = next(n for n, line in enumerate(lines_of(run)) if line.get("iteration") == 2)
    lines = (run / "trajectory.jsonl").read_text().splitlines(keepends=True)[:first]
    (run / "trajectory.jsonl").write_text("".join(lines))
    with RunStore.resume(run):
        assert ", 1 beam chosen, best so far" in text_of(served, f"/runs/{run.name}")
