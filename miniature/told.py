"""What the image-text encoder compares pictures with: captions, and single phrases as claims.

texts = embed_texts(attributes, seed, kept=Path("build/encoder-texts"))
loss = sigmoid_loss(logits, true)
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from miniature.attributes import Attributes
from miniature.captions import Claim, caption, claims
from miniature.finish import Finish, draw_finish
from miniature.training import precision, wait_for_all, worker
from scorer.files import written

CAPTIONS = 4
"""Captions embedded beforehand for every scene, each under a palette of its own."""
CLAIMS = 0.5
"""Weight of the loss on single phrases beside that on captions."""


@dataclass(frozen=True)
class Texts:
    """Sentence embeddings of everything that a picture is compared with."""

    captions: Float[np.ndarray, "scene caption 384"]
    finishes: list[list[Finish]]
    """Of each scene, the finishes of its captions."""
    claims: Float[Tensor, "claim 384"]
    claimed: list[Claim]


def sigmoid_loss(
    logits: Float[Tensor, "image text"], true: Bool[Tensor, "image text"]
) -> Float[Tensor, ""]:
    """Sigmoid loss for language-image pre-training, where a text may be true of many images."""
    signs = 2 * true.to(logits.dtype) - 1
    return -F.logsigmoid(signs * logits).sum() / len(logits)


def _embed(texts: list[str]) -> np.ndarray:
    from scorer.minilm import sentence_model

    with precision("cpu"):
        vectors = sentence_model().encode(
            texts, batch_size=128, normalize_embeddings=True, show_progress_bar=True
        )
    return np.asarray(vectors, np.float32)


def embed_texts(attributes: list[Attributes], seed: int, kept: Path) -> Texts:
    """Captions of scenes and all claims, embedded by the frozen sentence encoder.

    The first of several processes embeds and keeps them in a file, the others read it.
    """
    rng = np.random.default_rng(seed)
    finishes = [[draw_finish(rng) for _ in range(CAPTIONS)] for _ in attributes]
    captions = [
        caption(finish.of(named), rng)
        for named, own in zip(attributes, finishes, strict=True)
        for finish in own
    ]
    known = claims()
    texts = captions + [claim.text for claim in known]
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    file = kept.with_name(f"{kept.name}-{digest[:16]}.npy")
    if worker()[0] == 0 and not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        with written(file) as stream:
            np.save(stream, _embed(texts))
    wait_for_all()
    vectors = np.load(file)
    embedded = vectors[: len(captions)].reshape(len(attributes), CAPTIONS, -1)
    return Texts(embedded, finishes, torch.from_numpy(vectors[len(captions) :]), known)
