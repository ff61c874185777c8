"""Training, evaluating, scoring and rating on the command line, real classes at tiny size."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from agent.cli.main import main
from scorer import UserProfile
from scorer.epochs import Training
from scorer.personal import PersonalScorer
from tests.scorer.tiny import tiny_sentence_encoder, tiny_siglip

PEOPLE, PICTURES = 8, 30


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ratings by people of whom half like bright pictures and half dark ones; tiny encoders."""
    folder = tmp_path_factory.mktemp("predictor")
    tiny_siglip(folder / "siglip")
    tiny_sentence_encoder(folder / "words")
    (folder / "data").mkdir()
    rng = np.random.default_rng(0)
    light = rng.integers(0, 256, PICTURES)
    for number, level in enumerate(light):
        noise = rng.integers(0, 30, (16, 16, 3)) + int(level) * 220 // 255
        path = folder / "data" / f"{number}.png"
        PIL.Image.fromarray(noise.astype(np.uint8)).save(path)
    lines = ["user,image,score,prompt,person.gender,split"]
    for person in range(PEOPLE):
        bright = person % 2 == 0
        for number, level in enumerate(light):
            liked = 1 + round(4 * (level if bright else 255 - level) / 255)
            late, unseen = number >= PICTURES - 8, person >= PEOPLE - 2
            if late or not unseen:
                split = ("val_" + ("unseen" if unseen else "seen")) if late else "train"
                gender = "female" if bright else "male"
                lines.append(f"p{person},{number}.png,{liked},a boat,{gender},{split}")
    (folder / "data" / "ratings.csv").write_text("\n".join(lines) + "\n")
    words = ["train", "--data", f"csv={folder / 'data'}", "--out", str(folder / "mine")]
    words += ["--encoder", f"siglip:{folder / 'siglip'}", "--sentences", str(folder / "words")]
    assert main([*words, "--epochs", "3", "--width", "16", "--device", "cpu"]) == 0
    return folder


