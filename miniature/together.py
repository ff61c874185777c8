"""Which attributes people like together: the products that the encoder makes of what it finds.

    products = products_of(sight, some_of(scenes, texts))

Of all pairs of attributes these are the ones that training people's ratings ask for, as measured
by `python -m benchmarks.together` (docs/decisions/0039-products-of-two-attributes.md).
"""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from miniature.classifier import HEADS
from miniature.concepts import concept_values
from scorer.miniature_encoder import Sight
from scorer.products import Products, make_products

TOGETHER = (("lighting", "camera_angle"), ("environment", "palette"))


def places_of(attribute: str) -> list[tuple[int, int]]:
    """Where each value that both eyes name stands: among the concepts, and in the second eye."""
    before = sum(len(HEADS[name]) for name in list(HEADS)[: list(HEADS).index(attribute)])
    values = HEADS[attribute]
    return [
        (concept, before + values.index(value))
        for concept, (axis, value) in enumerate(concept_values())
        if axis.split()[0] == attribute and value in values  # "palette warm" stands alone
    ]


def products_between(pairs: Sequence[tuple[str, str]]) -> Products:
    """Of every value of one attribute and every value of another, not standardised yet."""
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    places = [(name, *place) for name in names for place in places_of(name)]
    rows = {name: [n for n, place in enumerate(places) if place[0] == name] for name in names}
    found = [(i, j) for a, b in pairs for i in rows[a] for j in rows[b] if a != b or i <= j]
    _, concept, again = zip(*places, strict=True)
    return make_products(concept, again, found)


@torch.inference_mode()
def look_at_all(
    sight: Sight, shown: Iterable[Float[Tensor, "picture 3 size size"]]
) -> tuple[Float[Tensor, "picture told"], Float[Tensor, "picture value"]]:
    """What its concepts and its second eye find in many pictures, standardised."""
    looks = [sight.look(pictures) for pictures in shown]
    return torch.cat([look.told for look in looks]), torch.cat([look.again for look in looks])


def products_of(sight: Sight, shown: Iterable[Float[Tensor, "picture 3 size size"]]) -> Products:
    """The products of these attributes, standardised on pictures."""
    return products_between(TOGETHER).standardised(*look_at_all(sight, shown))
