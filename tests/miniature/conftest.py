from dataclasses import replace

import numpy as np
import pytest

from miniature.attributes import PALETTES, Attributes, sample
from miniature.captions import claims, contrast
from miniature.classifier import Shown
from miniature.concepts import concept_values, concepts_shown
from miniature.finish import draw_finish
from miniature.states import Captions
from miniature.told import CAPTIONS, Texts


@pytest.fixture(scope="session")
def attributes() -> list[Attributes]:
    return [sample(np.random.default_rng(number)) for number in range(12)]


@pytest.fixture(scope="session")
def scenes(attributes: list[Attributes]) -> Shown:
    rng = np.random.default_rng(0)
    return Shown(rng.integers(0, 256, (12, 128, 128, 3), dtype=np.uint8), attributes)


@pytest.fixture(scope="session")
def texts(attributes: list[Attributes]) -> Texts:
    rng = np.random.default_rng(1)
    finishes = [[draw_finish(rng) for _ in range(CAPTIONS)] for _ in attributes]
    pairs = [
        contrast(f.of(a), rng) for a, own in zip(attributes, finishes, strict=True) for f in own
    ]
    known = claims()
    said = [told for pair in pairs for told in (pair.said, pair.said_wrongly)]
    said += [claim.said for claim in known]
    lengths = rng.integers(3, 9, len(said) + 1)
    tokens = rng.standard_normal((lengths.sum(), 384)).astype(np.float16)
    states = Captions(tokens, np.concatenate([[0], np.cumsum(lengths)]))
    return Texts(states, np.array(said, np.int8), finishes, known)


@pytest.fixture(scope="session")
def varied() -> Shown:
    """Scenes that show every value of every concept between them."""
    missing = set(range(len(concept_values())))
    attributes: list[Attributes] = []
    for number in range(2000):
        scene = sample(np.random.default_rng(number))
        shown = set(np.flatnonzero(concepts_shown(scene)).tolist())
        if shown & missing:
            attributes.append(scene)
            missing -= shown
    palettes = [replace(attributes[0], palette=palette) for palette in PALETTES]
    attributes += [*palettes, replace(attributes[0], look="digital art")]
    rng = np.random.default_rng(2)
    return Shown(rng.integers(0, 256, (len(attributes), 128, 128, 3), dtype=np.uint8), attributes)
