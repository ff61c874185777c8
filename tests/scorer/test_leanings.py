"""What a predictor expects of words, and the file beside its weights that says so."""

from pathlib import Path

import numpy as np
import pytest

from miniature import WEIGHTS
from prompts.catalogue import load_catalogue
from scorer.base import Leans
from scorer.encoders import PictureFeatures, unit
from scorer.errors import PrerequisiteError
from scorer.leanings import FILE, bank_file, lean, load_bank, save_bank, shares, worths
from scorer.noise import NoiseScorer
from scorer.personal import PersonalScorer
from scorer.profile import UserProfile

LIGHTS = ("golden hour", "moonlight", "neon", "candle-light", "overcast", "backlit")


def drawn(values: list[int], count: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Pictures that each show one value, and the texts of the values, in a space of ten numbers."""
    rng = np.random.default_rng(0)
    directions = np.eye(10, dtype=np.float32)
    noise = 0.1 * rng.standard_normal((len(values), 10)).astype(np.float32)
    return unit(directions[values] + noise), [directions[[value]] for value in range(count)]


def test_a_picture_gives_its_axis_to_the_value_that_it_shows():
    values = [number % 3 for number in range(60)]
    joint, texts = drawn(values, 3)
    found = shares(joint, texts, ["lighting"] * 3)
    assert (found.argmax(1) == values).all()
    assert found.max(1).min() > 0.9
    np.testing.assert_allclose(found.sum(1), 1.0, atol=1e-6)


def test_a_value_that_stands_alone_is_told_from_pictures_that_show_it_less():
    joint, texts = drawn([0, 1] * 30, 1)
    found = shares(joint, texts, ["medium"])[:, 0]
    assert found[::2].min() > 0.8
    assert found[1::2].max() < 0.2


def test_worths_are_found_again_in_the_liking():
    rng = np.random.default_rng(1)
    shown = np.eye(4)[rng.integers(4, size=800)]
    worth = np.array([1.0, 0.5, -0.5, -1.0])
    liking = 3.0 + shown @ worth + 0.2 * rng.standard_normal(800)
    found = lean(liking, shown) * liking.std()
    np.testing.assert_allclose(found, worth, atol=0.05)
    np.testing.assert_allclose(lean(7 * liking - 2, shown), lean(liking, shown), atol=1e-9)


def test_what_no_picture_shows_is_worth_nothing():
    shown = np.column_stack([np.arange(100) % 2, np.zeros(100)]).astype(float)
    found = lean(shown[:, 0] * 1.0, shown)
    assert found[0] > 1.5
    assert found[1] == 0.0


def test_words_that_no_picture_shows_are_worth_little_beside_those_that_some_do():
    rng = np.random.default_rng(3)
    values = [int(value) for value in rng.integers(3, size=400)]
    joint, texts = drawn(values, 6)
    phrases = {str(number): texts[number] for number in range(6)}
    words = {"lighting": dict.fromkeys("012", ("",)), "lens": dict.fromkeys("345", ("",))}
    told = iter(np.concatenate([phrases[name] for axis in words.values() for name in axis])[None])
    liking = np.array([1.0, 0.0, -1.0])[values] + 0.5 * rng.standard_normal(400)
    found = worths(joint, liking, words, lambda phrases: next(told))
    assert found["0"] > 0.5
    assert found["2"] < -0.5
    assert max(abs(found[name]) for name in "345") < 0.3


def test_where_everything_is_liked_alike_there_are_no_leanings():
    nearly = 3.0 + 1e-7 * np.arange(10)
    assert not lean(nearly, np.eye(10)).any()
    words = {"lighting": {"moonlight": ("in moonlight",), "neon": ("in neon light",)}}
    assert worths(np.eye(10, dtype=np.float32), nearly, words, lambda texts: np.eye(10)[:2]) == {}


def test_a_bank_comes_back_and_a_folder_without_one_has_none(tmp_path: Path):
    rng = np.random.default_rng(2)
    bank = PictureFeatures(
        rng.standard_normal((5, 7)).astype(np.float32),
        unit(rng.standard_normal((5, 3)).astype(np.float32)),
    )
    assert bank_file(tmp_path / "mine", personal=True) is None
    save_bank(bank, "an encoder", tmp_path)
    assert bank_file(tmp_path, personal=True) == tmp_path / FILE
    assert bank_file(tmp_path / "average", personal=False) == tmp_path / FILE
    assert bank_file(tmp_path / "another", personal=True) is None
    read = load_bank(tmp_path / FILE, "an encoder")
    np.testing.assert_allclose(read.visual, bank.visual, atol=2e-3)
    np.testing.assert_allclose(read.joint, bank.joint, atol=2e-3)


def test_a_broken_bank_is_named(tmp_path: Path):
    (tmp_path / FILE).write_bytes(b"no tensors")
    with pytest.raises(PrerequisiteError, match=r"bank\.safetensors.*copy the predictor"):
        load_bank(tmp_path / FILE, "an encoder")


def test_a_bank_of_another_encoder_is_refused(tmp_path: Path):
    bank = PictureFeatures(np.zeros((2, 3), np.float32), np.zeros((2, 3), np.float32))
    save_bank(bank, "one", tmp_path)
    with pytest.raises(PrerequisiteError, match="seen by the encoder 'one', not by 'other'"):
        load_bank(tmp_path / FILE, "other")


def test_the_predictor_that_ships_leans_to_what_simulated_people_like():
    """Over the lights, what is expected of each of four people goes with their hidden taste."""
    from miniature.examples import example_tastes
    from miniature.taste import VALUES

    scorer, catalogue = PersonalScorer(str(WEIGHTS / "predictor"), personal=True), load_catalogue()
    words = {"lighting": {name: catalogue.value(name).phrases for name in LIGHTS}}
    tastes, rows = example_tastes(), []
    for path in sorted(Path("examples").glob("*.json")):
        user = UserProfile.load(path)
        found = scorer.leanings("floating mossy rocks", user, words)
        assert list(found) == list(LIGHTS)
        true = dict(zip(VALUES["lighting"], tastes[user.user_id].weights["lighting"], strict=True))
        rows.append(np.corrcoef([found[n] for n in LIGHTS], [true[n] for n in LIGHTS])[0, 1])
    assert len(rows) == 4
    assert np.mean(rows) > 0.3


def test_who_leans_and_who_does_not():
    assert isinstance(PersonalScorer(str(WEIGHTS / "predictor"), personal=True), Leans)
    assert not isinstance(NoiseScorer(seed=0), Leans)
