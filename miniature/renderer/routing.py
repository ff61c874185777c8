"""Token routing while training (TREAD, Krause et al. 2025, arXiv 2501.04765).

    with routed(model, draw_kept(batch, tokens, share=0.5, generator=g), first=1, last=6):
        loss = ...

Between two blocks only a random part of the tokens is computed; the others go around and join
again behind. A step costs less, and the deep blocks learn from incomplete pictures. The finished
model runs on all tokens.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers import PixArtTransformer2DModel
from jaxtyping import Int
from torch import Tensor


def draw_kept(
    batch: int, tokens: int, *, share: float, generator: torch.Generator
) -> Int[Tensor, "batch kept"]:
    """Which tokens of each picture are computed."""
    order = torch.rand(batch, tokens, generator=generator).argsort(1)
    return order[:, : round(tokens * share)]


@contextmanager
def routed(
    model: PixArtTransformer2DModel, kept: Int[Tensor, "batch kept"], *, first: int, last: int
) -> Generator[None]:
    """Blocks `first` to `last` see only the kept tokens of each picture."""
    whole: list[Tensor] = []

    def places(hidden: Tensor) -> Tensor:
        return kept.to(hidden.device)[..., None].expand(-1, -1, hidden.shape[-1])

    def leave(_block: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        whole.append(inputs[0])
        return (inputs[0].gather(1, places(inputs[0])), *inputs[1:])

    def join(_block: Any, _inputs: tuple[Tensor, ...], computed: Tensor) -> Tensor:
        around = whole.pop()
        return around.scatter(1, places(around), computed.to(around.dtype))

    blocks: Any = model.transformer_blocks
    hooks = [
        blocks[first].register_forward_pre_hook(leave),
        blocks[last].register_forward_hook(join),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
