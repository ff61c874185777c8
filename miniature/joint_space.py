"""Trains the maps of the image-text encoder alone, at the end, with its tower at rest.

    seen = see(vision, pictures, attributes, texts, seed)
    train_heads(heads, seen, texts, plan)

What the tower sees in every training picture is computed once, so that a step is a few small
products: each phrase of the grammar is met hundreds of times.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from tqdm import tqdm
from transformers import ResNetModel

from miniature.attributes import Attributes
from miniature.classifier import augment, to_tensor
from miniature.told import CLAIMS, Texts, sigmoid_loss
from miniature.training import Plan, fit, precision, worker
from scorer.miniature_encoder import JointHeads, pooled

HEADS_CLAIMS, HEADS_BATCH, HEADS_RATE = 2048, 512, 2e-3
"""Phrases and pictures a step, and the rate, of training the maps alone."""


@dataclass(frozen=True)
class Seen:
    """What the tower sees in every training picture under the finishes of its captions."""

    features: Float[Tensor, "picture width"]
    captions: Float[Tensor, "picture 384"]
    true: Bool[Tensor, "picture kind"]
    kinds: Int[Tensor, " claim"]
    """Of each claim; those of a kind speak of the same value, so they are true together."""


@torch.inference_mode()
def see(
    vision: ResNetModel, pictures: np.ndarray, attributes: list[Attributes], texts: Texts, seed: int
) -> Seen:
    """Looks at every scene once under each of its captions' finishes."""
    values = [(claim.attribute, claim.value) for claim in texts.claimed]
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    first = [texts.claimed[values.index(value)] for value in places]
    features, true = [], []
    for start in tqdm(range(0, len(pictures), 16), desc="pictures"):
        rows = range(start, min(start + 16, len(pictures)))
        made = [
            augment(pictures[row], attributes[row], finish, np.random.default_rng((seed, row, n)))
            for row in rows
            for n, finish in enumerate(texts.finishes[row])
        ]
        with precision("cpu"):
            features.append(pooled(vision, to_tensor(np.stack([p for p, _ in made]))).float())
        true.append(torch.tensor([[claim.holds(named) for claim in first] for _, named in made]))
    captions = torch.from_numpy(texts.captions).flatten(0, 1)
    kinds = torch.tensor([places[value] for value in values])
    return Seen(torch.cat(features), captions, torch.cat(true), kinds)


def train_heads(heads: JointHeads, seen: Seen, texts: Texts, plan: Plan) -> JointHeads:
    """Trains the maps on, with the tower at rest: so small, they meet every phrase many times.

    Phrases of attributes that have few of them are asked more often than their share.
    """
    count = Counter(claim.attribute for claim in texts.claimed)
    weights = np.array([count[claim.attribute] ** -0.5 for claim in texts.claimed])
    weights /= weights.sum()
    heads.train()

    def loss_of(step: int) -> Tensor:
        rng = np.random.default_rng((plan.seed, step, 1))
        rows = torch.from_numpy(rng.choice(len(seen.features), plan.batch, replace=False))
        asked = torch.from_numpy(rng.choice(len(weights), HEADS_CLAIMS, p=weights))
        part, parts = worker()
        mine, own = rows[part::parts], torch.eye(len(rows), dtype=torch.bool)[part::parts]
        with precision("cpu"):
            said = heads(seen.features[mine], seen.captions[rows]).float()
            claimed = heads(seen.features[mine], texts.claims[asked]).float()
        true = seen.true[mine][:, seen.kinds[asked]]
        return sigmoid_loss(said, own) + CLAIMS * sigmoid_loss(claimed, true)

    fit(heads, loss_of, plan, "heads")
    return heads
