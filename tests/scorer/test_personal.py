import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from scorer import make_scorer
from scorer.adapt import Prior, load_prior, save_prior
from scorer.encoders import PictureFeatures
from scorer.errors import InputError, PrerequisiteError
from scorer.personal import PersonalScorer
from scorer.predictor import PamelaNetwork, save_network
from scorer.profile import UserProfile
from tests.scorer.synthetic import FIELDS, SyntheticEncoder

COLOURS = ("red", "green", "blue", "grey")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("predictor")
    network = PamelaNetwork(
        visual_dim=5, semantic_dim=4, fields=FIELDS, encoder_id="synthetic", width=16, heads=2
    )
    save_network(network, folder)
    save_prior(Prior(np.zeros(21), np.eye(21), np.eye(22) * 0.1, 0.5), folder)
    return str(folder)


def pictures() -> list[PIL.Image.Image]:
    return [PIL.Image.new("RGB", (8, 8), colour) for colour in COLOURS]


def scorer(place: str, *, personal: bool = True) -> PersonalScorer:
    return PersonalScorer(place, personal=personal, device="cpu", encoder=SyntheticEncoder())


def profile(folder: Path, *scores: int, **keys: object) -> UserProfile:
    for picture, colour in zip(pictures(), COLOURS, strict=True):
        picture.save(folder / f"{colour}.png")
    ratings = [
        {"image": f"{colour}.png", "score": score}
        for colour, score in zip(COLOURS, scores, strict=False)
    ]
    text = json.dumps({"user_id": "owl", "ratings": ratings} | keys)
    return UserProfile.parse(text, folder=folder)


def values(place: str, user: UserProfile) -> list[float]:
    return [s.value for s in scorer(place).score(pictures(), [None] * 4, user)]


def test_scores_come_in_order_with_their_guards(place: str, tmp_path: Path) -> None:
    scores = scorer(place).score(pictures(), ["a", None, "b", "c"], profile(tmp_path))
    assert len(scores) == 4
    assert scores[0].parts["personal"] == scores[0].value
    assert {"personal_sd", "adherence", "saturation", "colourfulness"} <= scores[0].parts.keys()
    assert "adherence" not in scores[1].parts


def test_ratings_move_the_scores_of_what_was_rated(place: str, tmp_path: Path) -> None:
    before = values(place, profile(tmp_path))
    after = values(place, profile(tmp_path, 5, 1))
    assert after[0] - before[0] > after[1] - before[1]


def test_ratings_lower_the_standard_deviation(place: str, tmp_path: Path) -> None:
    def deviation(user: UserProfile) -> float:
        return scorer(place).score(pictures()[:1], [None], user)[0].parts["personal_sd"]

    assert deviation(profile(tmp_path, 5, 1)) < deviation(profile(tmp_path))


def test_demographics_change_the_scores(place: str, tmp_path: Path) -> None:
    plain = values(place, profile(tmp_path))
    assert values(place, profile(tmp_path, demographics={"age": 60})) != plain
    assert values(place, profile(tmp_path, demographics={"shoes": 42})) == plain


def test_words_of_taste_do_not_change_the_scores(place: str, tmp_path: Path) -> None:
    worded = profile(tmp_path, likes=["red"], dislikes=["blue"], notes="x")
    assert values(place, worded) == values(place, profile(tmp_path))


def test_the_average_knows_nothing_of_the_person(place: str, tmp_path: Path) -> None:
    average = scorer(place, personal=False)
    users = (profile(tmp_path), profile(tmp_path, 5, 1, demographics={"age": 60}))
    first, second = (average.score(pictures(), [None] * 4, user) for user in users)
    assert [s.value for s in first] == [s.value for s in second]
    assert first[0].parts["average"] == first[0].value


def test_the_same_person_is_adapted_to_once(place: str, tmp_path: Path) -> None:
    user, judge = profile(tmp_path, 5, 1), scorer(place)
    first = judge.score(pictures(), [None] * 4, user)
    for colour in COLOURS:
        (tmp_path / f"{colour}.png").unlink()
    assert judge.score(pictures(), [None] * 4, user) == first


