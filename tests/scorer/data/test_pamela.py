import json
from dataclasses import replace
from pathlib import Path

import PIL.Image
import pytest

from scorer.data.pamela import load_pamela, write_pamela
from scorer.data.table import Row
from scorer.errors import InputError


def entry(**keys: object) -> dict[str, object]:
    return {
        "participant_id": "p1",
        "image_id": "a",
        "image_path": "./images/a.png",
        "original_score": 4,
        "image_metadata": {"prompt": "a boat", "group": "scene", "style": None, "type": "Art"},
        "user_demographics": {"age": 34, "age_binned": "30-39", "gender": "female"},
    } | keys


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "annotations").mkdir()
    (tmp_path / "images").mkdir()
    PIL.Image.new("RGB", (8, 8), "red").save(tmp_path / "images" / "a.png")
    return tmp_path


def write(folder: Path, *entries: object, split: str = "pamela_train") -> None:
    (folder / "annotations" / f"{split}.json").write_text(json.dumps(list(entries)))


def test_a_rating_is_a_row(folder: Path) -> None:
    write(folder, entry())
    (row,) = load_pamela(folder).rows
    assert (row.user, row.score, row.split, row.dataset) == ("p1", 4.0, "pamela_train", "pamela")
    assert row.prompt == "a boat"
    assert row.metadata == {"prompt": "a boat", "group": "scene", "type": "Art"}
    assert row.demographics["age"] == 34


def test_what_was_written_is_read_again(folder: Path, tmp_path: Path) -> None:
    write(folder, entry(), entry(participant_id="p2", original_score=1))
    rows = load_pamela(folder).rows
    copy = tmp_path / "copy"
    PIL.Image.new("RGB", (8, 8), "blue").save(folder / "images" / "b.png")
    new = replace(rows[0], image=folder / "images" / "b.png", split="pamela_test_seen")
    write_pamela([*rows, new], copy)
    again = load_pamela(copy)
    assert [(r.user, r.image.name, r.score, r.split) for r in again] == [
        ("p1", "b.png", 4.0, "pamela_test_seen"),
        ("p1", "a.png", 4.0, "pamela_train"),
        ("p2", "a.png", 1.0, "pamela_train"),
    ]
    assert again.rows[1].metadata == rows[0].metadata


def test_the_written_keys_are_those_of_the_data_set(folder: Path) -> None:
    write(folder, entry())
    write_pamela(load_pamela(folder).rows, folder)
    (written,) = json.loads((folder / "annotations" / "pamela_train.json").read_text())
    assert written == entry()


def test_a_broken_picture_is_left_out_counted_and_named(folder: Path) -> None:
    (folder / "images" / "b.png").write_bytes(b"\x89PNG broken")
    broken = entry(image_path="./images/b.png")
    write(folder, entry(), broken, broken | {"participant_id": "p2"})
    table = load_pamela(folder)
    assert len(table) == 1
    assert [(s.image.name, s.ratings) for s in table.skipped] == [("b.png", 2)]
    assert "left out 2 ratings of 1 pictures: b.png" in table.report()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"original_score": 6}, "row 1: original_score = 6"),
        ({"original_score": "4"}, "row 1: original_score = '4'"),
        ({"participant_id": None}, "row 1: participant_id = None"),
        ({"image_path": "../x.png"}, "row 1: image_path = '../x.png' leaves"),
        ({"user_demographics": {"age": [3]}}, r"row 1: user_demographics.age = \[3\]"),
        ({"image_metadata": "boat"}, "row 1: image_metadata = 'boat'"),
    ],
)
def test_a_malformed_row_is_named(folder: Path, bad: dict[str, object], message: str) -> None:
    write(folder, entry(), entry(**bad))
    with pytest.raises(InputError, match=f"pamela_train.json' {message}"):
        load_pamela(folder)


def test_a_missing_key_is_named(folder: Path) -> None:
    incomplete = entry()
    del incomplete["original_score"]
    write(folder, incomplete)
    with pytest.raises(InputError, match="row 0 lacks 'original_score'"):
        load_pamela(folder)


def test_a_folder_without_annotations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no annotation file"):
        load_pamela(tmp_path)


def test_a_file_that_is_no_json_is_named(folder: Path) -> None:
    (folder / "annotations" / "pamela_train.json").write_text("{")
    with pytest.raises(InputError, match=r"pamela_train.json' is not JSON"):
        load_pamela(folder)


def test_two_pictures_of_one_name_are_not_mixed_up(folder: Path) -> None:
    rows = [
        Row("u", folder / "images" / "a.png", 3, "pamela", "s"),
        Row("u", folder / "other" / "a.png", 3, "pamela", "s"),
    ]
    with pytest.raises(InputError, match=r"two pictures are called 'a\.png'"):
        write_pamela(rows, folder)
