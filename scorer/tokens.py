"""What the predictor reads: tables of precomputed tokens, and batches that index them.

    table = build_tokens(rows, encoder, fields=fields_of(rows))
    batch = table.batch(np.array([0, 1, 2]))        # a TokenBatch of torch tensors

Everything frozen is computed once (a picture, a prompt, a sentence such as "age: 34, in the
30s"), and a rating is a handful of indices. The one rule that is not obvious: index -1 is a
missing token, which is masked, never zero-filled and read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

from scorer.data.table import FieldValue, Row
from scorer.encoders import Encoder, PictureFeatures
from scorer.minilm import embed
from scorer.pictures import read_picture

PERSON = "person."
PICTURE = "picture."
"""Prefixes that keep a person's fields and a picture's fields apart."""

CHUNK = 256
"""Pictures that are decoded and encoded at once."""

Embed = Callable[[Sequence[str]], Float[np.ndarray, "text dim"]]


@dataclass(frozen=True)
class TokenBatch:
    """The tokens of some ratings."""

    visual: Float[Tensor, "batch visual"]
    semantic: Float[Tensor, "batch dim"]
    fields: Float[Tensor, "batch field sentence"]
    present: Bool[Tensor, "batch token"]
    """Which of semantic and fields (in this order) are there; the visual token always is."""


@dataclass(frozen=True)
class TokenTable:
    """Distinct tokens, and which of them each row has."""

    visual: Float[Tensor, "picture visual"]
    semantic: Float[Tensor, "prompt dim"]
    sentences: Float[Tensor, "text sentence"]
    picture_index: Int[Tensor, " row"]
    prompt_index: Int[Tensor, " row"]
    field_index: Int[Tensor, "row field"]

    def __len__(self) -> int:
        return len(self.picture_index)

    def batch(self, rows: Int[Tensor, " batch"]) -> TokenBatch:
        """The tokens of some rows."""
        prompts, fields = self.prompt_index[rows], self.field_index[rows]
        return TokenBatch(
            visual=self.visual[self.picture_index[rows]],
            semantic=self.semantic[prompts.clamp(min=0)],
            fields=self.sentences[fields.clamp(min=0)],
            present=torch.cat([prompts[:, None], fields], dim=1) >= 0,
        )

    def without(self, columns: Sequence[int]) -> "TokenTable":
        """The same rows with some fields missing."""
        fields = self.field_index.clone()
        fields[:, list(columns)] = -1
        return replace(self, field_index=fields)

    def to(self, device: torch.device) -> "TokenTable":
        """The same table on another device."""
        return replace(self, **{name: value.to(device) for name, value in vars(self).items()})


def sentence(name: str, value: FieldValue) -> str:
    """A field in words, as the sentence encoder reads it.

    A bare number is read poorly: the decade beside it halves the error with which the age can be
    recovered linearly from the embedding.
    """
    words = name.removeprefix(PERSON).removeprefix(PICTURE).replace("_", " ")
    if words == "age" and isinstance(value, int | float):
        return f"age: {value:g}, in the {int(value) // 10 * 10}s"
    return f"{words}: {value}"


def row_fields(
    demographics: Mapping[str, FieldValue], metadata: Mapping[str, FieldValue]
) -> dict[str, FieldValue]:
    """All fields of one rating by their prefixed names; the prompt is no field."""
    person = {PERSON + name: value for name, value in demographics.items()}
    picture = {PICTURE + name: value for name, value in metadata.items() if name != "prompt"}
    return person | picture


def person_fields(fields: Sequence[str]) -> list[int]:
    """Where the fields of the person, not those of the picture, stand."""
    return [place for place, name in enumerate(fields) if name.startswith(PERSON)]


def person_embedding(
    demographics: Mapping[str, FieldValue], fields: Sequence[str], embed_texts: Embed = embed
) -> Float[np.ndarray, "field sentence"]:
    """Sentence embeddings of the person's fields among `fields`; nan for one that is missing."""
    names = [fields[place] for place in person_fields(fields)]
    found, present = spoken_fields([demographics], names, embed_texts)
    return np.where(present[0][:, None], found[0], np.nan).astype(np.float64)


