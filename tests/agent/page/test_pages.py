"""What the pages show, without a browser."""

import csv
import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from agent.builders import Parts
from agent.look.salvage import salvage
from agent.optimize import optimize
from agent.store import RunStore
from scorer import UserProfile
from tests.agent.page.serving import Served
from tests.agent.test_report import EVIL, Page, rewrite


def test_runs_are_found_by_words_state_and_person(
    served: Served, run: Path, new_store: Callable[..., RunStore]
):
    with new_store("a red tram") as store:
        other = store.folder

    def listed(query: str) -> list[str]:
        page = Page(served.get(f"/{query}").text)
        return [n for n in (other.name, run.name) if f"/runs/{n}" in page.links()]

    assert listed("") == [other.name, run.name]
    assert listed("?q=TRAM+red") == [other.name]
    assert listed("?q=rocks") == [run.name]
    assert listed("?q=rocks+tram") == []
    assert listed("?status=done") == [run.name]
    assert listed("?status=interrupted") == [other.name]
    assert listed("?user=night-owl&q=floating") == [run.name]
    assert listed("?user=nobody") == []
    assert "No run fits" in served.get("/?q=nothing").text


def test_a_folder_without_runs_says_how_to_make_one(served: Served, run: Path):
    served.site.shelf.runs_dir = run  # holds none
    assert "pamela-agent run" in served.get("/").text


def test_a_run_shows_what_its_report_does(served: Served, run: Path):
    page = Page(served.get(f"/runs/{run.name}").text)
    for candidate in salvage(run).run.candidates:
        assert candidate.id in page.text
    for words in ("Score over the iterations", "Taste card", "Which edits helped", "To take away"):
        assert words in page.text
    pictures = [link for link in page.links() if "/picture?" in link]
    assert len(pictures) > 20
    assert {served.get(link).status_code for link in set(pictures[:6])} == {200}


def test_the_sheet_is_filtered_and_parted_by_the_server(served: Served, run: Path):
    found = salvage(run).run
    kept = {name for step in found.steps for name in step.beam}
    page = served.get(f"/runs/{run.name}?show=kept").text
    assert page.count('class="card kept"') == len(kept) > 0
    assert 'class="card lost"' not in page
    assert served.get(f"/runs/{run.name}?show=nothing").status_code == 400
    assert served.get(f"/runs/{run.name}?part=99").status_code == 200


def test_a_candidate_is_shown_closely(served: Served, run: Path):
    found = salvage(run).run
    child = next(c for c in found.candidates if c.parent is not None)
    page = Page(served.get(f"/runs/{run.name}/candidate?id={child.id}").text)
    assert child.edit is not None
    assert child.edit.instruction in page.text
    assert "Compare with its parent" in page.text
    assert served.get(f"/runs/{run.name}/candidate?id=c9999").status_code == 400
    assert served.get(f"/runs/{run.name}/candidate?id=c0001&everybody=true").status_code == 400


def test_two_candidates_are_compared(served: Served, run: Path):
    first, second = salvage(run).run.candidates[:2]
    page = served.get(f"/runs/{run.name}/compare?id={first.id}&id={second.id}").text
    assert first.score is not None
    assert second.score is not None
    assert "<ins>" in page
    difference = f"{second.score - first.score:+.3f}".replace("-", "−")
    assert difference in page
    assert served.get(f"/runs/{run.name}/compare?id=c0000").status_code == 400


def test_a_run_can_be_taken_away(served: Served, run: Path):
    found = salvage(run).run
    start = f"/runs/{run.name}/download"
    table = served.get(f"{start}/run.csv")
    assert len(list(csv.DictReader(io.StringIO(table.text)))) == len(found.candidates)
    (run / "report.html").write_text("<script>alert(1)</script>")
    report = served.get(f"{start}/report.html")
    assert report.headers["content-disposition"].startswith("attachment")
    assert "<script>" not in report.text
    pack = zipfile.ZipFile(io.BytesIO(served.get(f"{start}/pictures.zip").content))
    assert len(pack.namelist()) == sum(len(c.images) for c in found.candidates) + len(found.heldout)
    assert served.get(f"{start}/run.json").status_code == 400


