"""Makes what the encoder asks of every picture: how likely it finds each value of an attribute.

    concepts = concepts_of(vision, heads, texts, scenes, look(vision, heads, held_out))

A concept is the mean of the phrases that say a value; its probabilities are calibrated on scenes
that nothing trained on (docs/decisions/0033-evidence-of-single-words.md).
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm
from transformers import PreTrainedModel

from miniature.attributes import Attributes
from miniature.augment import disturbed, to_tensor
from miniature.captions import SAYABLE, claims
from miniature.classifier import Shown
from miniature.finish import draw_finish
from miniature.told import Texts
from scorer.concepts import Concepts, make_concepts
from scorer.miniature_encoder import JointHeads, seen_both_ways

STANDARD_PICTURES = 2000
"""On which features are standardised."""
FINISHES = 2
"""In which every held-out scene is looked at."""
AT_ONCE = 50
ALONE = ("colour", "material", "weather", "palette")
"""Attributes that may have a value without a word: no colour, matt, clear weather, natural."""


def axis_and_value(attribute: str, value: str) -> tuple[str, str]:
    """Where a value stands among the concepts: beside the others, or alone, true or not."""
    return (f"{attribute} {value}" if attribute in ALONE else attribute, value)


@cache
def concept_values() -> list[tuple[str, str]]:
    """What the concepts say, in their order."""
    spoken = [claim for claim in claims() if claim.value is not None]
    return list(dict.fromkeys(axis_and_value(c.attribute, str(c.value)) for c in spoken))


def concepts_shown(attributes: Attributes) -> list[bool]:
    """Which concepts are true of a scene."""
    shown = {name: str(getattr(attributes, name)) for name in SAYABLE}
    return [shown[axis.split()[0]] == value for axis, value in concept_values()]


Looked = tuple[Float[Tensor, "picture dim"], Bool[Tensor, "picture concept"]]
"""Pictures in the joint space, and which concepts are true of them."""


@torch.inference_mode()
def look(vision: PreTrainedModel, heads: JointHeads, scenes: Shown) -> Looked:
    """Looks at scenes in finishes of chance: `FINISHES` rows a scene, one after the other."""
    rng = np.random.default_rng(0)
    joint, true = [], []
    for start in tqdm(range(0, len(scenes.pictures), AT_ONCE), desc="pictures"):
        made = [
            scenes.under(row, draw_finish(rng))
            for row in range(start, min(start + AT_ONCE, len(scenes.pictures)))
            for _ in range(FINISHES)
        ]
        pictures = to_tensor(np.stack([picture for picture, _ in made]))
        seen, _ = seen_both_ways(vision, pictures)
        joint.append(heads.picture(seen))
        true += [concepts_shown(named) for _, named in made]
    return torch.cat(joint), torch.tensor(true)


def calibrate(
    logits: Float[Tensor, "picture value"], true: Bool[Tensor, "picture value"]
) -> tuple[float, float]:
    """The scale and the offset that make the logits of one axis likeliest (Guo et al. 2017).

    Of several values one is true, in the pictures that count, and an offset would change nothing.

    Raises:
        ValueError: no picture shows any of the values.
    """
    if not true.any():
        raise ValueError("no picture shows any of these values: calibrate on more of them")
    several = logits.shape[1] > 1
    scale, offset = (torch.zeros((), requires_grad=True) for _ in range(2))
    counts = true.any(1) if several else torch.ones(len(true), dtype=torch.bool)
    logits, true = logits[counts], true[counts]
    optimizer = torch.optim.LBFGS([scale] if several else [scale, offset], max_iter=100)

    def loss() -> Tensor:
        optimizer.zero_grad()
        made = logits * scale.exp() + offset
        if several:
            lost = F.cross_entropy(made, true.int().argmax(1))
        else:
            lost = F.binary_cross_entropy_with_logits(made, true.float())
        lost.backward()
        return lost

    optimizer.step(loss)
    return scale.exp().item(), offset.item()


def calibrate_all(
    concepts: Concepts,
    heads: JointHeads,
    joint: Float[Tensor, "picture dim"],
    true: Bool[Tensor, "picture concept"],
) -> Concepts:
    """Concepts whose probabilities are as sure as they are right of these pictures."""
    logits, axis = heads.logits(joint, concepts.texts).detach(), concepts.axis
    columns = [axis == number for number in range(int(axis.max()) + 1)]
    fitted = [calibrate(logits[:, own], true[:, own]) for own in columns]
    scale, offset = torch.tensor(fitted).T
    return replace(concepts, scale=scale, offset=offset)


def some_of(scenes: Shown, texts: Texts) -> Iterator[Float[Tensor, "picture 3 size size"]]:
    """Training pictures to standardise features on, a few at a time; always the same."""
    rng = np.random.default_rng(0)
    count = len(scenes.pictures)
    rows = rng.choice(count, min(count, STANDARD_PICTURES), replace=False)
    for part in np.array_split(rows, max(1, len(rows) // AT_ONCE)):
        made = [scenes.under(int(row), texts.finishes[row][0])[0] for row in part]
        yield disturbed(made, rng)


@torch.inference_mode()
def standardise(
    concepts: Concepts, vision: PreTrainedModel, heads: JointHeads, texts: Texts, scenes: Shown
) -> Concepts:
    """Concepts that know mean and spread of their features over training pictures."""
    likely, early = [], []
    for pictures in some_of(scenes, texts):
        seen, before = seen_both_ways(vision, pictures)
        logits = heads.logits(heads.picture(seen), concepts.texts)
        likely.append(concepts.probabilities(logits))
        early.append(before)
    return concepts.standardised(torch.cat(likely), torch.cat(early))


def concepts_of(
    vision: PreTrainedModel, heads: JointHeads, texts: Texts, scenes: Shown, looked: Looked
) -> Concepts:
    """All values that claims speak of, in their phrasings, calibrated and standardised.

    Args:
        vision: The tower.
        heads: The maps.
        texts: Among them the claims.
        scenes: Pictures that it trained on, to standardise on.
        looked: At held-out ones, to calibrate on.
    """
    spoken = [n for n, claim in enumerate(texts.claimed) if claim.value is not None]
    asked = [texts.claimed[n] for n in spoken]
    values = [axis_and_value(claim.attribute, str(claim.value)) for claim in asked]
    numbers = texts.first_claim + np.array(spoken)
    with torch.no_grad():
        told = [
            heads.text(*map(torch.from_numpy, texts.states.padded(part)))
            for part in np.array_split(numbers, max(1, len(numbers) // 200))
        ]
    joint, true = looked
    concepts = calibrate_all(make_concepts(torch.cat(told), values), heads, joint.clone(), true)
    return standardise(concepts, vision, heads, texts, scenes)