def test_a_trained_predictor_is_a_folder_that_scores(
    place: Path, capsys: pytest.CaptureFixture[str]
):
    assert (place / "mine" / "adaptation.safetensors").is_file()
    assert (place / "mine" / "average" / "model.safetensors").is_file()
    assert not list((place / "mine").rglob("*.pt"))
    (place / "owl.json").write_text('{"user_id": "owl", "demographics": {"gender": "female"}}')
    pictures = [str(place / "data" / f"{number}.png") for number in range(4)]
    words = ["score", *pictures, "--user", str(place / "owl.json"), "--json", "--device", "cpu"]
    words += ["--scorer", f"pamela:{place / 'mine'}", "--scorer", f"average:{place / 'mine'}"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    values = [image["score"] for image in told["images"]]
    assert values == sorted(values, reverse=True)
    assert {"personal", "personal_sd", "average"} <= set(told["images"][0]["scores"])
    assert len(told["scorers"]) == 2


def test_a_trained_predictor_says_what_it_expects_of_words(place: Path):
    (place / "owl.json").write_text('{"user_id": "owl", "demographics": {"gender": "female"}}')
    words = {"lighting": {"noon sun": ("in the midday sun",), "moonlight": ("in moonlight",)}}
    for folder, personal in ((place / "mine", True), (place / "mine" / "average", False)):
        scorer = PersonalScorer(str(folder), personal=personal, device="cpu")
        found = scorer.leanings("a boat", UserProfile.load(place / "owl.json"), words)
        assert list(found) == ["noon sun", "moonlight"]
        assert found["noon sun"] * found["moonlight"] < 0  # of two values, one is the better


def train_words(place: Path, out: Path) -> list[str]:
    words = ["train", "--data", f"csv={place / 'data'}", "--out", str(out), "--device", "cpu"]
    words += ["--encoder", f"siglip:{place / 'siglip'}", "--sentences", str(place / "words")]
    return [*words, "--epochs", "2", "--width", "16"]


def test_a_predictor_is_replaced_only_when_that_is_said(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "mine"
    shutil.copytree(place / "mine", out)
    weights = out / "model.safetensors"
    before = weights.read_bytes()

    assert main(train_words(place, out)) == 2
    assert (
        f"{str(out)!r} is not empty: name a new one, or say --overwrite" in capsys.readouterr().err
    )
    assert weights.read_bytes() == before
    assert main([*train_words(place, out), "--overwrite"]) == 0
    assert weights.read_bytes() != before


def test_a_training_that_was_stopped_goes_on_without_a_word(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    undisturbed, stopped = tmp_path / "undisturbed", tmp_path / "stopped"
    assert main(train_words(place, undisturbed)) == 0

    advance = Training.advance

    def interrupted(training: Training) -> None:
        if training.epoch == 1:
            raise KeyboardInterrupt
        advance(training)

    with monkeypatch.context() as patched:
        patched.setattr(Training, "advance", interrupted)
        assert main(train_words(place, stopped)) == 130
    assert (stopped / "training.pt").is_file()
    assert main(train_words(place, stopped)) == 0
    for name in ("model.safetensors", "adaptation.safetensors", "average/model.safetensors"):
        assert (stopped / name).read_bytes() == (undisturbed / name).read_bytes()
    assert not list(stopped.rglob("*.pt"))


def test_figures_stand_beside_the_baselines(place: Path, capsys: pytest.CaptureFixture[str]):
    words = ["evaluate", "--data", f"csv={place / 'data'}", "--device", "cpu", "--ratings", "5"]
    words += ["--scorer", f"pamela:{place / 'mine'}", "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["splits"]) == {"val_seen", "val_unseen"}
    seen = told["splits"]["val_seen"]
    mine = f"pamela:{place / 'mine'}"
    assert set(seen) == {"constant", "group mean", "image mean", mine, f"{mine}, 5 ratings"}
    assert seen["constant"]["user"]["pairwise"]["value"] == 0.5
    adapted = seen[f"{mine}, 5 ratings"]["user"]["srocc"]["value"]
    assert adapted > seen["image mean"]["user"]["srocc"]["value"]


def test_a_figure_that_is_undefined_is_null(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for number in range(3):
        shutil.copy(place / "data" / f"{number}.png", tmp_path)
    rows = ("p0,0.png,1,train", "p0,1.png,2,val_seen", "p0,2.png,2,val_seen")  # no pair
    (tmp_path / "ratings.csv").write_text("\n".join(("user,image,score,split", *rows)) + "\n")
    words = ["evaluate", "--data", f"csv={tmp_path}", "--split", "val_seen", "--device", "cpu"]
    assert main([*words, "--scorer", f"average:{place / 'mine'}", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["splits"]["val_seen"]["constant"]["user"]
    assert found["srocc"] == {"value": None, "ci95": [None, None]}
    assert found["pairwise"]["value"] is None


def test_the_table_names_models_and_figures(place: Path, capsys: pytest.CaptureFixture[str]):
    words = ["evaluate", "--data", f"csv={place / 'data'}", "--split", "val_unseen"]
    assert main([*words, "--scorer", f"average:{place / 'mine'}", "--device", "cpu"]) == 0
    shown = capsys.readouterr()
    for part in ("SROCC", "PLCC", "pairs", "image mean", "16 ratings by 2 people"):
        assert part in shown.out
    assert "ratings of 30 pictures by 8 people" in shown.err


def test_ratings_go_into_the_profile_one_by_one(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    profile = place / "people" / "ada.json"
    profile.parent.mkdir()
    profile.write_text('{"user_id": "ada"}')
    monkeypatch.setattr("sys.stdin", io.StringIO("5\nmaybe\n2\ns\n4\nq\n"))
    words = ["rate", "--user", str(profile), str(place / "data"), "--device", "cpu"]
    assert main([*words, "--scorer", f"pamela:{place / 'mine'}"]) == 0
    user = UserProfile.load(profile)
    assert [rating.score for rating in user.ratings] == [5, 2, 4]
    assert len({path.read_bytes() for path in user.picture_paths}) == 3
    assert all(path.parent == profile.parent / "ratings" for path in user.picture_paths)
    told = capsys.readouterr().err
    assert "'maybe' is no rating" in told
    assert told.count("  skipped\n") == 1
    assert "3 ratings written into" in told

    monkeypatch.setattr("sys.stdin", io.StringIO("1\n"))
    assert main([*words, "--scorer", f"pamela:{place / 'mine'}", "--count", "1"]) == 0
    again = UserProfile.load(profile)
    assert len({path.read_bytes() for path in again.picture_paths}) == 4

    class Interrupted(io.StringIO):
        def readline(self, size: int | None = -1, /) -> str:
            line = super().readline()
            if not line:
                raise KeyboardInterrupt
            return line

    monkeypatch.setattr("sys.stdin", Interrupted("3\n"))
    assert main([*words, "--scorer", f"pamela:{place / 'mine'}"]) == 130
    assert len(UserProfile.load(profile).ratings) == 5
    assert f"every answer until here stands in {profile}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "--data", "ava=x", "--out", "o"), "'ava=x' is no <layout>=<folder>"),
        (("train", "--data", "csv=x", "--out", "o"), "'x' does not exist"),
        (("evaluate", "--data", "pamela", "--json"), "'pamela' is no <layout>=<folder>"),
        (("rate", "--user", "owl.json", "nowhere"), "'nowhere' is no folder"),
        (("rate", "--user", "owl.json", "x", "--scorer", "average"), "learns from no ratings"),
        (("score", "a.png", "--user", "owl.json", "--scorer", "hpsv4"), "unknown scorer 'hpsv4'"),
    ],
)
def test_bad_input_is_one_line(
    words: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owl.json").write_text('{"user_id": "owl"}')
    PIL.Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert main(list(words)) == 2
    told = capsys.readouterr().err
    assert message in told
    assert len(told.strip().splitlines()) == 1
    assert not (tmp_path / "o").exists()
