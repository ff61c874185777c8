"""Makes the last part of the encoder: what texts say, and what it counts whether pictures show it.

    evidence = make_evidence(heads, concepts, texts, true, seed=3)

Heads learn to name what the maps' queries find in captions and phrases
(docs/decisions/0033-evidence-of-single-words.md).
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from tqdm import tqdm

from miniature.captions import SAYABLE
from miniature.concepts import axis_and_value, concept_values
from miniature.told import Naming, Texts
from scorer.concepts import Concepts
from scorer.evidence import FLOOR, Evidence
from scorer.miniature_encoder import JointHeads

WORTH, OF_OTHERS = {"subject": 0.5, "lighting": 0.375}, 0.25
"""What the evidence of an attribute counts, beside a cosine: without the subject, nothing is right,
and the light makes the picture."""
STEPS, TEXTS_AT_ONCE, RATE = 2000, 1024, 2e-3


@torch.inference_mode()
def gather_all(heads: JointHeads, texts: Texts) -> Float[Tensor, "text query gathered"]:
    """What the queries find in every caption and claim."""
    parts = np.array_split(np.arange(len(texts.said)), max(1, len(texts.said) // 256))
    found = [
        heads.reading.gather(*map(torch.from_numpy, texts.states.padded(part)))
        for part in tqdm(parts, desc="texts")
    ]
    return torch.cat(found)


def train_naming(
    gathered: Float[Tensor, "text query gathered"], said: Int[Tensor, "text attribute"], seed: int
) -> Naming:
    """Learns to name what all texts say; a minute on one core."""
    torch.manual_seed(seed)
    naming, rng = Naming(), np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(naming.parameters(), lr=RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=STEPS)
    for _ in tqdm(range(STEPS), desc="naming"):
        rows = torch.from_numpy(rng.choice(len(said), min(TEXTS_AT_ONCE, len(said))))
        loss = naming.loss(gathered[rows], said[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return naming.eval()


def make_evidence(
    heads: JointHeads,
    concepts: Concepts,
    texts: Texts,
    true: Bool[Tensor, "picture concept"],
    seed: int,
) -> Evidence:
    """Learns to name what texts say, and weighs what concepts say of pictures.

    Args:
        heads: The maps, finished.
        concepts: Calibrated.
        texts: To learn from.
        true: Of held-out pictures, of which some are mossy, some in warm colours, and so on.
        seed: Of the heads.
    """
    gathered = gather_all(heads, texts).clone()
    naming = train_naming(gathered, torch.from_numpy(texts.said), seed)
    rivals = torch.bincount(concepts.axis)[concepts.axis]
    share = true.float().mean(0)
    learned = naming.state_dict()
    attribute, concept, worth = _values()
    return Evidence(
        weight=torch.cat([v for name, v in learned.items() if name.endswith("weight")]),
        bias=torch.cat([v for name, v in learned.items() if name.endswith("bias")]),
        attribute=attribute,
        concept=concept,
        worth=worth,
        prior=torch.where(rivals > 1, 1 / rivals, share).clamp(min=FLOOR),
    )


def _values() -> tuple[Int[Tensor, " value"], Int[Tensor, " value"], Float[Tensor, " value"]]:
    """Of every value that texts are asked for: its attribute, its concept, its worth."""
    known = {value: number for number, value in enumerate(concept_values())}
    attribute, concept, worth = [], [], []
    for number, (name, values) in enumerate(SAYABLE.items()):
        shown = [known.get(axis_and_value(name, value), len(known)) for value in values[1:]]
        concept += [len(known), *shown, len(known) + 1]
        attribute += [number] * (len(values) + 1)
        worth += [WORTH.get(name, OF_OTHERS)] * (len(values) + 1)
    return torch.tensor(attribute), torch.tensor(concept), torch.tensor(worth)
