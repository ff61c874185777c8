"""Many people's scores of many pictures: what is one person's or one picture's is computed once.

    score, cls = judge_crowd(network, pictures, people)     # (person, picture), … width

The same network as `scorer.predictor`, to rounding. Layers that keep the two sides apart are
computed once a picture and once a person, and so are the queries, keys and values of the first
layer that joins them; of the last layer only [CLS] is computed, which is all that is read; fields
that nobody has are left out. The one rule that is not obvious: a missing token is masked here as
there.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from scorer.predictor import PamelaNetwork

ROWS = 4096
"""Pairs of a person and a picture that are computed at once: what fits into a cache."""


@dataclass(frozen=True)
class Pictures:
    """The pictures' side, before the network."""

    visual: Float[Tensor, "picture visual"]
    semantic: Float[Tensor, "picture dim"]
    prompted: Bool[Tensor, " picture"]
    """Whether there is a prompt."""


@dataclass(frozen=True)
class People:
    """The people's side."""

    fields: Float[Tensor, "person field sentence"]
    present: Bool[Tensor, "person field"]


@dataclass(frozen=True)
class Side:
    """Tokens that belong to a picture, or to a person, and which of them are there."""

    tokens: Float[Tensor, "row token width"]
    present: Bool[Tensor, "row token"]


@torch.inference_mode()
def judge_crowd(
    network: PamelaNetwork, pictures: Pictures, people: People
) -> tuple[Float[Tensor, "person picture"], Float[Tensor, "person picture width"]]:
    """Scores on the scale of the ratings, and [CLS], of every person for every picture."""
    network.eval()
    layers: Any = network.transformer.layers
    seen, known = _picture_side(network, pictures), _person_side(network, people)
    for layer in layers[: network.apart]:
        seen, known = (_alone(layer, side) for side in (seen, known))
    at_once = max(1, ROWS // max(1, len(pictures.visual)))
    cls = torch.cat(
        [
            torch.cat([_cls(network, these, those) for these in _split(seen, ROWS)], dim=1)
            for those in _split(known, at_once)
        ]
    )
    standard = network.standard(cls, pictures.visual)
    return standard * network.score_std + network.score_mean, cls


def _split(side: Side, rows: int) -> list[Side]:
    parts = zip(side.tokens.split(rows), side.present.split(rows), strict=True)
    return [Side(tokens, present) for tokens, present in parts]


def _picture_side(network: PamelaNetwork, pictures: Pictures) -> Side:
    places = network.visual_tokens
    each = pictures.visual.shape[1] // places
    visual = network.visual(pictures.visual.unflatten(1, (places, each)))
    tokens = torch.cat([visual, network.semantic(pictures.semantic)[:, None]], dim=1)
    always = torch.ones_like(pictures.prompted[:, None]).expand(-1, places)
    present = torch.cat([always, pictures.prompted[:, None]], dim=1)
    return Side(tokens + network.kind[1 : 2 + places], present)


def _person_side(network: PamelaNetwork, people: People) -> Side:
    """[CLS] first, then the fields that somebody has."""
    some = people.present.any(dim=0)
    named = torch.einsum("pfs,fsw->pfw", people.fields[:, some], network.field_weights[some])
    kinds = network.kind[2 + network.visual_tokens :][some]
    cls = network.kind[:1].expand(len(named), 1, -1)
    always = torch.ones_like(people.present[:, :1])
    present = torch.cat([always, people.present[:, some]], dim=1)
    return Side(torch.cat([cls, named + kinds], dim=1), present)


def _alone(layer: Any, side: Side) -> Side:
    """One side behind a layer in which it sees nothing of the other."""
    states = _layer(layer, side.tokens, _projected(layer, side.tokens), _hidden(side.present))
    return Side(states, side.present)


def _hidden(present: Bool[Tensor, "row token"]) -> Float[Tensor, "row token"]:
    """What is added to attention: nothing, or minus infinity for a missing token."""
    return torch.zeros(present.shape, device=present.device).masked_fill_(~present, -torch.inf)


def _cls(network: PamelaNetwork, seen: Side, known: Side) -> Float[Tensor, "person picture width"]:
    """[CLS] behind the last layer for some people and all pictures."""
    layers: Any = network.transformer.layers[network.apart :]
    pairs = (len(known.tokens), len(seen.tokens))

    def joined(person: Tensor, picture: Tensor) -> Tensor:
        """Every person's rows before every picture's, (pair, token, …)."""
        sides = (
            person[:, None].expand(*pairs, *person.shape[1:]),
            picture[None].expand(*pairs, *picture.shape[1:]),
        )
        return torch.cat(sides, dim=2).flatten(0, 1)

    first = layers[0]
    ours, theirs = (_projected(first, side.tokens) for side in (known, seen))
    projected = [joined(own, other) for own, other in zip(ours, theirs, strict=True)]
    states = joined(known.tokens, seen.tokens)
    hidden = _hidden(joined(known.present, seen.present))
    for number, layer in enumerate(layers):
        query, key, value = projected if number == 0 else _projected(layer, states)
        if number == len(layers) - 1:
            states, query = states[:, :1], query[:, :1]
        states = _layer(layer, states, (query, key, value), hidden)
    norm: Any = network.transformer.norm
    return norm(states[:, 0]).unflatten(0, pairs)


def _projected(layer: Any, states: Tensor) -> tuple[Tensor, ...]:
    """Queries, keys and values, (row, token, width) each."""
    attention = layer.self_attn
    return F.linear(layer.norm1(states), attention.in_proj_weight, attention.in_proj_bias).chunk(
        3, dim=-1
    )


def _layer(
    layer: Any, states: Tensor, projected: tuple[Tensor, ...], hidden: Float[Tensor, "pair token"]
) -> Tensor:
    """A pre-norm transformer layer of which the projections are known."""
    heads = layer.self_attn.num_heads
    query, key, value = (each.unflatten(-1, (heads, -1)).transpose(1, 2) for each in projected)
    mixed = F.scaled_dot_product_attention(query, key, value, hidden[:, None, None])
    states = states + layer.self_attn.out_proj(mixed.transpose(1, 2).flatten(2))
    return states + layer.linear2(F.gelu(layer.linear1(layer.norm2(states))))
