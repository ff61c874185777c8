"""Runs of which something is gone: what is missing is said, and made anew where that can be."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.header import profile_digest
from agent.look.page.shelf import Choice, Shelf
from agent.store import load_run
from scorer.profile import UserProfile
from tests.agent.cli.conftest import ROOT, Answer

Run = Callable[..., Answer]


def lines_of(run: Path) -> list[str]:
    return (run / "trajectory.jsonl").read_text().splitlines(keepends=True)


def of_type(run: Path, kind: str) -> list[int]:
    return [n for n, line in enumerate(lines_of(run)) if json.loads(line)["type"] == kind]


def without_line(run: Path, number: int) -> None:
    lines = lines_of(run)
    del lines[number]
    (run / "trajectory.jsonl").write_text("".join(lines))


def pictures(run: Path) -> list[Path]:
    return [run / image.path for c in load_run(run).candidates for image in c.images]


def test_a_whole_run_has_nothing_to_complain_of(shipped_run: Path, pamela: Run):
    for words in (("show", "latest"), ("run", "--resume", "latest"), ("report", "latest")):
        assert pamela(*words).err == ""


def test_resuming_a_run_that_is_done_writes_what_it_lacks(shipped_run: Path, pamela: Run):
    best = (shipped_run / "best.png").read_bytes()
    (shipped_run / "report.html").unlink(missing_ok=True)
    (shipped_run / "best.png").unlink()
    answer = pamela("run", "--resume", "latest")

    assert answer.code == 0
    assert "report.html" in answer.out
    assert "floating mossy rocks" in (shipped_run / "report.html").read_text()
    assert (shipped_run / "best.png").read_bytes() == best


def test_resuming_leaves_a_report_that_is_there(shipped_run: Path, pamela: Run):
    (shipped_run / "report.html").write_text("mine")

    assert pamela("run", "--resume", "latest").code == 0
    assert (shipped_run / "report.html").read_text() == "mine"


def test_a_best_picture_that_is_broken_is_restored(shipped_run: Path, pamela: Run):
    whole = (shipped_run / "best.png").read_bytes()
    (shipped_run / "best.png").write_bytes(whole[:-100])
    pamela("run", "--resume", "latest")

    assert (shipped_run / "best.png").read_bytes() == whole


@pytest.mark.parametrize(
    "words",
    [
        ("show", "latest"),
        ("report", "latest"),
        ("run", "--resume", "latest"),
        ("export", "latest", "--pictures", "gallery"),
    ],
    ids=" ".join,
)
def test_pictures_that_are_gone_are_counted_in_one_line(
    shipped_run: Path, pamela: Run, words: tuple[str, ...]
):
    files = pictures(shipped_run)
    for file in files[2:6]:
        file.unlink()
    files[6].write_bytes(files[6].read_bytes()[:-100])
    answer = pamela(*words)
    (told,) = (line for line in answer.err.splitlines() if "missing, broken" in line)

    assert answer.code == 0
    assert "5 of " in told
    assert f"images/{files[2].name}" in told
    assert told.endswith("and 2 more")
    assert files[5].name not in answer.err


def test_a_picture_that_is_gone_does_not_become_the_best(shipped_run: Path, pamela: Run):
    best = load_run(shipped_run).best
    assert best is not None
    (shipped_run / best.images[0].path).write_bytes(b"no picture")
    (shipped_run / "best.png").unlink()
    answer = pamela("run", "--resume", "latest")

    assert answer.code == 0
    assert "1 of " in answer.err
    assert not (shipped_run / "best.png").exists()


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("candidate", "candidates are missing from trajectory.jsonl: c00"),
        ("proposal", "proposals of iterations are missing from trajectory.jsonl: "),
        ("step", "steps of iterations are missing from trajectory.jsonl: "),
        ("heldout", "held-out pictures are missing from trajectory.jsonl: c00"),
        ("run", "the first line of trajectory.jsonl is missing"),
    ],
)
@pytest.mark.parametrize("place", ["first", "middle"])
def test_a_line_that_is_gone_is_said(
    shipped_run: Path, pamela: Run, kind: str, told: str, place: str
):
    numbers = of_type(shipped_run, kind)
    without_line(shipped_run, numbers[0 if place == "first" else len(numbers) // 2])
    answer = pamela("show", "latest")

    assert answer.code == 0
    assert told in answer.err


def test_the_last_candidate_that_is_gone_is_seen_by_what_was_used(shipped_run: Path, pamela: Run):
    last = load_run(shipped_run).candidates[-1]
    (number,) = (
        n for n in of_type(shipped_run, "candidate") if last.id in lines_of(shipped_run)[n][:40]
    )
    without_line(shipped_run, number)

    assert "are missing" in pamela("show", "latest").err


def test_a_line_behind_the_end_hides_nothing(shipped_run: Path, pamela: Run):
    before = load_run(shipped_run)
    extra = json.loads(lines_of(shipped_run)[of_type(shipped_run, "candidate")[-1]])
    extra |= {"id": "c9999", "score": 99.0}
    with (shipped_run / "trajectory.jsonl").open("a") as stream:
        stream.write(json.dumps(extra) + "\n")

    assert load_run(shipped_run) == before
    answer = pamela("show", "latest")
    assert "a line of trajectory.jsonl behind the end of the run: left out" in answer.err
    assert "held-out seeds" in answer.out
    assert "99" not in pamela("runs").out.partition("floating")[0]


def test_candidates_without_their_proposal_are_not_gone_on_with(
    shipped_run: Path, pamela: Run, here: Path
):
    without_line(shipped_run, of_type(shipped_run, "result")[0])
    without_line(shipped_run, of_type(shipped_run, "proposal")[0])
    header = json.loads((shipped_run / "run.json").read_text())
    profile = profile_of(header["user_id"])  # written anew since, as whenever weights are
    header["profile_sha256"] = profile_digest(UserProfile.load(profile))
    (shipped_run / "run.json").write_text(json.dumps(header))
    answer = pamela("run", "--resume", "latest", "--user", str(profile))

    assert answer.code == 2
    assert "no proposal that they come from: restore it or start a new run" in answer.err


def profile_of(user_id: str) -> Path:
    files = (ROOT / "examples").glob("*.json")
    return next(file for file in files if json.loads(file.read_text())["user_id"] == user_id)


@pytest.fixture
def broken_off(small_run: Run, here: Path) -> Path:
    """A run that was ended before its held-out pictures."""
    small_run()
    (run,) = (here / "runs").iterdir()
    lines = lines_of(run)
    (run / "trajectory.jsonl").write_text("".join(lines[: of_type(run, "step")[0] + 1]))
    return run


@pytest.mark.parametrize("name", ["run.json", "trajectory.jsonl", "images", ".lock"])
def test_a_run_whose_files_are_links_is_not_gone_on_with(
    broken_off: Path, pamela: Run, here: Path, name: str
):
    outside = here / "outside"
    if (broken_off / name).exists():
        (broken_off / name).rename(outside)
    else:
        outside.write_text("somebody's")
    (broken_off / name).symlink_to(outside)

    def everything() -> dict[Path, bytes]:
        return {f: f.read_bytes() for f in sorted(here.rglob("*")) if f.is_file()}

    before = everything()
    answer = pamela("run", "--resume", str(broken_off))

    assert answer.code == 2
    assert answer.err.count("\n") == 1
    assert f"its {name} is a link" in answer.err
    assert everything() == before


def test_a_picture_that_is_a_link_to_elsewhere_counts_as_gone(
    broken_off: Path, pamela: Run, here: Path
):
    picture = pictures(broken_off)[0]
    picture.rename(here / "elsewhere.png")
    picture.symlink_to(here / "elsewhere.png")
    answer = pamela("run", "--resume", str(broken_off))

    assert answer.code == 2
    assert f"{picture.name}' is gone or damaged" in answer.err


def spoil(file: Path, how: str) -> None:
    """Takes a run's header away, or puts something else there."""
    file.unlink()
    match how:
        case "torn":
            file.write_text("{")
        case "a folder":
            file.mkdir()
        case "a link":
            file.symlink_to("/etc/hostname")
        case _:
            pass


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("gone", "it has no run.json"),
        ("torn", "its run.json"),
        ("a folder", "its run.json can't be read"),
        ("a link", "its run.json"),
    ],
)
def test_a_run_without_its_header_is_named_where_it_lies(
    shipped_run: Path, pamela: Run, how: str, words: str
):
    (shipped_run.parent / "notes").mkdir()
    spoil(shipped_run / "run.json", how)
    answer = pamela("runs")

    assert answer.code == 0
    assert answer.err.count("\n") == 1
    assert f"{shipped_run.name}' is no run: {words}" in answer.err
    (told,) = Shelf(Path("runs")).chosen(Choice()).damaged
    assert told in answer.err
    for reference in (shipped_run.name, str(shipped_run)):
        shown = pamela("show", reference)
        assert shown.code == 2
        assert f"is no run: {words}" in shown.err
        assert shown.err.count("\n") == 1


