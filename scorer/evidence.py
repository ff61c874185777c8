"""What texts say of each attribute, and how surely pictures show it.

    texts = evidence.said(gathered)                  # (text, value)
    pictures = evidence.shown(likely)                # (image, value)
    pictures @ texts.T                               # (image, text), 0 where nothing is known

The product is a pointwise mutual information, log p(value | picture) - log p(value), of what a text
says, summed over the attributes, each by its weight: what the logit of a contrastive encoder
estimates as a whole (van den Oord et al. 2018, arXiv 1807.03748, section 2.3). A cosine, whose
vectors have one length, can't say that a single word in twenty is surely wrong; a sum of logarithms
can. The one rule that is not obvious: the probabilities have to be calibrated, since the logarithm
of one that is far too sure outweighs all others.
"""

from dataclasses import dataclass
from math import log

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scorer.concepts import by_axis

FLOOR = 0.001
"""No value is held for less likely; the unit of evidence is the logarithm of one over it."""
ABSENT = -1.0
"""Evidence for what no picture of this world shows: less than for any other value."""


@dataclass(frozen=True)
class Evidence:
    """Names what texts say, and weighs what an encoder's concepts say of pictures."""

    weight: Float[Tensor, "value gathered"]
    bias: Float[Tensor, " value"]
    """Of each value, what has to be found in a text for it to be said."""
    attribute: Int[Tensor, " value"]
    """Number of the attribute that it is a value of, and of the query that finds it."""
    concept: Int[Tensor, " value"]
    """Number of the concept that shows it; behind the last one stand what no concept tells (that
    nothing is said is one of these), and then what no picture shows."""
    worth: Float[Tensor, " value"]
    """How much its evidence counts."""
    prior: Float[Tensor, " concept"]
    """How likely a concept is before a picture is seen."""

    def said(self, gathered: Float[Tensor, "text query gathered"]) -> Float[Tensor, "text value"]:
        """How likely a text says each value; 0 for what no picture can tell."""
        asked = gathered[:, self.attribute]
        likely = by_axis((asked * self.weight).sum(-1) + self.bias, self.attribute)
        return likely * (self.concept != len(self.prior))

    def shown(self, likely: Float[Tensor, "image concept"]) -> Float[Tensor, "image value"]:
        """The evidence of pictures for each value, by what it is worth.

        Args:
            likely: How likely a picture shows each concept.
        """
        found = (likely.clamp(min=FLOOR).log() - self.prior.log()) / -log(FLOOR)
        ends = found.new_tensor([0.0, ABSENT]).expand(len(found), 2)
        return torch.cat([found, ends], dim=1)[:, self.concept] * self.worth
