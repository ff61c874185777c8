import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import PIL.Image
import pytest

from agent import load_run
from agent.errors import InputError
from agent.find import list_runs, resolve_run
from agent.folder import check_writable, new_run_folder
from agent.records import INITIAL_ID, ProposalRecord, Result, from_line, to_line
from agent.store import RunStore, Shot, pixel_digest
from agent.trajectory import Candidate, Event, Heldout, Image, Seconds, Step

NewStore = Callable[..., RunStore]

CANDIDATE = Candidate(
    id=INITIAL_ID,
    iteration=0,
    prompt='a "rock"\n\u2028 🪨 ../ <b>\x1b\x00',
    status="scored",
    score=3.5,
    scores={"noise": 3.5},
    images=(Image(path="images/x.png", seed=7, sha256="ab"),),
    seconds={"render": 0.25, "score": 0.5},
)
WARNING = Event(type="warning", iteration=0, message="cut after 77 tokens")
NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)


def lines(store: RunStore) -> list[dict[str, object]]:
    text = (store.folder / "trajectory.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n")[:-1]]


@pytest.mark.parametrize(
    "record",
    [
        CANDIDATE,
        WARNING,
        ProposalRecord(iteration=1, parents=("c0000",), answers=()),
        Heldout(candidate="c0000", seed=3, score=None, error="no picture"),
        Result(status="failed"),
    ],
)
def test_record_survives_its_line(record: Candidate):
    assert from_line(to_line(record)) == (record, None)
    assert "\n" not in to_line(record)


def test_step_carries_the_time_spent():
    step, seconds = Step(iteration=0, beam=("c0000",), best_score=1.0), Seconds(render=2, total=3)

    assert from_line(to_line(step, seconds)) == (step, seconds)


def test_records_come_back(new_store: NewStore):
    with new_store() as store:
        store.record(CANDIDATE)
        store.record(WARNING)
        store.record(Step(iteration=0, beam=(INITIAL_ID,), best_score=3.5), Seconds(total=9))
    run = load_run(store.folder)

    assert (run.initial, run.best, run.candidates) == (CANDIDATE, CANDIDATE, (CANDIDATE,))
    assert run.events == (WARNING,)
    assert run.usage.seconds.total == 9
    assert run.usage.renders == 1


def test_first_line_says_whose_run_it_is(new_store: NewStore):
    with new_store("mossy rocks") as store:
        first = lines(store)[0]

    assert first["type"] == "run"
    assert (first["id"], first["prompt"]) == (store.folder.name, "mossy rocks")


def test_torn_last_line_is_as_if_never_written(new_store: NewStore):
    with new_store() as store:
        store.record(CANDIDATE)
    path = store.folder / "trajectory.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"type": "candidate", "id": "c00')

    assert load_run(store.folder).candidates == (CANDIDATE,)
    with RunStore.resume(store.folder) as again:
        again.record(WARNING)
    assert path.read_bytes().startswith(whole)
    assert load_run(store.folder).events == (WARNING,)


def test_every_cut_of_the_file_can_be_resumed(new_store: NewStore):
    with new_store() as store:
        store.record(CANDIDATE)
        store.record(WARNING)
    path = store.folder / "trajectory.jsonl"
    whole = path.read_bytes()
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        with RunStore.resume(store.folder) as again:
            again.record(CANDIDATE)
            again.record(WARNING)
        assert path.read_bytes() == whole


def test_damage_in_the_middle_is_told_with_its_line(new_store: NewStore):
    with new_store() as store:
        store.record(CANDIDATE)
    path = store.folder / "trajectory.jsonl"
    path.write_bytes(b"{}\n" + path.read_bytes())

    with pytest.raises(InputError, match="damaged in line 1"):
        load_run(store.folder)


def test_what_was_recorded_before_is_not_written_again(new_store: NewStore):
    with new_store() as store:
        for record in (CANDIDATE, WARNING, WARNING):
            store.record(record)
        before = lines(store)
    with RunStore.resume(store.folder) as again:
        for record in (CANDIDATE, WARNING, WARNING):
            again.record(record)
        assert lines(again) == before
        again.record(WARNING)
        assert len(lines(again)) == len(before) + 1


def test_run_without_result_is_running_while_held_and_interrupted_after(new_store: NewStore):
    with new_store() as store:
        assert load_run(store.folder).status == "running"

    assert load_run(store.folder).status == "interrupted"


def test_held_run_is_refused(new_store: NewStore):
    with new_store() as store, pytest.raises(InputError, match="held by another process"):
        RunStore.resume(store.folder)


