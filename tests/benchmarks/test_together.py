"""Which pairs of attributes ratings ask for."""

import torch

from benchmarks.together import NAMES, PAIRS, Rated, likeliest
from miniature.classifier import HEADS
from miniature.concepts import concept_values
from miniature.together import places_of

PAIR = ("lighting", "camera_angle")


def people_who_like(*, together: bool) -> Rated:
    """Of one value of two attributes, everybody with a weight of their own, or of their product."""
    generator = torch.Generator().manual_seed(1)
    again = torch.randn(300, sum(map(len, HEADS.values())), generator=generator)
    told = torch.zeros(300, len(concept_values()))
    for name in HEADS:
        for concept, place in places_of(name):
            told[:, concept] = again[:, place]
    one, other = (again[:, places_of(name)[0][1]] for name in PAIR)
    seen = torch.stack([one * other] if together else [one, other], dim=1)
    people = []
    for _ in range(30):
        rows = torch.randperm(300, generator=generator)[:40]
        weights = torch.randn(seen.shape[1], generator=generator)
        noise = 0.3 * torch.randn(40, generator=generator)
        people.append((rows, seen[rows] @ weights + noise))
    return Rated(told, again, people)


def test_the_pair_that_people_like_together_is_found() -> None:
    found, begin = likeliest(people_who_like(together=True), seed=0)
    pairs = found[len(NAMES) :]
    assert PAIRS[int(pairs.argmax())] == PAIR
    assert pairs.max() > begin


def test_what_is_liked_each_by_itself_asks_for_no_pair() -> None:
    found, begin = likeliest(people_who_like(together=False), seed=0)
    assert found[NAMES.index("lighting")] > begin
    assert found[len(NAMES) + PAIRS.index(PAIR)] < begin
