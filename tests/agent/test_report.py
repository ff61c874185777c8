"""The report: all of a run on one page, from whomever the run comes."""

import json
import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from agent.builders import Parts
from agent.look.report import render, write_report
from agent.look.report.charts import bars, line_chart, nice_ticks
from agent.look.salvage import salvage
from agent.optimize import optimize
from agent.store import RunStore
from scorer import UserProfile

EVIL = "<script>alert(1)</script> \"'&amp; \x1b[31m \u202egnp.exe\n<img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """Tags and attributes of a page as a browser would find them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str]:
        return [value for _, name, value in self.attributes if name in ("href", "src")]


@pytest.fixture
def folder(new_store: Callable[..., RunStore], user: UserProfile, parts: Parts) -> Path:
    """A finished run."""
    with new_store() as store:
        optimize(store=store, user=user, parts=parts)
    return store.folder


def page_of(folder: Path) -> Page:
    return Page(write_report(folder).read_text(encoding="utf-8"))


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "trajectory.jsonl").read_text().splitlines()]


def rewrite(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    text = "".join(json.dumps(change(line)) + "\n" for line in lines_of(folder))
    (folder / "trajectory.jsonl").write_text(text)


def test_everything_of_a_run_stands_on_the_page(folder: Path):
    page = page_of(folder)
    run = salvage(folder).run
    text = " ".join(page.text.split())

    assert run.best is not None
    for words in (
        "floating rocks",
        "for night-owl",
        *(candidate.id for candidate in run.candidates),
        "Score over the iterations",
        "On seeds that the search never saw",
        "Which edits helped",
        "Taste card",
        "Does it drift?",
        "What did not work",
        "US dollars",
        "pamela-agent run --user PROFILE.json --prompt 'floating rocks'",
        "--scorer fake:noise",
        "heldout seeds",
    ):
        assert words in text, words
    assert "This run is not whole" not in text


def test_the_page_has_no_script_and_no_link_to_the_network(folder: Path):
    page = page_of(folder)

    assert not {"script", "iframe", "object", "embed", "link", "form"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]
    for link in page.links():
        assert link.startswith(("#", "data:image/webp;base64,", "images/")), link[:80]
    assert "://" not in (folder / "report.html").read_text()


def test_every_link_leads_somewhere(folder: Path):
    page = page_of(folder)
    anchors = {value for _, name, value in page.attributes if name == "id"}
    ids = [value for _, name, value in page.attributes if name == "id"]

    assert len(ids) == len(anchors)
    for link in page.links():
        if link.startswith("#"):
            assert link[1:] in anchors
        elif not link.startswith("data:"):
            assert (folder / unquote(link)).is_file()


def test_full_pictures_are_linked_from_elsewhere_too(folder: Path, tmp_path: Path):
    (tmp_path / "out").mkdir()
    place = write_report(folder, out=tmp_path / "out" / "a.html")
    links = [link for link in Page(place.read_text()).links() if link.endswith(".png")]

    assert links
    assert all((tmp_path / "out" / unquote(link)).is_file() for link in links)


def test_text_of_people_and_models_is_shown_and_not_obeyed(folder: Path):
    header = json.loads((folder / "run.json").read_text())
    for name in ("prompt", "user_id", "id", "device", "profile_path"):
        header[name] = EVIL
    header["packages"] = {EVIL: EVIL}
    header["config"]["llm"] = EVIL
    (folder / "run.json").write_text(json.dumps(header))

    def evil(line: dict[str, Any]) -> dict[str, Any]:
        if line["type"] == "candidate":
            line |= {"prompt": EVIL + line["id"], "error": EVIL, "scores": {EVIL: 1.0}}
            if line["edit"]:
                line["edit"] |= {"instruction": EVIL, "prompt": EVIL}
        return line | ({"message": EVIL} if line["type"] == "event" else {})

    rewrite(folder, evil)
    plain = page_of(folder)
    before = set(Page(render(salvage(folder), folder)).tags)

    assert "script" not in plain.tags
    assert not [name for _, name, _ in plain.attributes if name.startswith("on")]
    assert before == set(plain.tags)
    text = (folder / "report.html").read_text()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"\x1b[31m \u202egnp.exe" in plain.text
    assert "<script>alert(1)</script>" in plain.text


def test_what_was_expected_beforehand_is_no_failure(folder: Path):
    before = page_of(folder).text
    said = {"type": "event", "event": "leanings", "iteration": 0, "message": "moonlight +0.80"}
    first, *others = (folder / "trajectory.jsonl").read_text().splitlines(keepends=True)
    (folder / "trajectory.jsonl").write_text("".join([first, json.dumps(said) + "\n", *others]))
    after = page_of(folder).text

    assert "Leanings: moonlight +0.80." in after
    assert "Leanings" not in before
    assert after.count("moonlight +0.80") == 1
    assert ("Nothing failed" in before) == ("Nothing failed" in after)


def test_a_hostile_folder_reads_nothing_outside_it(folder: Path, tmp_path: Path):
    secret = tmp_path / "secret.png"
    picture = next((folder / "images").glob("c0000-*"))
    secret.write_bytes(picture.read_bytes())
    inner = folder / "images" / "link.png"
    inner.symlink_to(secret)
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "images" / "pipe.png")
    paths = ["../../secret.png", str(secret), "images/link.png", "linked/secret.png",
             "images/pipe.png", "images", "", "images/\x00.png", "/dev/zero"]  # fmt: skip

    def point_out(line: dict[str, Any]) -> dict[str, Any]:
        if line["type"] == "candidate" and line["images"]:
            for image in line["images"]:
                image["path"] = paths.pop(0) if paths else "../x.png"
        return line

    rewrite(folder, point_out)
    page = page_of(folder)

    assert not [link for link in page.links() if link.endswith(".png") and "heldout" not in link]
    assert "This run is not whole" in page.text
    for name in ("../../secret.png", "images/link.png", "linked/secret.png", "images/pipe.png"):
        assert f"{name} is missing, or leads out of the run's folder" in page.text


