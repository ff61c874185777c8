"""Which values the encoder multiplies."""

from collections import Counter

from miniature.classifier import HEADS
from miniature.concepts import concept_values
from miniature.together import TOGETHER, places_of, products_between

SEEN = [(name, value) for name, values in HEADS.items() for value in values]


def test_both_eyes_name_the_same_value() -> None:
    named = concept_values()
    for attribute in HEADS:
        for concept, again in places_of(attribute):
            value = SEEN[again][1]
            assert SEEN[again][0] == attribute
            assert named[concept] in ((attribute, value), (f"{attribute} {value}", value))
    assert len(places_of("lighting")) == len(HEADS["lighting"])


def test_every_pair_of_values_comes_once() -> None:
    products = products_between(TOGETHER)
    names = [SEEN[again][0] for again in products.again.tolist()]
    pairs = [tuple(pair) for pair in products.pairs.tolist()]
    many = {name: len(places_of(name)) for name in HEADS}
    expected = {
        (a, b): many[a] * (many[a] + 1) // 2 if a == b else many[a] * many[b] for a, b in TOGETHER
    }
    assert Counter((names[i], names[j]) for i, j in pairs) == expected
    assert len({frozenset(pair) for pair in pairs}) == len(pairs)
