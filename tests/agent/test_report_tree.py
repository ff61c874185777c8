"""What stands beside the pictures of the report's tree."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.builders import Parts
from agent.look.salvage import salvage
from agent.optimize import optimize
from agent.store import RunStore
from scorer import UserProfile
from tests.agent.test_report import page_text, rewrite


@pytest.fixture
def folder(new_store: Callable[..., RunStore], user: UserProfile, parts: Parts) -> Path:
    """A finished run."""
    with new_store() as store:
        optimize(store=store, user=user, parts=parts)
    return store.folder


def test_the_tree_says_beside_a_pale_picture_why_it_went_no_further(folder: Path):
    reasons = iter(
        [
            ("rejected", "subject 0.112 is below 0.350: nothing in the edit stands for 'rocks'"),
            ("rejected", "the renderer would not read 'and so on'"),
            ("rejected", "something that nobody knows"),
            ("pruned", "the same prompt as c0001"),
            ("failed", "seed 3: the socket broke"),
        ]
    )

    def turned_away(line: dict[str, Any]) -> dict[str, Any]:
        if line["type"] == "candidate" and line["iteration"] == 2:
            status, error = next(reasons, (None, None))
            if status is not None:
                line |= {"status": status, "error": error, "score": None, "images": []}
        return line

    rewrite(folder, turned_away)
    tree = tree_of(folder)
    run = salvage(folder).run
    beam = run.steps[1].beam
    least = min(c.score for c in run.candidates if c.id in beam and c.score is not None)
    lost = [c for c in run.candidates if c.iteration == 1 and c.id not in beam]

    assert len(lost) > 0
    assert tree.count(f">below {least:.2f}</tspan>") == len(lost)
    for why in ("strayed", "too long"):
        assert f">rejected: {why}</tspan>" in tree
    assert ">rejected</tspan>" in tree
    assert ">pruned: tried before</tspan>" in tree
    assert ">failed: no picture</tspan>" in tree


def tree_of(folder: Path) -> str:
    (tree,) = re.findall(r'<svg class="tree".*?</svg>', page_text(folder), re.DOTALL)
    return tree


def test_the_tree_tells_edits_apart_that_begin_alike(folder: Path):
    names = ["blue hour", "golden hour", "moonlight"]

    def alike(line: dict[str, Any]) -> dict[str, Any]:
        if line["type"] == "candidate" and line["iteration"] == 1 and names:
            prompt = f"floating rocks, {names.pop()}"
            edit = {"axis": "free", "instruction": "light it with the last light of", "prompt": ""}
            line |= {"prompt": prompt, "edit": edit | {"prompt": prompt}}
        return line

    rewrite(folder, alike)
    tree = tree_of(folder)

    for name in ("blue hour", "golden hour", "moonlight"):
        assert f">{name}</text>" in tree


def test_long_words_in_the_tree_take_two_lines(folder: Path):
    words = "a wooden ship in a bottle beside a lighthouse that nobody has seen since the war"

    def long(line: dict[str, Any]) -> dict[str, Any]:
        if line["type"] == "candidate" and line["edit"]:
            line["edit"]["instruction"] = words
        return line

    rewrite(folder, long)
    tree = tree_of(folder)

    assert ">a wooden ship in a" in tree
    assert re.search(r">[a-z ]+ …</text>", tree)
