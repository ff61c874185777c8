"""Frozen sentence encoders for the fields of people and pictures, by name.

    embed = make_embedder("minilm")                 # what ships with the project
    embed = make_embedder("Qwen/Qwen3-Embedding-0.6B")
    embed(["age: 34, in the 30s"])                  # (1, dim), unit length

Any model that sentence-transformers loads will do: a folder or an id on the model hub. The one rule
that is not obvious: a field is embedded as a document, without the instruction that some models
put before a query.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from scorer.checkpoints import UNREADABLE, unreadable
from scorer.device import resolve_device
from scorer.minilm import EMBEDDED, embed
from scorer.tokens import Embed


def make_embedder(spec: str = EMBEDDED, *, device: str = "auto") -> Embed:
    """The encoder that a spec names: `minilm`, a folder, or an id on the model hub.

    Raises:
        PrerequisiteError: there is no such model.
    """
    return embed if spec == EMBEDDED else Embedder(spec, device=device)


class Embedder:
    """Sentence embeddings of any model; a text is embedded once."""

    def __init__(self, place: str, *, device: str = "auto") -> None:
        from sentence_transformers import SentenceTransformer

        try:
            self._model: Any = SentenceTransformer(
                place, device=str(resolve_device(device)), local_files_only=Path(place).is_dir()
            )
        except UNREADABLE as error:
            raise unreadable(
                "sentence encoder", place, error, as_in="--sentences FOLDER"
            ) from error
        self._known: dict[str, np.ndarray] = {}

    def __call__(self, texts: Sequence[str]) -> Float[np.ndarray, "text dim"]:
        """Unit-length embeddings in float32."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        if missing:
            vectors = self._model.encode(
                missing, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
            )
            self._known.update(zip(missing, vectors.astype(np.float32), strict=True))
        if not texts:
            return self(["a"])[:0]
        return np.stack([self._known[text] for text in texts])
