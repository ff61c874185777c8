"""What an encoder asks of every picture: how likely it finds each value of an attribute.

    concepts = make_concepts(texts, values)                  # means of phrases in the joint space
    likely = concepts.probabilities(heads.logits(pictures, concepts.texts))
    features = concepts.features(likely, early)              # standardised

It is the zero-shot classification of Radford et al. (2021, arXiv 2103.00020), with the mean of
several phrasings as a concept's text, and calibrated (Guo et al. 2017, arXiv 1706.04599): with a
contrastive encoder's own scale it is far too sure of itself. The one rule that is not obvious: the
probabilities of an attribute are shared among its values only where every picture shows one of
them. A value that there may be none of, as of weather or colour, stands alone and is true or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

SMALLEST_SPREAD = 0.01
"""Of a feature: one that hardly varies is not blown up."""


def mean_and_spread(
    found: Float[Tensor, "row feature"],
) -> tuple[Float[Tensor, " feature"], Float[Tensor, " feature"]]:
    """What features are standardised with: the mean, and the standard deviation or a little."""
    return found.mean(0), found.std(0).clamp(min=SMALLEST_SPREAD)


def by_axis(
    logits: Float[Tensor, "row value"], axis: Int[Tensor, " value"]
) -> Float[Tensor, "row value"]:
    """Probabilities: a softmax over the values of an axis, a sigmoid for a value alone."""
    found = torch.zeros_like(logits)
    for number in range(int(axis.max()) + 1):
        own = logits[:, axis == number]
        several = own.shape[1] > 1
        found[:, axis == number] = own.softmax(dim=1) if several else own.sigmoid()
    return found


@dataclass(frozen=True)
class Concepts:
    """What the encoder asks of every picture."""

    texts: Float[Tensor, "concept dim"]
    """Unit vectors in the joint space."""
    axis: Int[Tensor, " concept"]
    """Number of the attribute that a concept is a value of. A value alone is true or not."""
    scale: Float[Tensor, " axis"]
    offset: Float[Tensor, " axis"]
    """What calibrates the logits of an attribute's concepts; an offset is of a value alone."""
    centre: Float[Tensor, " feature"]
    spread: Float[Tensor, " feature"]
    """Mean and standard deviation over training pictures of the probabilities, and behind them of
    what earlier layers see."""

    def probabilities(
        self, logits: Float[Tensor, "image concept"]
    ) -> Float[Tensor, "image concept"]:
        """How likely each value of an attribute is among its values."""
        return by_axis(logits * self.scale[self.axis] + self.offset[self.axis], self.axis)

    def features(
        self, likely: Float[Tensor, "image concept"], early: Float[Tensor, "image early"]
    ) -> Float[Tensor, "image feature"]:
        """The probabilities and what earlier layers see, standardised."""
        return (torch.cat([likely, early], dim=1) - self.centre) / self.spread

    def standardised(
        self, likely: Float[Tensor, "image concept"], early: Float[Tensor, "image early"]
    ) -> "Concepts":
        """The same, with the mean and the spread of these pictures' features."""
        centre, spread = mean_and_spread(torch.cat([likely, early], dim=1))
        return replace(self, centre=centre, spread=spread)


def make_concepts(texts: Float[Tensor, "text dim"], values: Sequence[tuple[str, str]]) -> Concepts:
    """Concepts from texts, not calibrated yet and not standardised.

    Args:
        texts: Unit vectors in the joint space.
        values: The attribute and the value that each of them speaks of.
    """
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    axes = {name: number for number, name in enumerate(dict.fromkeys(n for n, _ in places))}
    mean = torch.zeros(len(places), texts.shape[1])
    mean.index_add_(0, torch.tensor([places[value] for value in values]), texts)
    return Concepts(
        F.normalize(mean, dim=-1),
        torch.tensor([axes[name] for name, _ in places]),
        scale=torch.ones(len(axes)),
        offset=torch.zeros(len(axes)),
        centre=torch.zeros(len(places)),
        spread=torch.ones(len(places)),
    )