def test_a_report_that_is_a_link_is_not_written_through(folder: Path, tmp_path: Path):
    victim = tmp_path / "victim.txt"
    victim.write_text("precious")
    (folder / "report.html").symlink_to(victim)
    (folder / ".lock").unlink(missing_ok=True)
    (folder / ".lock").symlink_to(victim)
    write_report(folder)

    assert victim.read_text() == "precious"
    assert not (folder / "report.html").is_symlink()


def test_lines_that_lead_out_of_the_folder_are_not_read(folder: Path, tmp_path: Path):
    (folder / "trajectory.jsonl").rename(tmp_path / "elsewhere.jsonl")
    (folder / "trajectory.jsonl").symlink_to(tmp_path / "elsewhere.jsonl")
    found = salvage(folder)

    assert found.run.candidates == ()
    assert "trajectory.jsonl is missing, or leads out of the run's folder" in found.problems
    (folder / "report.html").unlink(missing_ok=True)
    page = page_of(folder).text
    assert "nothing is known" in page or "no edit" in page.lower()


def test_what_is_left_of_a_damaged_run_is_shown_and_the_rest_named(folder: Path):
    whole = len(salvage(folder).run.candidates)
    lines = (folder / "trajectory.jsonl").read_bytes().splitlines(keepends=True)
    torn = next(n for n, line in enumerate(lines) if b'"id": "c0003"' in line)
    lines[torn] = lines[torn][:40] + b"\n"
    lines.insert(2, b'{"type": "hologram", "id": 1}\n')
    lines.insert(3, b"\xff\xfe\n")
    lines.insert(4, b"[" * 100_000 + b"\n")
    lines.append(b'{"type": "cand')
    (folder / "trajectory.jsonl").write_bytes(b"".join(lines))
    gone = next((folder / "images").glob("c0001-*"))
    gone.unlink()
    text = page_of(folder).text

    assert len(salvage(folder).run.candidates) == whole - 1
    for words in (
        "3 lines of trajectory.jsonl can't be read: 4, 5,",
        "a line of trajectory.jsonl is of a kind not known here: 'hologram'",
        "the last line of trajectory.jsonl is torn",
        f"images/{gone.name} is missing",
    ):
        assert words in text


def test_a_newer_run_is_shown_as_far_as_it_is_understood(folder: Path):
    header = json.loads((folder / "run.json").read_text())
    header |= {"schema_version": 2, "mood_ring": "blue"}
    header["config"] |= {"holodeck": True, "stray": "quantum", "seeds": "many"}
    (folder / "run.json").write_text(json.dumps(header))
    rewrite(folder, lambda line: line | {"smell": "roses"})
    found = salvage(folder)

    assert len(found.run.candidates) > 5
    assert found.run.best is not None
    words = " ".join(found.problems)
    assert "schema version 2, this program reads 1" in words
    for name in ("mood_ring", "config.holodeck", "config.stray", "config.seeds", "candidate.smell"):
        assert name in words
    assert "holodeck" in page_of(folder).text


