"""The PAMELA network (Maerten et al. 2026, arXiv 2604.07427): one person's score of a picture.

    network = PamelaNetwork(visual_dim=192, semantic_dim=128, fields=("person.age",))
    score, cls = network(table.batch(rows))         # (batch,) on the scale 1-5, (batch, width)
    score, features = predict(network, table)       # what a person's ratings are regressed on

A picture, its prompt, and every known field of person and picture are tokens behind a learnable
[CLS]; a shallow transformer joins them, and a linear head on [CLS] gives the score, with a straight
line through the picture beside it (`scorer.line`). Widths, pooling and losses of the original are
not published; the figures here are our own. The one rule that is not obvious: a missing token is
masked, so the same weights serve any set of fields.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub import PyTorchModelHubMixin
from jaxtyping import Bool, Float
from safetensors import SafetensorError
from safetensors.torch import load_model
from torch import Tensor, nn

from scorer.errors import PrerequisiteError
from scorer.minilm import DIMENSION, EMBEDDED
from scorer.tokens import PERSON, TokenBatch, TokenTable

CONFIG = "config.json"
WEIGHTS = "model.safetensors"


class PamelaNetwork(nn.Module, PyTorchModelHubMixin):
    """Tokens in, score and [CLS] features out.

    Args:
        visual_dim: Width of one of the encoder's picture features.
        semantic_dim: Width of the encoder's text features.
        fields: The fields it knows, by prefixed name (`scorer.tokens`); others are left out.
        encoder: Spec of the encoder whose features it was trained on.
        encoder_id: The id of that encoder's weights.
        visual_tokens: How many of them a picture has: the pooled one, and those of patches.
        sentence_encoder: Spec of the encoder of the fields (`scorer.sentences`).
        sentence_dim: Width of its embeddings.
        width: Of the tokens.
        layers: Of the transformer.
        apart: In how many of them, the first ones, the picture's tokens and the person's (with
            [CLS]) see only their own kind: computed once a picture and once a person, not once
            for each pair (docs/decisions/0029-many-people-at-once.md).
        heads: Of its attention.
        dropout: In its layers.
        score_mean: Of the training ratings: the head predicts standardised scores.
        score_std: Of the training ratings.
    """

    def __init__(  # noqa: PLR0913 - the mixin stores each keyword in config.json
        self,
        *,
        visual_dim: int,
        semantic_dim: int,
        fields: Sequence[str] = (),
        encoder: str = "miniature",
        encoder_id: str = "",
        visual_tokens: int = 1,
        sentence_encoder: str = EMBEDDED,
        sentence_dim: int = DIMENSION,
        width: int = 128,
        layers: int = 2,
        apart: int = 0,
        heads: int = 4,
        dropout: float = 0.1,
        score_mean: float = 3.0,
        score_std: float = 1.0,
    ) -> None:
        super().__init__()
        if not 0 <= apart < layers:
            raise ValueError(f"apart is {apart}: 0 to {layers - 1}, of {layers} layers")
        self.fields, self.apart = tuple(fields), apart
        self.encoder, self.encoder_id = encoder, encoder_id
        self.visual_tokens, self.sentence_encoder = visual_tokens, sentence_encoder
        self.score_mean, self.score_std = score_mean, score_std
        self.visual_dim, self.feature_dim = visual_dim, width + visual_dim
        """How many numbers `features` has."""
        self.visual = nn.Sequential(nn.LayerNorm(visual_dim), nn.Linear(visual_dim, width))
        self.semantic = nn.Linear(semantic_dim, width)
        self.field_weights = nn.Parameter(torch.empty(len(self.fields), sentence_dim, width))
        self.kind = nn.Parameter(torch.empty(2 + visual_tokens + len(self.fields), width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.transformer = nn.TransformerEncoder(
            layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.head = nn.Linear(width, 1)
        self.line: Tensor
        self.register_buffer("line", torch.zeros(visual_dim))
        """Beside the head: a straight line through the pooled picture (`scorer.line`)."""
        nn.init.normal_(self.field_weights, std=sentence_dim**-0.5)
        nn.init.normal_(self.kind, std=0.5)

    def forward(
        self, batch: TokenBatch
    ) -> tuple[Float[Tensor, " batch"], Float[Tensor, "batch width"]]:
        """Scores on the scale of the ratings (not clipped), and the [CLS] features behind them."""
        tokens, present = self.tokens(batch)
        divided = self._divided() if self.apart else None
        for number, layer in enumerate(self.transformer.layers):
            mask = divided if number < self.apart else None
            tokens = layer(tokens, src_mask=mask, src_key_padding_mask=~present)
        norm: Any = self.transformer.norm
        cls = norm(tokens[:, 0])
        standard = self.standard(cls, batch.visual)
        return standard * self.score_std + self.score_mean, cls

    def standard(
        self, cls: Float[Tensor, "*row width"], visual: Float[Tensor, "*picture visual"]
    ) -> Float[Tensor, "*row"]:
        """The score in standard deviations of the ratings: of [CLS], and of the picture alone."""
        return self.head(cls).squeeze(-1) + visual[..., : self.visual_dim] @ self.line

    def features(
        self, cls: Float[Tensor, "*row width"], visual: Float[Tensor, "*picture visual"]
    ) -> Float[Tensor, "*row feature"]:
        """What a person's ratings are regressed on: [CLS], and the pooled picture as it is.

        The network is trained for what people have in common, and of what only few of them care
        for little is left in [CLS] (docs/decisions/0030-adaptation-sees-the-picture.md).
        """
        return torch.cat([cls, visual[..., : self.visual_dim]], dim=-1)

    def _divided(self) -> Bool[Tensor, "token token"]:
        """True where one token is the picture's and the other the person's."""
        of_picture = [False] + [True] * (self.visual_tokens + 1)
        of_picture += [not name.startswith(PERSON) for name in self.fields]
        side = torch.tensor(of_picture, device=self.kind.device)
        return side[:, None] != side[None]

    def tokens(
        self, batch: TokenBatch
    ) -> tuple[Float[Tensor, "batch token width"], Bool[Tensor, "batch token"]]:
        """[CLS], visual, semantic and fields in one width, and which of them are there."""
        count = len(batch.visual)
        named = torch.einsum("bfs,fsw->bfw", batch.fields, self.field_weights)
        visual = batch.visual.view(count, self.visual_tokens, -1)
        row = [
            torch.zeros_like(self.kind[:1]).expand(count, 1, -1),
            self.visual(visual),
            self.semantic(batch.semantic)[:, None],
            named,
        ]
        always = torch.ones_like(batch.present[:, :1]).expand(-1, 1 + self.visual_tokens)
        return torch.cat(row, dim=1) + self.kind, torch.cat([always, batch.present], dim=1)


@torch.inference_mode()
def predict(
    network: PamelaNetwork, tokens: TokenTable, *, batch_size: int = 4096
) -> tuple[Float[np.ndarray, " row"], Float[np.ndarray, "row feature"]]:
    """Scores and `features` of all rows, in evaluation mode; on the device of the network."""
    network.eval()
    device = network.kind.device
    placed = tokens.to(device)
    parts = []
    for rows in torch.arange(len(tokens), device=device).split(batch_size):
        if len(rows):
            batch = placed.batch(rows)
            score, cls = network(batch)
            parts.append((score, network.features(cls, batch.visual)))
    if not parts:
        return np.zeros(0, np.float32), np.zeros((0, network.feature_dim), np.float32)
    return (
        torch.cat([score for score, _ in parts]).cpu().numpy(),
        torch.cat([features for _, features in parts]).cpu().numpy(),
    )


def save_network(
    network: PamelaNetwork, folder: Path, *, dtype: torch.dtype = torch.float16
) -> None:
    """Writes `config.json` and `model.safetensors`; the network is rounded to `dtype`.

    It goes on in its own precision with the rounded weights, so that what is estimated
    afterwards (`scorer.adapt`) belongs to what was written.
    """
    kept = next(network.parameters()).dtype
    network.to(dtype).save_pretrained(folder)
    network.to(kept)


def load_network(folder: Path) -> PamelaNetwork:
    """The network in a folder, in float32 and ready to predict.

    Raises:
        PrerequisiteError: there is none; the message says how to train the one that ships.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        network = PamelaNetwork(**config)
        load_model(network, folder / WEIGHTS)
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise PrerequisiteError(
            f"{str(folder)!r} holds no predictor ({type(error).__name__}): train the one that "
            f"ships with `python -m miniature.predictor`"
        ) from error
    return network.eval()
