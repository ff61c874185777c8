"""Trains the maps of the image-text encoder alone, at the end, with its tower at rest.

    seen = see(vision, scenes, texts, seed)
    train_heads(heads, seen, texts, plan)

What the tower sees in every training picture is computed once, so that a step is a few small
products: each phrase of the grammar is met many times.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm import tqdm
from transformers import ResNetModel

from miniature.augment import disturbed
from miniature.captions import said_of
from miniature.classifier import Shown
from miniature.told import Naming, Texts, joint_loss
from miniature.training import Plan, fit, gathered, precision, share_of, worker
from scorer.miniature_encoder import JointHeads, pooled

HEADS_CLAIMS, HEADS_BATCH, HEADS_RATE = 512, 256, 2e-3
"""Phrases and pictures a step, and the rate, of training the maps alone."""


@dataclass(frozen=True)
class Seen:
    """What the tower sees in every training picture, under the finishes of its captions."""

    features: Float[Tensor, "picture width"]
    shown: Int[Tensor, "picture attribute"]


@torch.inference_mode()
def see(vision: ResNetModel, scenes: Shown, texts: Texts, seed: int) -> Seen:
    """Looks at every scene once under each of its captions' finishes; processes share them."""
    features, shown = [], []
    rows = share_of(len(scenes.pictures))
    for start in tqdm(rows[::16], desc="pictures", disable=worker()[0] > 0):
        made, rng = [], np.random.default_rng((seed, start))
        for row in range(start, min(start + 16, rows.stop)):
            for finish in texts.finishes[row]:
                picture, named = scenes.under(row, finish)
                made.append(picture)
                shown.append(said_of(named))
        with precision("cpu"):
            features.append(pooled(vision, disturbed(made, rng)).float())
    return Seen(gathered(torch.cat(features)), gathered(torch.tensor(shown)))


def train_heads(heads: JointHeads, seen: Seen, texts: Texts, plan: Plan) -> JointHeads:
    """Trains the maps on, with the tower at rest.

    Phrases of attributes that have few of them are asked more often than their share.
    """
    count = Counter(claim.attribute for claim in texts.claimed)
    weights = np.array([count[claim.attribute] ** -0.5 for claim in texts.claimed])
    weights /= weights.sum()
    naming = Naming()
    model = nn.ModuleList([heads, naming]).train()

    def loss_of(step: int) -> Tensor:
        rng = np.random.default_rng((plan.seed, step, 1))
        rows = rng.choice(len(seen.features), plan.batch, replace=False)
        asked = texts.ask(rows, rng.choice(len(weights), HEADS_CLAIMS, p=weights))
        part, parts = worker()
        own = torch.arange(len(rows))[part::parts]
        mine = torch.from_numpy(rows)[own]
        with precision("cpu"):
            return joint_loss(heads, naming, seen.features[mine], seen.shown[mine], asked, own)

    fit(model, loss_of, plan, "heads")
    return heads
