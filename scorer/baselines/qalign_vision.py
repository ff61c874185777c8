"""How mPLUG-Owl2 (Ye et al. 2023, arXiv 2311.04257) sees: a ViT-L/14 and a visual abstractor.

    patches = VisionTower(VisionSettings())(pixels)                     # image 1025 1024
    tokens = VisualAbstractor(AbstractorSettings(), 4096)(patches)      # image 65 4096

The tower is CLIP's, with the last layer norm on every patch; the abstractor asks it 64 learned
queries, and a learned token closes the answer. The one rule that is not obvious: modules are named
as the tensors of the published checkpoints are, so that those load without renaming; an attribute
that is renamed here is a weight that is lost.
"""

import torch
from jaxtyping import Float
from pydantic import BaseModel
from torch import Tensor, nn
from torch.nn import functional as F

Hidden = Float[Tensor, "image token dim"]


class VisionSettings(BaseModel, frozen=True):
    """`visual_config.visual_model` of a checkpoint, as far as it matters; published defaults."""

    hidden_size: int = 1024
    intermediate_size: int = 4096
    num_hidden_layers: int = 24
    num_attention_heads: int = 16
    image_size: int = 448
    patch_size: int = 14
    layer_norm_eps: float = 1e-6


class AbstractorSettings(BaseModel, frozen=True):
    """`visual_config.visual_abstractor`, likewise; `grid_size` is the patches along a side."""

    hidden_size: int = 1024
    intermediate_size: int = 2816
    num_hidden_layers: int = 6
    num_attention_heads: int = 16
    num_learnable_queries: int = 64
    grid_size: int = 32
    layer_norm_eps: float = 1e-6


class Stack(nn.Module):
    """Layers one after the other; what else is given goes to every one."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, hidden: Hidden, *context: Tensor) -> Hidden:
        for layer in self.layers:
            hidden = layer(hidden, *context)
        return hidden


class Embeddings(nn.Module):
    """A class token and the patches, each with its learned position."""

    def __init__(self, settings: VisionSettings) -> None:
        super().__init__()
        width, patch = settings.hidden_size, settings.patch_size
        patches = (settings.image_size // patch) ** 2
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.patch_embed = nn.Conv2d(3, width, kernel_size=patch, stride=patch, bias=False)
        self.position_embedding = nn.Parameter(torch.zeros(1, patches + 1, width))
        self.pre_layernorm = nn.LayerNorm(width, eps=settings.layer_norm_eps)

    def forward(self, pixels: Float[Tensor, "image 3 side side"]) -> Hidden:
        patches = self.patch_embed(pixels).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_token.expand(len(pixels), -1, -1), patches], dim=1)
        return self.pre_layernorm(tokens + self.position_embedding)


class VisionAttention(nn.Module):
    """Self-attention whose one projection holds query, key and value of a head side by side."""

    def __init__(self, settings: VisionSettings) -> None:
        super().__init__()
        self.heads = settings.num_attention_heads
        self.query_key_value = nn.Linear(settings.hidden_size, 3 * settings.hidden_size)
        self.dense = nn.Linear(settings.hidden_size, settings.hidden_size)

    def forward(self, hidden: Hidden) -> Hidden:
        per_head = self.query_key_value(hidden).unflatten(-1, (self.heads, 3, -1))
        query, key, value = per_head.permute(3, 0, 2, 1, 4)  # each: image head token dim
        return self.dense(join(F.scaled_dot_product_attention(query, key, value)))


class VisionMLP(nn.Module):
    """Two linear layers with CLIP's quick GELU between them."""

    def __init__(self, settings: VisionSettings) -> None:
        super().__init__()
        self.fc1 = nn.Linear(settings.hidden_size, settings.intermediate_size)
        self.fc2 = nn.Linear(settings.intermediate_size, settings.hidden_size)

    def forward(self, hidden: Hidden) -> Hidden:
        wide = self.fc1(hidden)
        return self.fc2(wide * torch.sigmoid(1.702 * wide))


class VisionLayer(nn.Module):
    """A transformer layer that normalises first."""

    def __init__(self, settings: VisionSettings) -> None:
        super().__init__()
        self.input_layernorm = nn.LayerNorm(settings.hidden_size, eps=settings.layer_norm_eps)
        self.self_attn = VisionAttention(settings)
        self.post_attention_layernorm = nn.LayerNorm(
            settings.hidden_size, eps=settings.layer_norm_eps
        )
        self.mlp = VisionMLP(settings)

    def forward(self, hidden: Hidden) -> Hidden:
        hidden = hidden + self.self_attn(self.input_layernorm(hidden))
        return hidden + self.mlp(self.post_attention_layernorm(hidden))


class VisionTower(nn.Module):
    """From pixels to one token a patch, the class token first."""

    def __init__(self, settings: VisionSettings) -> None:
        super().__init__()
        self.embeddings = Embeddings(settings)
        self.encoder = Stack([VisionLayer(settings) for _ in range(settings.num_hidden_layers)])
        self.post_layernorm = nn.LayerNorm(settings.hidden_size, eps=settings.layer_norm_eps)

    def forward(self, pixels: Float[Tensor, "image 3 side side"]) -> Hidden:
        return self.post_layernorm(self.encoder(self.embeddings(pixels)))