def fields_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """Every field that occurs, the person's first, in a stable order."""
    return tuple(sorted({name for r in rows for name in row_fields(r.demographics, r.metadata)}))


def encode_pictures(paths: Sequence[Path], encoder: Encoder) -> PictureFeatures:
    """Features of picture files, decoded a chunk at a time."""
    parts = [
        encoder.encode_images([read_picture(path) for path in paths[start : start + CHUNK]])
        for start in range(0, len(paths), CHUNK)
    ]
    if not parts:
        return encoder.encode_images([])
    return PictureFeatures(
        np.concatenate([part.visual for part in parts]),
        np.concatenate([part.joint for part in parts]),
    )


def build_tokens(
    rows: Sequence[Row],
    encoder: Encoder,
    *,
    fields: Sequence[str],
    embed_texts: Embed = embed,
) -> TokenTable:
    """The token table of ratings, from their picture files.

    Raises:
        PictureError: a picture does not decode; `load_pamela` leaves such rows out.
    """
    pictures = list(dict.fromkeys(row.image for row in rows))
    features = encode_pictures(pictures, encoder)
    place = {path: index for index, path in enumerate(pictures)}
    return assemble(
        features.visual,
        [place[row.image] for row in rows],
        [row.prompt for row in rows],
        [row_fields(row.demographics, row.metadata) for row in rows],
        Vocabulary(encoder, tuple(fields), embed_texts),
    )


def spoken_fields(
    people: Sequence[Mapping[str, FieldValue]], fields: Sequence[str], embed_texts: Embed = embed
) -> tuple[Float32[np.ndarray, "person field sentence"], Bool[np.ndarray, "person field"]]:
    """Sentence embeddings of people's fields among `fields`, and which are there (else it is 0)."""
    spoken = [
        [sentence(name, told[name]) if name in told else None for name in fields]
        for told in (row_fields(person, {}) for person in people)
    ]
    places = _places([text for row in spoken for text in row])
    known = embed_texts([*places, "a"])  # one text more, for the width
    found = np.zeros((len(people), len(fields), known.shape[1]), np.float32)
    present = np.zeros(found.shape[:2], bool)
    for person, row in enumerate(spoken):
        for field, text in enumerate(row):
            if text is not None:
                found[person, field], present[person, field] = known[places[text]], True
    return found, present


@dataclass(frozen=True)
class Vocabulary:
    """What turns words into tokens; fields that it does not name are left out."""

    encoder: Encoder
    fields: tuple[str, ...]
    embed: Embed = embed


def assemble(
    visual: Float[np.ndarray, "picture visual"],
    picture_index: Sequence[int],
    prompts: Sequence[str | None],
    fields: Sequence[Mapping[str, FieldValue]],
    vocabulary: Vocabulary,
) -> TokenTable:
    """The token table of rows whose picture features are known."""
    prompt_place = _places(prompts)
    spoken = [
        [sentence(name, row[name]) if name in row else None for name in vocabulary.fields]
        for row in fields
    ]
    text_place = _places([text for row in spoken for text in row])
    index = [[_index(text_place, text) for text in row] for row in spoken]
    return TokenTable(
        visual=torch.from_numpy(np.ascontiguousarray(visual)),
        semantic=_table(vocabulary.encoder.encode_texts(list(prompt_place))),
        sentences=_table(vocabulary.embed(list(text_place))),
        picture_index=torch.tensor(list(picture_index), dtype=torch.long),
        prompt_index=torch.tensor([_index(prompt_place, p) for p in prompts], dtype=torch.long),
        field_index=torch.tensor(index, dtype=torch.long).reshape(
            len(prompts), len(vocabulary.fields)
        ),
    )


def _places(texts: Sequence[str | None]) -> dict[str, int]:
    distinct = dict.fromkeys(text for text in texts if text is not None)
    return {text: index for index, text in enumerate(distinct)}


def _index(places: Mapping[str, int], text: str | None) -> int:
    return -1 if text is None else places[text]


def _table(vectors: Float[np.ndarray, "text dim"]) -> Float[Tensor, "row dim"]:
    """At least one row, so that a missing token has something to (not) read."""
    rows = vectors if len(vectors) else np.zeros((1, vectors.shape[1]), np.float32)
    return torch.from_numpy(np.ascontiguousarray(rows))