def test_many_people_at_once_are_judged_as_one_by_one(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAMELA_CACHE_DIR", str(tmp_path / "cache"))
    users = [
        profile(tmp_path, user_id="first"),
        profile(tmp_path, 5, 1, user_id="second", demographics={"age": 60}),
        profile(tmp_path, user_id="third", demographics={"gender": "female"}),
    ]
    prompts = ["a", None, "b", "c"]
    encoder = Counting()
    judge = PersonalScorer(place, personal=True, device="cpu", encoder=encoder)
    liking = judge.likings(pictures(), prompts, users)
    assert encoder.seen == len(pictures())
    for row, user in enumerate(users):
        scores = scorer(place).score(pictures(), prompts, user)
        np.testing.assert_allclose(liking.mean[row], [s.value for s in scores], atol=1e-5)
        deviations = [s.parts["personal_sd"] for s in scores]
        np.testing.assert_allclose(liking.std[row], deviations, atol=1e-5)


class Counting(SyntheticEncoder):
    """Counts the pictures that it is asked for."""

    seen = 0

    def encode_images(self, images: Sequence[PIL.Image.Image]) -> PictureFeatures:
        self.seen += len(images)
        return super().encode_images(images)


def test_no_pictures_give_no_scores(place: str, tmp_path: Path) -> None:
    assert scorer(place).score([], [], profile(tmp_path)) == []
    assert scorer(place).likings([], [], [profile(tmp_path)]).mean.shape == (1, 0)
    assert scorer(place).likings(pictures(), [None] * 4, []).mean.shape == (0, 4)


def test_another_encoder_than_it_was_trained_on_is_refused(place: str, tmp_path: Path) -> None:
    class Other(SyntheticEncoder):
        id = "other"

    judge = PersonalScorer(place, personal=True, device="cpu", encoder=Other())
    with pytest.raises(PrerequisiteError, match="trained on the encoder 'synthetic', not on 'oth"):
        judge.score(pictures(), [None] * 4, profile(tmp_path))


def test_a_prior_of_another_version_is_refused(place: str, tmp_path: Path) -> None:
    folder = tmp_path / "older"
    shutil.copytree(place, folder)
    prior = load_prior(folder)
    save_prior(replace(prior, centre=prior.centre[:16], basis=prior.basis[:16]), folder)
    with pytest.raises(PrerequisiteError, match="16 features, and its network has 21"):
        scorer(str(folder)).score(pictures(), [None] * 4, profile(tmp_path))


def test_it_is_described_by_hashes_of_its_weights(place: str) -> None:
    told = scorer(place).describe()
    assert told["scorer"] == "pamela"
    assert len(told["sha256:adaptation.safetensors"]) == 64


def test_the_embedded_one_is_described_alike_wherever_it_is_installed() -> None:
    assert {make_scorer(spec).describe()["place"] for spec in ("pamela", "average")} == {"embedded"}


def test_a_folder_without_weights_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match=r"lacks config\.json.*or plain `pamela`"):
        make_scorer(f"pamela:{tmp_path}")
    with pytest.raises(PrerequisiteError, match="no predictor in"):
        make_scorer(f"pamela:{tmp_path}/none")


@pytest.mark.parametrize("spec", ["", "pamela:", "averages", "average:", "fake", "fake:", "hpsv3:"])
def test_an_unknown_spec_lists_the_known_ones(spec: str) -> None:
    with pytest.raises(InputError, match=r"pamela\[:<path or id>\], average.*hpsv3.*fake:noise"):
        make_scorer(spec)


def test_noise_follows_pixels_and_seed_only(tmp_path: Path) -> None:
    noise = make_scorer("fake:noise", seed=1)
    first = noise.score(pictures(), [None] * 4, profile(tmp_path))
    again = noise.score(pictures()[::-1], ["x"] * 4, profile(tmp_path, 5, 1))
    other = make_scorer("fake:noise", seed=2).score(pictures(), [None] * 4, profile(tmp_path))
    assert first == again[::-1]
    assert all(a.value != b.value for a, b in zip(first, other, strict=True))
    assert "adherence" not in first[0].parts


def test_noise_is_standard_normal_around_three(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (1500, 2, 2, 3), np.uint8)
    images = [PIL.Image.fromarray(frame) for frame in frames]
    scores = make_scorer("fake:noise").score(images, [None] * 1500, profile(tmp_path))
    drawn = np.array([score.value for score in scores])
    assert drawn.mean() == pytest.approx(3, abs=0.1)
    assert drawn.std() == pytest.approx(1, abs=0.06)


def test_importing_the_scorer_loads_nothing_heavy() -> None:
    heavy = "torch transformers diffusers dspy litellm pandas scipy sentence_transformers"
    code = f"import sys, scorer; print([m for m in '{heavy}'.split() if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