def test_a_record_that_is_empty_is_said(shipped_run: Path, pamela: Run):
    (shipped_run / "trajectory.jsonl").write_bytes(b"")

    for words in (("show", "latest"), ("runs",)):
        answer = pamela(*words)
        assert answer.code == 0
        assert "trajectory.jsonl is empty" in answer.err


def test_pictures_that_were_swapped_are_said_and_not_passed_on(
    shipped_run: Path, pamela: Run, here: Path
):
    one, other = pictures(shipped_run)[2:6:3]
    one.rename(here / "kept.png")
    other.rename(one)
    (here / "kept.png").rename(other)
    for words in (("report", "latest"), ("export", "latest", "--pictures", "gallery")):
        answer = pamela(*words)
        assert answer.code == 0
        assert "2 of " in answer.err
        assert "not what was recorded" in answer.err
        assert one.name in answer.err
    page = (shipped_run / "report.html").read_text()
    assert "is another picture than the one that was recorded" in page
    assert len(list((here / "gallery").iterdir())) == len(list(one.parent.iterdir())) - 2


def change(run: Path, **by_id: dict[str, object]) -> None:
    """Changes candidates in a run's record."""
    bodies = [json.loads(line) for line in lines_of(run)]
    for body in bodies:
        if body["type"] == "candidate":
            body |= by_id.get(body["id"], {})
    (run / "trajectory.jsonl").write_text("".join(f"{json.dumps(body)}\n" for body in bodies))