class CrossAttention(nn.Module):
    """The queries look at themselves and at the patches; positions are sines, added to both.

    The sines are buffers that a checkpoint may hold (rounded to its precision) or lack.
    """

    def __init__(self, settings: AbstractorSettings) -> None:
        super().__init__()
        width = settings.hidden_size
        self.settings, self.heads = settings, settings.num_attention_heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.q_pos_embed: Tensor
        self.k_pos_embed: Tensor
        self.register_buffer("q_pos_embed", query_positions(settings))
        self.register_buffer("k_pos_embed", patch_positions(settings))

    def forward(self, queries: Hidden, tokens: Float[Tensor, "image all dim"]) -> Hidden:
        place, places = self.q_pos_embed, torch.cat([self.q_pos_embed, self.k_pos_embed])
        query = split(self.query(queries + place.to(queries.dtype)), self.heads)
        key = split(self.key(tokens + places.to(tokens.dtype)), self.heads)
        value = split(self.value(tokens), self.heads)
        return join(F.scaled_dot_product_attention(query, key, value))


class GatedMLP(nn.Module):
    """SwiGLU with a layer norm before the last projection."""

    def __init__(self, settings: AbstractorSettings) -> None:
        super().__init__()
        self.w1 = nn.Linear(settings.hidden_size, settings.intermediate_size)
        self.w2 = nn.Linear(settings.intermediate_size, settings.hidden_size)
        self.w3 = nn.Linear(settings.hidden_size, settings.intermediate_size)
        self.ffn_ln = nn.LayerNorm(settings.intermediate_size, eps=settings.layer_norm_eps)

    def forward(self, hidden: Hidden) -> Hidden:
        return self.w2(self.ffn_ln(F.silu(self.w1(hidden)) * self.w3(hidden)))


class CrossOutput(nn.Module):
    """Adds what was seen to the queries, then the MLP of the sum."""

    def __init__(self, settings: AbstractorSettings) -> None:
        super().__init__()
        self.out_proj = nn.Linear(settings.hidden_size, settings.hidden_size)
        self.norm2 = nn.LayerNorm(settings.hidden_size)
        self.mlp = GatedMLP(settings)

    def forward(self, seen: Hidden, queries: Hidden) -> Hidden:
        queries = queries + self.out_proj(seen)
        return queries + self.mlp(self.norm2(queries))


class AbstractorLayer(nn.Module):
    """One round of looking. What is carried on are the *normalised* queries, as in training."""

    def __init__(self, settings: AbstractorSettings) -> None:
        super().__init__()
        self.crossattention = nn.ModuleDict(
            {
                "attention": CrossAttention(settings),
                "output": CrossOutput(settings),
                "norm1": nn.LayerNorm(settings.hidden_size),
                "normk": nn.LayerNorm(settings.hidden_size),
            }
        )

    def forward(self, queries: Hidden, patches: Float[Tensor, "image patch dim"]) -> Hidden:
        block = self.crossattention
        queries = block["norm1"](queries)
        tokens = torch.cat([queries, block["normk"](patches)], dim=1)
        return block["output"](block["attention"](queries, tokens), queries)


class VisualAbstractor(nn.Module):
    """From the patches to a few tokens of the language model's width, an end token last."""

    def __init__(self, settings: AbstractorSettings, language_width: int) -> None:
        super().__init__()
        width, queries = settings.hidden_size, settings.num_learnable_queries
        self.encoder = Stack([AbstractorLayer(settings) for _ in range(settings.num_hidden_layers)])
        self.visual_fc = nn.Linear(width, language_width)
        self.query_embeds = nn.Parameter(torch.zeros(1, queries, width))
        self.vit_eos = nn.Parameter(torch.zeros(1, 1, language_width))

    def forward(
        self, patches: Float[Tensor, "image patch dim"]
    ) -> Float[Tensor, "image token width"]:
        queries = self.query_embeds.expand(len(patches), -1, -1)
        seen = self.visual_fc(self.encoder(queries, patches))
        return torch.cat([seen, self.vit_eos.expand(len(patches), -1, -1)], dim=1)


def split(hidden: Hidden, heads: int) -> Float[Tensor, "image head token part"]:
    """A part of the width for each head."""
    return hidden.unflatten(-1, (heads, -1)).transpose(1, 2)


def join(hidden: Float[Tensor, "image head token part"]) -> Hidden:
    """Undoes `split`."""
    return hidden.transpose(1, 2).flatten(2)


def query_positions(settings: AbstractorSettings) -> Float[Tensor, "query dim"]:
    """Where a learned query stands in the row."""
    return sines(torch.arange(settings.num_learnable_queries), settings.hidden_size)


def patch_positions(settings: AbstractorSettings) -> Float[Tensor, "patch dim"]:
    """Zeros for the class token, then row by row: column in the first half, row in the second."""
    side, half = settings.grid_size, settings.hidden_size // 2
    row, column = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    grid = torch.cat([sines(column.flatten(), half), sines(row.flatten(), half)], dim=1)
    return torch.cat([torch.zeros(1, 2 * half), grid])


def sines(places: Tensor, width: int) -> Float[Tensor, "token dim"]:
    """Sines, then cosines (Vaswani et al. 2017, but not interleaved)."""
    rates = 10000.0 ** (-torch.arange(width // 2, dtype=torch.float32) / (width // 2))
    angles = places[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