def test_numbers_that_are_none_and_parents_in_a_circle_do_no_harm(folder: Path):
    def twist(line: dict[str, Any]) -> dict[str, Any]:
        if line["type"] == "candidate" and line["id"] in ("c0001", "c0002"):
            line["parent"] = {"c0001": "c0002", "c0002": "c0001"}[line["id"]]
        if line["type"] == "candidate" and line["id"] == "c0003":
            line |= {"parent": "c0003", "score": 1e308, "scores": {"saturation": -1e308}}
        if line["type"] == "candidate" and line["id"] == "c0004":
            line["score"] = float("nan")
        if line["type"] == "candidate" and line["id"] == "c0005":
            line["scores"] = {"saturation": float("inf")}
        if line["type"] == "step":
            line["beam"] = ["c0002", "nobody", "c0004", "c0005", *line["beam"]]
        return line

    rewrite(folder, twist)
    page = page_of(folder)

    assert "candidates that others speak of are missing: nobody" in page.text
    assert "the value can't be used: candidate.score, candidate.scores.saturation" in page.text
    assert not re.search(r"\b(nan|inf)\b", " ".join(v for _, n, v in page.attributes if n != "src"))


def test_a_deep_chain_of_edits_is_no_deep_page(folder: Path):
    last = [line for line in lines_of(folder) if line["type"] == "candidate"][-1]
    *lines, end = (folder / "trajectory.jsonl").read_text().splitlines(keepends=True)
    with (folder / "trajectory.jsonl").open("w") as stream:
        stream.writelines(lines)
        for number in range(100, 1600):
            parent = f"c{number - 1:04d}" if number > 100 else last["id"]
            line = last | {"id": f"c{number:04d}", "parent": parent, "iteration": number}
            stream.write(json.dumps(line) + "\n")
        stream.write(end)
    page = page_of(folder)

    assert "c1599" in page.text


def test_nice_ticks_are_round_and_cover_the_figures():
    assert nice_ticks(1.93, 3.93) == [1.5, 2.0, 2.5, 3.0, 3.5, 4.0]
    for low, high in ((0.1, 0.13), (-5, 1200), (3.0, 3.0), (1e-9, 2e-9)):
        ticks = nice_ticks(low, high)
        assert ticks[0] <= low
        assert ticks[-1] >= high or low == high


def test_a_chart_places_low_below_high():
    chart = line_chart("score", {"best": [(0, 1.0), (1, 2.0)]}, [], (200, 100))

    assert chart is not None
    (x0, y0), (x1, y1) = (tuple(map(float, p.split(","))) for p in chart.lines[0].points.split())
    assert x0 < x1
    assert y0 > y1
    assert line_chart("score", {"best": [(0, float("nan"))]}, [], (200, 100)) is None


def test_bars_share_one_scale_with_zero_in_the_middle():
    plus, minus, none = bars([(1.0, (0.5, 1.5)), (-1.0, None), None])

    assert none is None
    assert plus is not None
    assert minus is not None
    assert plus.zero == minus.zero == 100.0
    assert plus.at - plus.zero == pytest.approx(minus.zero - minus.at)
    assert plus.low < plus.at < plus.high


def test_bars_end_before_the_edge_and_say_where_they_are_cut_off():
    wide, whole = bars([(1.0, (-0.5, 30.0)), (0.5, (0.25, 0.75))])

    assert wide is not None
    assert whole is not None
    assert (wide.cut, whole.cut) == ((False, True), (False, False))
    assert 10 < wide.high < 190


def test_what_surely_lost_is_not_coloured_as_a_gain(folder: Path):
    def worse(line: dict[str, Any]) -> dict[str, Any]:
        if line["type"] == "candidate":
            line["score"] = 4.0 - line["iteration"] - 0.01 * int(line["id"][1:])
        return line

    rewrite(folder, worse)
    (by_axis,) = re.findall(r"By axis.*?</table>", page_text(folder), re.DOTALL)

    assert '<td class="number sure down">−1.' in by_axis
    assert '<g class="sure down">' in by_axis
    assert "sure" not in by_axis.replace("sure down", "")


def page_text(folder: Path) -> str:
    return write_report(folder).read_text(encoding="utf-8")
