from pathlib import Path

import numpy as np

from miniature.participants import make_participants, rating_rows, split_of
from miniature.rated_pictures import GENERATED, RENDERED, Picture
from miniature.taste import VALUES

SEED = 7


def pictures(count: int) -> list[Picture]:
    """Two pictures of every scene, black."""
    black = np.zeros((8, 8, 3), np.uint8)
    return [
        Picture(f"scene-{n:05d}", (RENDERED, n // 2), "a rock", "desert", "photographic", black)
        for n in range(count)
    ]


def test_the_pictures_of_a_scene_lie_in_one_split():
    rng = np.random.default_rng(0)
    percept = {name: rng.random((60, len(values))) for name, values in VALUES.items()}
    made = pictures(60)
    paths = {picture.name: Path(f"{picture.name}.png") for picture in made}
    rows = rating_rows(made, paths, percept, make_participants(SEED), SEED)
    parts: dict[int, set[str]] = {}
    for row in rows:
        scene = int(row.image.stem.split("-")[1]) // 2
        parts.setdefault(scene, set()).add(row.split.split("_")[1])
    assert len(parts) == 30
    assert all(len(found) == 1 for found in parts.values())
    assert {part for found in parts.values() for part in found} == {"train", "val", "test"}


def test_splits_have_the_shares_that_were_decided():
    parts = [split_of((GENERATED, number), SEED) for number in range(3000)]
    shares = [parts.count(name) / len(parts) for name in ("train", "val", "test")]
    assert np.allclose(shares, [0.7, 0.1, 0.2], atol=0.03)


def test_ratings_do_not_change_when_other_pictures_are_added():
    rng = np.random.default_rng(0)
    percept = {name: rng.random((8, len(values))) for name, values in VALUES.items()}
    made = pictures(8)
    paths = {picture.name: Path(f"{picture.name}.png") for picture in made}
    few = {name: values[:4] for name, values in percept.items()}
    people = make_participants(SEED)
    before = rating_rows(made[:4], paths, few, people, SEED)
    after = rating_rows(made, paths, percept, people, SEED)
    assert after[: len(before)] == before