def test_text_of_others_stays_text(served: Served, run: Path):
    def turned_evil(line: dict[str, Any]) -> dict[str, Any]:
        if line["type"] == "candidate":
            line["prompt"] = EVIL
            if line["edit"]:
                line["edit"] |= {"instruction": EVIL, "prompt": EVIL}
                line["error"] = EVIL
        return line

    rewrite(run, turned_evil)
    header = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(header | {"prompt": EVIL, "user_id": EVIL}))
    for path in (
        "/",
        f"/runs/{run.name}",
        f"/runs/{run.name}/candidate?id=c0001",
        f"/?q={quote(EVIL)}",
        f"/runs/{run.name}/compare?id=c0000&id=c0001",
        f"/runs/{quote(EVIL, safe='')}",
    ):
        page = Page(served.get(path).text)
        assert page.tags.count("script") <= 3, path
        assert "onerror" not in {name for _, name, _ in page.attributes}, path
        assert "\x1b" not in page.text, path
        assert "\u202e" not in page.text, path


def test_a_damaged_run_says_what_is_missing(served: Served, run: Path):
    next((run / "images").iterdir()).unlink()
    with (run / "trajectory.jsonl").open("a") as stream:
        stream.write('{"type": "candi')
    page = served.get(f"/runs/{run.name}").text
    assert "This run is not whole" in page
    assert "is torn" in page
    assert "is missing, or leads out of the run&#39;s folder" in page


def test_a_run_that_cannot_be_read_is_named_in_the_list(served: Served, run: Path):
    (run / "run.json").write_text("{")
    assert "can’t be read at all" in served.get("/").text
    assert served.get(f"/runs/{run.name}").status_code == 400


def test_a_run_without_a_best_picture_yet_has_a_sign_in_the_list(served: Served, run: Path):
    address = f"/runs/{run.name}/best"
    best = served.get(address)
    assert best.headers["content-type"] == "image/webp"
    (run / "best.png").unlink()
    none_yet = served.get(address)
    assert none_yet.status_code == 200
    assert none_yet.text.startswith("<svg")
    assert {best.headers["cache-control"], none_yet.headers["cache-control"]} == {"no-cache"}


def test_a_run_that_goes_on_is_told_as_it_is_written(
    served: Served, new_store: Callable[..., RunStore], user: UserProfile, parts: Parts
):
    import httpx

    with new_store("a red tram") as store:
        address = f"{served.url}/runs/{store.folder.name}/events"
        seen: list[tuple[str, int]] = []
        with httpx.stream("GET", address, timeout=60) as stream:
            kind = ""
            for line in stream.iter_lines():
                kind = line.removeprefix("event: ") if line.startswith("event: ") else kind
                if line.startswith("data: "):
                    seen.append((kind, line.count("tried")))
                if kind == "update" and len(seen) == 1:
                    optimize(store=store, user=user, parts=parts)
                if kind == "ended" and not line:
                    break
    assert seen[0][0] == "update"
    assert seen[-1][0] == "ended"


def test_a_run_nobody_works_on_any_more_ends(served: Served, new_store: Callable[..., RunStore]):
    with new_store("a red tram") as store:
        pass
    started = time.monotonic()
    text = served.get(f"/runs/{store.folder.name}/events").text
    assert "event: ended" in text
    assert "interrupted" in text
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("path", ["/nothing", "/runs/nothing", "/runs/nothing/events"])
def test_what_is_not_there_is_said_in_a_line(served: Served, path: str):
    answer = served.get(path)
    assert answer.status_code == 404
    assert "Traceback" not in answer.text
