"""The names of ImageReward's published weights, and what transformers' BLIP calls them.

    to_transformers("blip.visual_encoder.blocks.0.attn.proj.bias")
    # "vision.encoder.layers.0.self_attn.projection.bias"

The one rule that is not obvious: the dropouts of upstream's head count as layers of it, so its
linear layers are number 0, 2, 4, 6 and 7.

Checked against the 625 names and shapes that upstream's own modules have (package image-reward
1.5), which add up to the size of the published file. The file itself could not be read: that it
holds these names and no others is unproven.
"""

import re
from collections.abc import Mapping

from torch import Tensor

UNUSED = re.compile(r"blip\.(vision_proj|text_proj|text_encoder\.embeddings\.position_ids)\b")
"""What the file holds and the reward does not read: BLIP's contrastive heads, and a constant."""

HEAD = (0, 2, 4, 6, 7)
"""Upstream's numbers of the head's linear layers."""

RULES = tuple(
    (re.compile(theirs), ours)
    for theirs, ours in (
        (r"blip\.visual_encoder\.cls_token$", "vision.embeddings.class_embedding"),
        (r"blip\.visual_encoder\.pos_embed$", "vision.embeddings.position_embedding"),
        (r"blip\.visual_encoder\.patch_embed\.proj\.", "vision.embeddings.patch_embedding."),
        (r"blip\.visual_encoder\.norm\.", "vision.post_layernorm."),
        (r"blip\.visual_encoder\.blocks\.(\d+)\.norm", r"vision.encoder.layers.\1.layer_norm"),
        (r"blip\.visual_encoder\.blocks\.(\d+)\.mlp\.", r"vision.encoder.layers.\1.mlp."),
        (
            r"blip\.visual_encoder\.blocks\.(\d+)\.attn\.qkv\.",
            r"vision.encoder.layers.\1.self_attn.qkv.",
        ),
        (
            r"blip\.visual_encoder\.blocks\.(\d+)\.attn\.proj\.",
            r"vision.encoder.layers.\1.self_attn.projection.",
        ),
        (r"blip\.text_encoder\.", "text."),
        *((rf"mlp\.layers\.{number}\.", f"head.{place}.") for place, number in enumerate(HEAD)),
    )
)
"""Beginnings of upstream's names, and what stands there in `scorer.baselines.imagereward.Judge`."""


def to_transformers(name: str) -> str | None:
    """The name here of a published weight; None where the reward does not read it.

    Raises:
        ValueError: ImageReward has no weight of that name.
    """
    if UNUSED.match(name):
        return None
    for theirs, ours in RULES:
        if theirs.match(name):
            return theirs.sub(ours, name)
    raise ValueError(f"ImageReward has no weight {name!r}")


def renamed(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights that the reward reads, under their names here.

    Raises:
        ValueError: there is a weight that ImageReward does not have.
    """
    ours = {to_transformers(name): weight for name, weight in published.items()}
    return {name: weight for name, weight in ours.items() if name is not None}
