"""mPLUG-Owl2 (Ye et al. 2023, arXiv 2311.04257) as a whole: LLaMA-2 with modality-adaptive modules.

    model = MplugOwl2.from_pretrained("q-future/one-align")
    logits = model(pixels, before, after)       # image vocab: the word that comes next

Text and picture share queries and MLPs, but each has its own keys, values and layer norms. The one
rule that is not obvious: there is exactly one picture in a prompt, and the prompt is the same for
the whole batch, so that a slice says which tokens are the picture's.

The class is transformers' own kind of model, so that `from_pretrained` reads the published files
(sharded `.bin` or safetensors, from a folder or the hub); no code of a checkpoint is run. Names of
attributes are those of the published tensors (see `qalign_vision`).
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import LlamaConfig, PreTrainedModel
from transformers import initialization as init
from transformers.models.llama.modeling_llama import (
    LlamaMLP,
    LlamaRMSNorm,
    LlamaRotaryEmbedding,
    apply_rotary_pos_emb,
)

from scorer.baselines.qalign_vision import (
    AbstractorSettings,
    CrossAttention,
    VisionSettings,
    VisionTower,
    VisualAbstractor,
    join,
    patch_positions,
    query_positions,
    split,
)

Hidden = Float[Tensor, "image token dim"]


class Multiway(nn.Module):
    """Two modules of a kind: the first for the text, the second for the picture in its middle."""

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.multiway = nn.ModuleList([make(), make()])

    def forward(self, hidden: Hidden, picture: slice) -> Float[Tensor, "image token out"]:
        text, seen = self.multiway
        before, after = hidden[:, : picture.start], hidden[:, picture.stop :]
        return torch.cat([text(before), seen(hidden[:, picture]), text(after)], dim=1)


class Attention(nn.Module):
    """Causal self-attention with rotary positions; keys and values by modality."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        width, bias = config.hidden_size, config.attention_bias
        self.heads = config.num_attention_heads
        self.q_proj = nn.Linear(width, width, bias=bias)
        self.k_proj = Multiway(lambda: nn.Linear(width, width, bias=bias))
        self.v_proj = Multiway(lambda: nn.Linear(width, width, bias=bias))
        self.o_proj = nn.Linear(width, width, bias=bias)

    def forward(self, hidden: Hidden, picture: slice, rotary: tuple[Tensor, Tensor]) -> Hidden:
        query = split(self.q_proj(hidden), self.heads)
        key = split(self.k_proj(hidden, picture), self.heads)
        value = split(self.v_proj(hidden, picture), self.heads)
        query, key = apply_rotary_pos_emb(query, key, *rotary)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.o_proj(join(seen))


class Layer(nn.Module):
    """Llama's layer with layer norms by modality."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()

        def norm() -> nn.Module:
            return LlamaRMSNorm(config.hidden_size, eps=config.rms_norm_eps)

        self.self_attn = Attention(config)
        self.mlp = LlamaMLP(config)
        self.input_layernorm = Multiway(norm)
        self.post_attention_layernorm = Multiway(norm)

    def forward(self, hidden: Hidden, picture: slice, rotary: tuple[Tensor, Tensor]) -> Hidden:
        hidden = hidden + self.self_attn(self.input_layernorm(hidden, picture), picture, rotary)
        return hidden + self.mlp(self.post_attention_layernorm(hidden, picture))


class Body(nn.Module):
    """Everything below the head."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        visual = getattr(config, "visual_config", None) or {}
        tower = VisionSettings.model_validate(visual.get("visual_model", {}))
        abstractor = AbstractorSettings.model_validate(visual.get("visual_abstractor", {}))
        self.vision_model = VisionTower(tower)
        self.visual_abstractor = VisualAbstractor(abstractor, config.hidden_size)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([Layer(config) for _ in range(config.num_hidden_layers)])
        self.norm = LlamaRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.rotary_emb = LlamaRotaryEmbedding(config)

    def forward(
        self,
        pixels: Float[Tensor, "image 3 side side"],
        before: Int[Tensor, " start"],
        after: Int[Tensor, " rest"],
    ) -> Hidden:
        seen = self.visual_abstractor(self.vision_model(pixels))
        texts = [self.embed_tokens(ids).expand(len(seen), -1, -1) for ids in (before, after)]
        hidden = torch.cat([texts[0], seen, texts[1]], dim=1)
        picture = slice(len(before), len(before) + seen.shape[1])
        positions = torch.arange(hidden.shape[1], device=hidden.device)[None]
        rotary = self.rotary_emb(hidden, positions)
        for layer in self.layers:
            hidden = layer(hidden, picture, rotary)
        return self.norm(hidden)


class MplugOwl2(PreTrainedModel):
    """Says which word follows a text with a picture in it.

    Args:
        config: A checkpoint's fields: Llama's, and for the eye a `visual_config` with
            `visual_model` and `visual_abstractor`; what is missing is as published.
    """

    config: LlamaConfig
    config_class = LlamaConfig
    base_model_prefix = "model"
    _supports_sdpa = True

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config)
        self.model = Body(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(
        self,
        pixels: Float[Tensor, "image 3 side side"],
        before: Int[Tensor, " start"],
        after: Int[Tensor, " rest"],
    ) -> Float[Tensor, "image vocab"]:
        """Logits of the next token after `before`, the picture and `after`.

        Args:
            pixels: As the checkpoint's image processor gives them.
            before: Token ids of the text before the picture, the start token first.
            after: Those of the text after it; at least one.
        """
        return self.lm_head(self.model(pixels, before, after)[:, -1])

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Fills what a checkpoint lacks; called by transformers."""
        super()._init_weights(module)
        if isinstance(module, CrossAttention):
            init.copy_(module.q_pos_embed, query_positions(module.settings))
            init.copy_(module.k_pos_embed, patch_positions(module.settings))