def test_parents_in_a_circle_are_said(shipped_run: Path, pamela: Run):
    change(shipped_run, c0001={"parent": "c0002"}, c0002={"parent": "c0001"})
    answer = pamela("show", "latest")

    assert answer.code == 0
    assert "candidates are their own ancestors, in a circle: c0001, c0002\n" in answer.err


def test_a_value_that_can_not_be_used_is_told_from_a_field_that_is_not_known(
    shipped_run: Path, pamela: Run
):
    change(shipped_run, c0001={"score": "much"}, c0002={"smell": "roses"})
    err = pamela("show", "latest").err

    assert "the value can't be used: candidate.score\n" in err
    assert "not known here: candidate.smell\n" in err


def test_the_best_whose_line_is_lost_is_not_said_never_to_have_been(shipped_run: Path, pamela: Run):
    best = load_run(shipped_run).best
    assert best is not None
    number = next(
        n
        for n in of_type(shipped_run, "candidate")
        if json.loads(lines_of(shipped_run)[n])["id"] == best.id
    )
    without_line(shipped_run, number)
    for name in ("best", best.id):
        answer = pamela("show", "latest", name)
        assert answer.code == 2
        assert f"the line of '{best.id}' in trajectory.jsonl is lost" in answer.err


def test_what_was_shown_before_a_break_is_not_shown_again(broken_off: Path, pamela: Run):
    shown = pamela("show", "latest").out
    assert f"Go on        pamela-agent run --resume runs/{broken_off.name}\n" in shown
    answer = pamela("run", "--resume", "latest")

    assert answer.code == 0
    assert "iteration 0/1" not in answer.err
    assert answer.err.count("iteration 1/1") == 1
