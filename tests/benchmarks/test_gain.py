from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from benchmarks.gain import Outcome, add_figures, asked_for
from benchmarks.people import examples
from benchmarks.perfect import Perfect
from benchmarks.report import Report
from scorer.base import Scores
from scorer.errors import InputError
from scorer.profile import UserProfile

MANY = [f"p{number:02d}" for number in range(24)]


def test_prompts_are_searched_for_four_people_each_who_never_meet_again():
    asked = [asked_for(number, MANY) for number in range(24)]
    assert {len(four) for four in asked} == {4}
    assert set(Counter(person for four in asked for person in four).values()) == {4}
    met = Counter(pair for four in asked for pair in combinations(sorted(four), 2))
    assert set(met.values()) == {1}


def test_every_prompt_is_searched_for_everybody_if_there_are_few():
    assert asked_for(5, MANY[:4]) == MANY[:4]


def test_nobody_is_asked_for_twice():
    for count in (5, 6, 7):
        asked = [asked_for(number, MANY[:count]) for number in range(24)]
        assert all(len(set(few)) == len(few) >= 3 for few in asked)


def outcome(prompt: int, person: int, true: float) -> Outcome:
    return Outcome(f"prompt {prompt}", MANY[person], 1.0, true, 0.5, 0.1)


@pytest.mark.parametrize("people_differ", [True, False])
def test_the_wider_interval_counts_whether_people_or_prompts_differ(people_differ: bool):
    report = Report("gain")
    places = [(k, n) if people_differ else (n, k) for n in range(4) for k in range(6)]
    add_figures(report, [outcome(p, k, float(k if people_differ else p)) for p, k in places])
    figure = report.figures["mean gain: true"]
    assert figure["mean"] == 1.5
    low, high = figure["ci95"]
    assert (low < 0.8, high > 2.2) == (True, True)  # the others alone would say 1.5 to 1.5
    share = report.bars["share of runs with a positive true gain"]
    assert (share.value, share.ok) == (0.75, False)
    assert report.bars["true gain, in gains of best-of-N"].value == 3.0


def test_a_folder_with_one_profile_is_refused_by_name(tmp_path: Path):
    UserProfile(user_id="simulated-ada").save(tmp_path / "ada.json")
    with pytest.raises(InputError, match="holds 1 profiles: 2 or more"):
        examples(tmp_path)


def test_somebody_whose_taste_is_not_known_is_refused_by_name(tmp_path: Path):
    UserProfile(user_id="owl").save(tmp_path / "owl.json")
    with pytest.raises(InputError, match="holds 'owl', whose true taste is not known"):
        examples(tmp_path)


class Guards:
    """A scorer whose liking is of no use."""

    def score(self, images: Any, prompts: Any, user: UserProfile) -> list[Scores]:
        return [Scores(2.0, {"personal": 2.0, "personal_sd": 0.5, "adherence": 0.3})] * len(images)

    def describe(self) -> dict[str, str]:
        return {"scorer": "guards"}


class Brightness:
    """True liking that can be counted out."""

    def __call__(self, person: str, pictures: np.ndarray) -> np.ndarray:
        return pictures.mean((1, 2, 3)) + len(person)


def test_a_perfect_predictor_says_the_true_liking_and_keeps_the_guards():
    scorer = Perfect(Guards(), Brightness())
    pictures = [PIL.Image.new("RGB", (4, 4), (grey,) * 3) for grey in (1, 3)]
    first, second = scorer.score(pictures, ["a rock"] * 2, UserProfile(user_id="owl"))

    assert (first.value, second.value) == (4.0, 6.0)
    assert first.parts == {"true": 4.0, "adherence": 0.3}
    assert scorer.describe() == {"scorer": "guards", "liking": "true"}
