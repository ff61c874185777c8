import re
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.adherence import WAYS, auc, captions_of, interval, ways_of
from miniature.attributes import sample


def without_articles(text: str) -> str:
    return re.sub(r"\ban? ", "", text)


@pytest.mark.parametrize("name", WAYS)
def test_a_wrong_caption_differs_in_what_it_names_and_in_nothing_else(name: str):
    for seed in range(40):
        scene = sample(np.random.default_rng(seed))
        right, wrong = captions_of(scene, name, seed)
        others = [
            way
            for value in WAYS[name]
            if value != getattr(scene, name)
            for way in ways_of(replace(scene, **{name: value}), name)
        ]
        assert any(
            without_articles(right.replace(own, other, 1)) == without_articles(wrong)
            for own in ways_of(scene, name)
            if own in right
            for other in others
        ), (right, wrong)


def test_the_article_goes_with_the_words():
    scene = replace(sample(np.random.default_rng(0)), subject="umbrella", several=False)
    for seed in range(40):
        for text in captions_of(scene, "subject", seed):
            assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", text), text


def test_the_area_is_the_share_of_pairs_in_the_right_order():
    right, wrong = np.array([3.0, 1.0, 2.0]), np.array([2.0, 0.0])
    # Of six pairs 3>2, 3>0, 1>0, 2>0 are right, 2=2 counts half and 1<2 is wrong.
    assert auc(right, wrong) == pytest.approx(4.5 / 6)


def test_the_interval_holds_the_area():
    rng = np.random.default_rng(0)
    right, wrong = rng.standard_normal(200) + 1, rng.standard_normal(200)
    low, high = interval(right, wrong)
    assert low < auc(right, wrong) < high
    assert high - low < 0.15
