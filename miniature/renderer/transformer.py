"""Trains the diffusion transformer on latents: flow matching with a PixArt transformer.

Flow matching (Lipman et al. 2023, arXiv 2210.02747; rectified-flow form of Liu et al. 2023,
arXiv 2209.03003): x_t = (1 - t)·x + t·ε, and the network predicts ε - x. t is logit-normal (Esser
et al. 2024, arXiv 2403.03206), captions are dropped one time in ten for classifier-free guidance
(Ho and Salimans 2022). Hidden matrices train with Muon where it is fast. For the first
part of a training half of the tokens skip the middle blocks (`miniature.renderer.routing`).
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import PixArtTransformer2DModel
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from miniature.renderer.autoencoder import CHANNELS
from miniature.renderer.latents import CAPTIONS, LatentData
from miniature.renderer.routing import draw_kept, routed
from miniature.training import learning_rate, load_checkpoint, precision, save_checkpoint
from scorer.device import computes_bfloat16

EMA = 0.999
LATENT_SIDE, PATCH = 32, 4
CAPTION_DROPOUT = 0.1


@dataclass(frozen=True)
class TransformerRecipe:
    """What the training depends on."""

    seed: int = 0
    steps: int = 7000
    batch: int = 32
    layers: int = 8
    heads: int = 4
    head_width: int = 64
    rate: float = 5e-4
    muon_rate: float = 1e-3
    every: int = 200
    """Steps between checkpoints."""
    routed: float = 0.6
    """Share of the steps in which tokens are routed around the middle blocks."""
    route: tuple[int, int] = (1, 6)
    """First and last of these blocks."""
    kept: float = 0.5
    """Share of the tokens that they see."""


def make_transformer(recipe: TransformerRecipe) -> PixArtTransformer2DModel:
    """An untrained transformer of diffusers' own class; its last layer starts at zero."""
    model = PixArtTransformer2DModel(
        num_attention_heads=recipe.heads,
        attention_head_dim=recipe.head_width,
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        num_layers=recipe.layers,
        cross_attention_dim=recipe.heads * recipe.head_width,
        sample_size=LATENT_SIDE,
        patch_size=PATCH,
        caption_channels=384,
        use_additional_conditions=False,
    )
    torch.nn.init.zeros_(model.proj_out.weight)
    torch.nn.init.zeros_(model.proj_out.bias)
    return model


