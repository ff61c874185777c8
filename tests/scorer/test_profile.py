import json
from pathlib import Path

import PIL.Image
import pytest

from scorer.errors import InputError
from scorer.profile import UserProfile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "ratings").mkdir(parents=True)
    PIL.Image.new("RGB", (8, 8), "red").save(home / "ratings" / "1.png")
    return home


def write(folder: Path, **keys: object) -> Path:
    file = folder / "profile.json"
    file.write_text(json.dumps({"user_id": "owl"} | keys))
    return file


def rated(image: str) -> list[dict[str, object]]:
    return [{"image": image, "score": 4}]


def test_only_the_user_id_is_required(folder: Path) -> None:
    profile = UserProfile.load(write(folder))
    assert (profile.user_id, profile.ratings, profile.demographics) == ("owl", (), {})


def test_any_demographic_field_is_allowed(folder: Path) -> None:
    profile = UserProfile.load(write(folder, demographics={"age": 34, "eyes": "green", "x": 0.5}))
    assert profile.demographics == {"age": 34, "eyes": "green", "x": 0.5}


@pytest.mark.parametrize("age", [0, 34, 34.0, 130, "18-21", "25 – 34"])
def test_an_age_is_years_or_a_group_of_them(folder: Path, age: object) -> None:
    assert UserProfile.load(write(folder, demographics={"age": age})).demographics == {"age": age}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"user_id": "a", "user_id": "b"}', "user_id"),
        ('{"user_id": "a", "demographics": {"age": 3, "x": 1, "age": 4}}', "age"),
        ('{"user_id": "a", "ratings": [{"score": 1, "score": 5, "image": "x"}]}', "score"),
    ],
)
def test_a_key_that_stands_there_twice_is_named(folder: Path, text: str, key: str) -> None:
    (folder / "profile.json").write_text(text)
    with pytest.raises(InputError, match=f"profile.json' has the key '{key}' twice"):
        UserProfile.load(folder / "profile.json")


def test_pictures_are_found_beside_the_profile(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, ratings=rated("ratings/1.png"))
    monkeypatch.chdir(folder)
    profile = UserProfile.load("profile.json")
    monkeypatch.chdir("/")
    assert profile.picture_paths == ((folder / "ratings/1.png").resolve(),)


def test_saved_and_loaded_again_it_is_the_same(folder: Path) -> None:
    profile = UserProfile.load(write(folder, likes=["fog"], ratings=rated("ratings/1.png")))
    profile.save(folder / "again.json")
    assert UserProfile.load(folder / "again.json") == profile
    assert not list(folder.glob(".*"))


def test_saving_does_not_overwrite_unless_told(folder: Path) -> None:
    file = write(folder)
    profile = UserProfile.load(file)
    with pytest.raises(InputError, match="is not overwritten"):
        profile.save(file)
    profile.save(file, overwrite=True)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"user_id": ""}, "user_id = ''"),
        ({"user_id": "a\x1b[2J"}, "control characters"),
        ({"user_id": 7}, "user_id = 7"),
        ({"colour": "red"}, "unknown key 'colour': known are schema_version, user_id"),
        ({"schema_version": 2}, "schema_version = 2"),
        ({"likes": "fog"}, "likes = 'fog'"),
        ({"demographics": {"age": True}}, "demographics.age = True: must be text or a number"),
        ({"demographics": {"age": [1]}}, r"demographics.age = \[1\]"),
        ({"likes": "fog"}, "must be a list, as in"),
        ({"demographics": "old"}, "demographics = 'old': must be an object"),
        ({"demographics": {"age": -4}}, "demographics.age = -4: must be a whole number of years"),
        ({"demographics": {"age": "old"}}, "demographics.age = 'old': must be a whole number"),
        ({"demographics": {"age": 131}}, "demographics.age = 131"),
        ({"demographics": {"age": 3.5}}, "demographics.age = 3.5"),
        ({"demographics": {"age": "21-18"}}, "demographics.age = '21-18'"),
        ({"notes": 3}, "notes = 3: must be text"),
        ({"ratings": [{"image": "ratings/1.png", "score": 6}]}, "ratings.0.score = 6"),
        ({"ratings": [{"image": "ratings/1.png", "score": "4"}]}, "ratings.0.score = '4'"),
        ({"ratings": [{"image": "ratings/1.png"}]}, "lacks the key 'ratings.0.score'"),
        ({"ratings": [{"picture": "x", "image": "x", "score": 4}]}, "unknown key 'ratings.0.pic"),
    ],
)
def test_what_is_not_valid_is_named_with_its_value(
    folder: Path, keys: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        UserProfile.load(write(folder, **keys))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "is not JSON"),
        (b"[]", "is not valid"),
        (b"\xff\xfe{}", "is not JSON"),
        (b'{"user_id": "owl", "demographics": {"age": NaN}}', "demographics.age = nan"),
        (b'{"user_id": "\\ud800"}', "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_what_is_no_profile_is_refused_in_one_line(folder: Path, text: bytes, message: str) -> None:
    (folder / "profile.json").write_bytes(text)
    with pytest.raises(InputError, match=message) as caught:
        UserProfile.load(folder / "profile.json")
    assert "\n" not in str(caught.value)


def test_a_missing_profile_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json.*pamela-agent init"):
        UserProfile.load(tmp_path / "none.json")


def test_a_folder_is_no_profile(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        UserProfile.load(tmp_path)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("ratings/2.png", "does not exist"),
        ("ratings", "is not a file"),
        ("text.png", "does not decode"),
        ("cut.png", "does not decode"),
        ("../outside.png", "lies outside"),
        ("link.png", "lies outside"),
        ("a\x00b", "does not exist"),
    ],
)
def test_a_picture_that_cannot_be_used_is_named(folder: Path, image: str, message: str) -> None:
    good = (folder / "ratings/1.png").read_bytes()
    (folder / "text.png").write_text("no picture")
    (folder / "cut.png").write_bytes(good[: len(good) // 2])
    (folder.parent / "outside.png").write_bytes(good)
    (folder / "link.png").symlink_to(folder.parent / "outside.png")
    with pytest.raises(InputError, match=rf"ratings\.0\.image.*{message}"):
        UserProfile.load(write(folder, ratings=rated(image)))


def test_an_absolute_path_is_refused_even_inside_the_folder(folder: Path) -> None:
    file = write(folder, ratings=rated(str(folder / "ratings/1.png")))
    with pytest.raises(InputError, match="lies outside"):
        UserProfile.load(file)


@pytest.mark.parametrize(
    "keys",
    [
        {"notes": "x" * 20_001},
        {"likes": ["x" * 15_000], "dislikes": ["x" * 15_000]},
        {"likes": ["fog"] * 7_000},
        {"demographics": {"job": "x" * 20_001}},
    ],
)
def test_what_goes_into_every_request_has_an_end(folder: Path, keys: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"characters .*, 20000 are allowed: shorten") as caught:
        UserProfile.load(write(folder, **keys))
    assert len(str(caught.value)) < 500
    assert UserProfile.load(write(folder, notes="x" * 20_000)).notes
