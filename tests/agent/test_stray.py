from collections.abc import Sequence

import numpy as np
import pytest

from agent.lm.draw import draw_edits
from agent.stray import LEAST, OwnWords, found, strays, verbatim
from prompts.catalogue import load_catalogue
from tests.agent.lm.requests import asking

MEANING = {
    "house": (1.0, 0.0, 0.0, 0.0),
    "cottage": (0.9, 0.4, 0.0, 0.0),
    "red": (0.0, 1.0, 0.0, 0.0),
    "scarlet": (0.1, 1.0, 0.0, 0.0),
    "car": (0.1, 0.0, 1.0, 0.0),
    "snow": (0.0, 0.0, 0.0, 1.0),
}
NOTHING = (0.0, 0.0, 0.0, 0.0)


class Dictionary:
    """Embeds words by what a small dictionary says; anything else means nothing."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, text: str, spans: Sequence[tuple[int, int]]) -> np.ndarray:
        self.read.append(text)
        rows = [MEANING.get(text[start:end].casefold(), NOTHING) for start, end in spans]
        vectors = np.array(rows).reshape(len(spans), len(NOTHING))
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def own(prompt: str = "a red house in the snow") -> OwnWords:
    return OwnWords(prompt, Dictionary())


def read_by(words: OwnWords) -> list[str]:
    assert isinstance(words.embed, Dictionary)
    return words.embed.read


def test_a_word_that_stands_there_is_found_without_a_model():
    words = own()

    assert found(words, "In snow: a house, painted RED", words.words).tolist() == [1, 1, 1]
    assert read_by(words) == []


def test_a_word_in_other_words_is_found_by_its_meaning():
    words = own()
    red, house, snow = found(words, "a scarlet cottage in the snow", words.words)

    assert 0.9 < house < 1
    assert 0.9 < red < 1
    assert snow == 1


def test_the_users_prompt_is_embedded_once():
    words = own()
    for text in ("a cottage", "a car"):
        found(words, text, words.words)

    assert read_by(words) == ["a cottage", "a red house in the snow", "a car"]


@pytest.mark.parametrize("text", ["", "—", "of the"])
def test_a_text_without_words_holds_nothing(text: str):
    words = own()

    assert found(words, text, words.words).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("text", "refused_at"),
    [
        ("a red house in the snow, in moonlight", []),
        ("a huge red house deep in the snow", []),
        ("a scarlet cottage in the snow", ["none"]),
        ("a red house on a beach", ["none", "low"]),
        ("a car on a beach", ["none", "low", "medium"]),
    ],
)
def test_each_level_lets_more_through(text: str, refused_at: list[str]):
    assert [level for level in LEAST if strays(own(), text, level)] == refused_at


def test_what_is_refused_is_said_with_the_figure():
    left = strays(own(), "a car", "medium")

    assert left is not None
    assert left.figure == "subject"
    assert left.message() == (
        f"subject {left.value:.3f} is below {left.least:.3f}: nothing in the edit stands for "
        f"'red' of your prompt"
    )


def test_verbatim_wants_the_words_in_their_order():
    assert verbatim("A rock.", "a huge ROCK, at dusk") == (1.0, "")
    assert verbatim("a mossy rock", "a rock, mossy") == (pytest.approx(2 / 3), "rock")
    assert verbatim("🪨 rock", "a rock") == (0.0, "🪨")


def test_a_prompt_without_words_holds_an_edit_to_nothing():
    assert [level for level in LEAST if strays(own("…"), "a car", level)] == []


@pytest.mark.parametrize("prompt", ["Floating, mossy rocks...", "a tree in moonlight", "a boat; "])
def test_edits_of_the_catalogue_only_add_words(prompt: str):
    parent, catalogue = prompt, load_catalogue()
    for seed in range(4):
        edits = draw_edits(asking(prompt, parent_prompt=parent, seed=seed), catalogue)
        assert [edit for edit in edits if strays(own(prompt), edit.prompt, "none")] == []
        parent = edits[0].prompt


def test_the_packaged_encoder_tells_a_paraphrase_from_another_subject():
    from scorer.minilm import embed_spans

    words = OwnWords("two foxes asleep under a beech tree", embed_spans)

    assert strays(words, "a pair of sleeping foxes beneath a beech, in moonlight", "low") is None
    assert strays(words, "a swimming pool full of people, in moonlight", "medium") is not None


def test_what_the_encoder_says_depends_on_nothing_else():
    from scorer.minilm import DIMENSION, embed_spans

    spans = [(2, 6), (0, 1)]
    first = embed_spans("a rock at dusk", spans)
    embed_spans("something else that is longer", [(0, 9)])

    assert first.shape == (2, DIMENSION)
    assert np.array_equal(first, embed_spans("a rock at dusk", spans))
    assert np.linalg.norm(first, axis=1) == pytest.approx(1)
    assert not embed_spans("rock " * 400, [(1990, 1994)]).any()