def make_optimizers(
    model: PixArtTransformer2DModel, recipe: TransformerRecipe
) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks, AdamW for the rest.

    torch's Muon multiplies in bfloat16: where that is emulated AdamW trains everything.
    """
    if not computes_bfloat16(next(model.parameters()).device.type):
        return [torch.optim.AdamW(model.parameters(), recipe.rate, betas=(0.9, 0.98), fused=True)]
    hidden = [p for p in model.transformer_blocks.parameters() if p.ndim == 2 and min(p.shape) > 16]
    chosen = {id(p) for p in hidden}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(
            hidden, lr=recipe.muon_rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(rest, recipe.rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


@dataclass(frozen=True)
class Batch:
    """Tensors of one step."""

    latents: Float[Tensor, "batch 6 32 32"]
    noise: Float[Tensor, "batch 6 32 32"]
    time: Float[Tensor, " batch"]
    tokens: Float[Tensor, "batch token 384"]
    mask: Float[Tensor, "batch token"]


def draw_batch(data: LatentData, recipe: TransformerRecipe, step: int, device: str) -> Batch:
    """The batch of a step; it depends on the seed and the step only."""
    rng = np.random.default_rng((recipe.seed, step))
    pictures = rng.integers(len(data.latents), size=recipe.batch)
    numbers = pictures * CAPTIONS + rng.integers(CAPTIONS, size=recipe.batch)
    numbers[rng.random(recipe.batch) < CAPTION_DROPOUT] = data.empty_caption
    captions = [data.caption_tokens(number) for number in numbers]
    longest = max(len(states) for states in captions)
    tokens = np.zeros((recipe.batch, longest, captions[0].shape[1]), np.float32)
    mask = np.zeros((recipe.batch, longest), np.float32)
    for row, states in enumerate(captions):
        tokens[row, : len(states)], mask[row, : len(states)] = states, 1
    latents = data.latents[np.sort(pictures)][np.argsort(np.argsort(pictures))]
    arrays = (
        latents.astype(np.float32),
        rng.standard_normal(latents.shape, np.float32),
        1 / (1 + np.exp(-rng.standard_normal(recipe.batch))),
        tokens,
        mask,
    )
    return Batch(*(torch.from_numpy(a.astype(np.float32)).to(device) for a in arrays))


def flow_matching_loss(model: PixArtTransformer2DModel, batch: Batch) -> Tensor:
    """Mean squared error of the predicted velocity ε - x."""
    t = batch.time[:, None, None, None]
    noisy = (1 - t) * batch.latents + t * batch.noise
    velocity = model(
        noisy,
        encoder_hidden_states=batch.tokens,
        encoder_attention_mask=batch.mask,
        timestep=batch.time * 1000,
        added_cond_kwargs={"resolution": None, "aspect_ratio": None},
        return_dict=False,
    )[0]
    return ((velocity.float() - (batch.noise - batch.latents)) ** 2).mean()


class Training:
    """The state of a training: weights, their moving average, optimizers, step."""

    def __init__(
        self,
        recipe: TransformerRecipe,
        checkpoint: Path,
        device: str,
        start: PixArtTransformer2DModel | None,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.checkpoint, self.device = recipe, checkpoint, device
        self.model, self.ema = make_transformer(recipe), make_transformer(recipe)
        if start is not None:
            self.model.load_state_dict(start.state_dict())
        for model in (self.model, self.ema):
            nn.Module.to(model, device)
        self.ema.requires_grad_(False)
        self.ema.load_state_dict(self.model.state_dict())
        self.optimizers = make_optimizers(self.model, recipe)
        self.rates = [group["lr"] for opt in self.optimizers for group in opt.param_groups]
        self.step = 0
        self.losses: list[float] = []
        if state := load_checkpoint(checkpoint):
            self._restore(state)

    def _restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.losses = state["step"], state["losses"]

    def save(self) -> None:
        """Writes the checkpoint."""
        state: dict[str, Any] = {"model": self.model.state_dict()}
        state["ema"] = self.ema.state_dict()
        state["optimizers"] = [optimizer.state_dict() for optimizer in self.optimizers]
        save_checkpoint({**state, "step": self.step, "losses": self.losses}, self.checkpoint)

    def _routing(self, batch: Batch) -> AbstractContextManager[None]:
        recipe = self.recipe
        if self.step >= recipe.routed * recipe.steps:
            return nullcontext()
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + self.step)
        tokens = (LATENT_SIDE // PATCH) ** 2
        kept = draw_kept(len(batch.latents), tokens, share=recipe.kept, generator=generator)
        first, last = recipe.route
        return routed(self.model, kept, first=first, last=last)

    def advance(self, batch: Batch) -> float:
        """One optimizer step; returns the loss."""
        share = learning_rate(self.step, self.recipe.steps)
        groups = [group for opt in self.optimizers for group in opt.param_groups]
        for group, rate in zip(groups, self.rates, strict=True):
            group["lr"] = rate * share
        with precision(self.device), self._routing(batch):
            loss = flow_matching_loss(self.model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        weight = min(EMA, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            for kept, new in zip(self.ema.parameters(), self.model.parameters(), strict=True):
                kept.lerp_(new, 1 - weight)
        self.step += 1
        return loss.item()


def train_transformer(
    data: LatentData,
    checkpoint: Path,
    recipe: TransformerRecipe,
    device: str,
    *,
    start: PixArtTransformer2DModel | None = None,
) -> PixArtTransformer2DModel:
    """Trains, or goes on training; returns the moving average of the weights.

    Args:
        data: What it learns from.
        checkpoint: Where it goes on from, if it is there, and is saved to.
        recipe: How it is trained.
        device: Torch device.
        start: Weights to begin with; None for untrained ones.
    """
    training = Training(recipe, checkpoint, device, start)
    bar = tqdm(initial=training.step, total=recipe.steps, desc="transformer")
    recent: list[float] = []
    while training.step < recipe.steps:
        recent.append(training.advance(draw_batch(data, recipe, training.step, device)))
        bar.update()
        if training.step % recipe.every == 0 or training.step == recipe.steps:
            training.losses.append(float(np.mean(recent)))
            bar.set_postfix(loss=f"{training.losses[-1]:.4f}")
            recent.clear()
            training.save()
    return training.ema.eval()
