"""Products of what two eyes find of two attributes: neon light and from below, both at once.

    both = make_products([3, 9], [5, 0], [(0, 1)]).standardised(told, again)
    features = both(told, again)

A regression on features cannot know what a person likes of two attributes together; on their
products it can (the interaction terms of a linear model). The one rule that is not obvious: what
is multiplied is the mean of what the encoder's concepts and its second eye find, since an error of
either would count twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scorer.concepts import mean_and_spread


@dataclass(frozen=True)
class Products:
    """Which values are multiplied, and how the products are standardised."""

    concept: Int[Tensor, " value"]
    """Where each value stands among the encoder's concepts."""
    again: Int[Tensor, " value"]
    """Where it stands among the second eye's values."""
    pairs: Int[Tensor, "product 2"]
    """Of values, by their places in these two."""
    centre: Float[Tensor, " product"]
    spread: Float[Tensor, " product"]

    def __call__(
        self, concepts: Float[Tensor, "image told"], again: Float[Tensor, "image seen"]
    ) -> Float[Tensor, "image product"]:
        """The products, standardised.

        Args:
            concepts: What the encoder's concepts find, standardised; more may stand behind it.
            again: What its second eye finds, standardised.
        """
        return (self._of(concepts, again) - self.centre) / self.spread

    def agreed(
        self, concepts: Float[Tensor, "image told"], again: Float[Tensor, "image seen"]
    ) -> Float[Tensor, "image value"]:
        """What both find of each value, on average."""
        return (concepts[:, self.concept] + again[:, self.again]) / 2

    def _of(
        self, concepts: Float[Tensor, "image told"], again: Float[Tensor, "image seen"]
    ) -> Float[Tensor, "image product"]:
        agreed = self.agreed(concepts, again)
        return agreed[:, self.pairs[:, 0]] * agreed[:, self.pairs[:, 1]]

    def standardised(
        self, concepts: Float[Tensor, "image told"], again: Float[Tensor, "image seen"]
    ) -> "Products":
        """The same, with mean and spread of the products over these pictures."""
        centre, spread = mean_and_spread(self._of(concepts, again))
        return replace(self, centre=centre, spread=spread)


def make_products(
    concept: Sequence[int], again: Sequence[int], pairs: Sequence[tuple[int, int]]
) -> Products:
    """Products that are not standardised yet."""
    return Products(
        concept=torch.tensor(concept),
        again=torch.tensor(again),
        pairs=torch.tensor(pairs),
        centre=torch.zeros(len(pairs)),
        spread=torch.ones(len(pairs)),
    )
