"""Teaches the text side this world's words: one more layer on the frozen sentence encoder.

    layer = train_reader(data.captions, data.said, plan)
    states = read(data.captions, layer)         # what the transformer attends to

The frozen encoder knows what words mean, but nobody has asked it for lights or camera angles. Its
states go through one more layer of the same kind, which learns, from texts alone, to name what a
caption says: for every attribute a query attends over the states, and a head names the value, or
that nothing is said. Queries and heads are thrown away. The layer stays, and with the frozen ones
below it is one `BertModel` (`scorer.minilm.text_encoder_and_tokenizer`). Captions are cheap and
free of noise, so words are learned from far fewer of them than pictures could teach them with
(docs/decisions/0015-words-are-learned-from-texts.md).
"""

import copy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from miniature.captions import SAYABLE
from miniature.states import Captions
from miniature.training import Plan, fit, precision, worker
from scorer.minilm import text_encoder_and_tokenizer

BATCH = 256


def bottom_up(layer: nn.Module, states: Tensor, mask: Tensor) -> Float[Tensor, "batch token 384"]:
    """The states (batch, token, 384) one layer further up; `mask` says which are there."""
    hidden = (1 - mask[:, None, None]) * torch.finfo(torch.float32).min
    return layer(states, hidden)


class Reader(nn.Module):
    """The layer, and what it is taught with.

    Args:
        layer: Begins as a copy of the frozen encoder's last one.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        within: Any = layer
        width: int = within.output.dense.out_features
        self.layer = layer
        self.queries = nn.Parameter(0.05 * torch.randn(len(SAYABLE), width))
        self.keys, self.values = nn.Linear(width, width), nn.Linear(width, width)
        self.heads = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, len(values)))
            for values in SAYABLE.values()
        )

    def forward(self, states: Tensor, mask: Tensor) -> list[Tensor]:
        """What is said of each attribute, logits (batch, value)."""
        states = bottom_up(self.layer, states, mask)
        found = torch.einsum("aw,btw->bat", self.queries, self.keys(states))
        share = found.masked_fill(mask[:, None] == 0, -1e4).softmax(-1)
        pooled = torch.einsum("bat,btw->baw", share, self.values(states))
        return [head(pooled[:, number]) for number, head in enumerate(self.heads)]


def train_reader(captions: Captions, said: np.ndarray, plan: Plan) -> nn.Module:
    """Trains, or goes on training, the layer; returns it in evaluation mode.

    Args:
        captions: Of the frozen encoder.
        said: What they say, (caption, attribute of `SAYABLE`).
        plan: Length, rate, checkpoint, and the seed of the batches.
    """
    torch.manual_seed(plan.seed)
    model = Reader(copy.deepcopy(text_encoder_and_tokenizer()[0].encoder.layer[-1]))
    nn.Module.to(model, plan.device).train()

    def loss_of(step: int) -> Tensor:
        rng = np.random.default_rng((plan.seed, step))
        part, parts = worker()
        numbers = rng.integers(len(said), size=plan.batch)[part::parts]
        tokens, mask = (torch.from_numpy(a).to(plan.device) for a in captions.padded(numbers))
        wanted = torch.from_numpy(said[numbers].astype(np.int64)).to(plan.device)
        with precision(plan.device):
            found = model(tokens, mask)
        losses = [
            F.cross_entropy(logits.float(), wanted[:, number], label_smoothing=0.02)
            for number, logits in enumerate(found)
        ]
        return torch.stack(losses).sum()

    fit(model, loss_of, plan, "reader")
    return model.layer


@torch.inference_mode()
def read(captions: Captions, layer: nn.Module) -> Captions:
    """Captions of the frozen encoder one layer further up."""
    tokens = np.zeros_like(captions.tokens)
    lengths = np.diff(captions.offsets)
    order = np.argsort(lengths, kind="stable")
    for start in tqdm(range(0, len(order), BATCH), desc="reading"):
        numbers = order[start : start + BATCH]
        states, mask = map(torch.from_numpy, captions.padded(numbers))
        with precision("cpu"):
            found = bottom_up(layer, states, mask).float().numpy()
        for number, row in zip(numbers, found, strict=True):
            begin, end = captions.offsets[number], captions.offsets[number + 1]
            tokens[begin:end] = row[: lengths[number]]
    return Captions(tokens, np.asarray(captions.offsets))