def test_failed_start_is_tried_again_on_resume(new_store: NewStore):
    failed = CANDIDATE.model_copy(update={"status": "failed", "score": None, "error": "no model"})
    with new_store() as store:
        store.record(failed)
        store.record(Result(status="failed"))
    assert load_run(store.folder).status == "failed"
    with RunStore.resume(store.folder) as again:
        again.record(CANDIDATE)

    run = load_run(store.folder)
    assert (run.initial, run.status) == (CANDIDATE, "interrupted")


def test_picture_carries_its_origin(new_store: NewStore):
    shot = Shot("c0001", 'line\none "two" 🪨 \x1b[2J', seed=42)
    picture = PIL.Image.new("RGB", (4, 3), (1, 2, 3))
    with new_store() as store:
        image = store.save_image(shot, picture)

    assert (image.path, image.seed) == ("images/c0001-42.png", 42)
    with PIL.Image.open(store.folder / image.path) as saved:
        assert saved.info["prompt"] == shot.prompt
        assert (saved.info["seed"], saved.info["candidate"]) == ("42", "c0001")
        assert image.sha256 == pixel_digest(saved) == pixel_digest(picture)


def test_recorded_picture_is_never_overwritten(new_store: NewStore):
    shot = Shot(INITIAL_ID, CANDIDATE.prompt, seed=7)
    with new_store() as store:
        image = store.save_image(shot, PIL.Image.new("RGB", (4, 4), "red"))
        store.record(CANDIDATE.model_copy(update={"images": (image,)}))
        again = store.save_image(shot, PIL.Image.new("RGB", (4, 4), "blue"))

    assert again == image
    with PIL.Image.open(store.folder / image.path) as saved:
        assert saved.getpixel((0, 0)) == (255, 0, 0)


def test_best_picture_is_that_of_the_first_seed(new_store: NewStore):
    with new_store() as store:
        colours = {1: "red", 2: "blue"}
        images = tuple(
            store.save_image(Shot(INITIAL_ID, "a", seed), PIL.Image.new("RGB", (2, 2), colour))
            for seed, colour in colours.items()
        )
        store.publish_best(CANDIDATE.model_copy(update={"images": images}))

    with PIL.Image.open(store.folder / "best.png") as best:
        assert pixel_digest(best) == images[0].sha256


@pytest.mark.parametrize("prompt", ["../../etc", "/", "a\x00b", "con", "🪨", "x" * 2000, "-rf"])
def test_run_folder_lies_in_the_runs_folder_whatever_the_prompt(tmp_path: Path, prompt: str):
    folder = new_run_folder(tmp_path, prompt, NOW)

    assert folder.parent == tmp_path
    assert folder.name.startswith("20261124-1530-")
    assert len(folder.name) < 60


def test_same_minute_and_prompt_make_different_runs(tmp_path: Path):
    folders = {new_run_folder(tmp_path, "rocks", NOW) for _ in range(50)}

    assert len(folders) == 50


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_runs_folder_that_is_a_file_is_bad_input(tmp_path: Path, name: str):
    (tmp_path / "file").write_text("")

    with pytest.raises(InputError, match="can't be written"):
        check_writable(tmp_path / name)
    with pytest.raises(InputError, match="can't be written"):
        new_run_folder(tmp_path / name, "rocks")


def test_run_is_found_by_id_prefix_latest_and_folder(new_store: NewStore):
    with new_store() as first, new_store("other") as second:
        runs_dir = first.folder.parent

    assert [found.folder for found in list_runs(runs_dir)] == [second.folder, first.folder]
    assert resolve_run(runs_dir, "latest") == second.folder
    assert resolve_run(runs_dir, first.folder.name) == first.folder
    assert resolve_run(runs_dir, second.folder.name[:-1]) == second.folder
    assert resolve_run(Path("elsewhere"), str(first.folder)) == first.folder


@pytest.mark.parametrize("reference", ["", "nothing", "..", "\x00", "latest", "/"])
def test_what_is_no_run_is_bad_input(tmp_path: Path, reference: str):
    with pytest.raises(InputError, match="no run"):
        resolve_run(tmp_path, reference)


def test_ambiguous_beginning_is_bad_input(new_store: NewStore):
    with new_store() as first, new_store():
        runs_dir = first.folder.parent

    with pytest.raises(InputError, match="fits several runs"):
        resolve_run(runs_dir, "2")


def test_run_of_another_version_is_told(new_store: NewStore):
    with new_store() as store:
        pass
    path = store.folder / "run.json"
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 9', 1))

    with pytest.raises(InputError, match="schema version 9"):
        load_run(store.folder)


def test_reading_does_not_disturb_a_run_that_is_at_work(new_store: NewStore):
    with new_store() as store:
        readers = [threading.Thread(target=load_run, args=(store.folder,)) for _ in range(4)]
        for reader in readers:
            reader.start()
        for _ in range(20):
            store.record(WARNING)
        for reader in readers:
            reader.join()

    assert len(load_run(store.folder).events) == 20
