from pathlib import Path

import numpy as np
import pytest

from scorer.errors import PrerequisiteError
from scorer.minilm import embed
from scorer.sentences import make_embedder
from tests.scorer.tiny import tiny_sentence_encoder


def test_any_sentence_transformer_in_a_folder_will_do(tmp_path: Path):
    tiny_sentence_encoder(tmp_path)
    made = make_embedder(str(tmp_path), device="cpu")
    vectors = made(["a boat", "boat a", "a boat"])
    assert vectors.shape == (3, 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(vectors[0], vectors[2])
    assert made([]).shape == (0, 16)


def test_the_one_that_ships_is_the_default():
    assert make_embedder() is embed


def test_what_is_no_model_is_refused(tmp_path: Path):
    with pytest.raises(PrerequisiteError, match="no sentence encoder can be loaded from"):
        make_embedder(str(tmp_path), device="cpu")
