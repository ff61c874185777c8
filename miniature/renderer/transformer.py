"""Trains the diffusion transformer on latents: flow matching with a PixArt transformer.

Flow matching (Lipman et al. 2023, arXiv 2210.02747; rectified-flow form of Liu et al. 2023,
arXiv 2209.03003): x_t = (1 - t)·x + t·ε, and the network predicts ε - x. t is logit-normal and
shifted towards the noise (Esser et al. 2024, arXiv 2403.03206), captions are dropped one time in
ten for classifier-free guidance (Ho and Salimans 2022). Hidden matrices train with Muon where it
is fast. In the first part of a training half of the tokens skip the middle blocks
(`miniature.renderer.routing`), and one of these is aligned with what a classifier sees
(`miniature.alignment`).

On a CPU attention among 64 tokens is faster as plain products than in torch's fused kernel, whose
backward pass is made for long sequences: with that, fused small operations and batches that are
worth Muon's own work a step, two cores train on 120 pictures a second instead of 65.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import PixArtTransformer2DModel
from diffusers.models.attention_processor import AttnProcessor
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from miniature.alignment import alignment_loss, make_projector, watched
from miniature.renderer.autoencoder import CHANNELS
from miniature.renderer.latents import CAPTIONS, LatentData
from miniature.renderer.routing import draw_kept, routed
from miniature.training import (
    Plan,
    average_gradients,
    hidden_matrices,
    learning_rate,
    load_checkpoint,
    make_optimizers,
    precision,
    save_checkpoint,
    worker,
)

EMA = 0.999
LATENT_SIDE, PATCH = 32, 4
CAPTION_DROPOUT = 0.1
SHAPES = 64
"""How many shapes a block is compiled for: lengths of captions, with and without routing."""
SHIFT = 4.0
"""Noisy times are trained, and sampled, more than clear ones: t' = s·t / (1 + (s - 1)·t) (Esser et
al. 2024, eq. 23). What the words decide is decided above t = 0.85 in latents of this size."""


@dataclass(frozen=True)
class TransformerRecipe:
    """What the training depends on."""

    seed: int = 0
    steps: int = 7000
    batch: int = 96
    layers: int = 8
    heads: int = 4
    head_width: int = 64
    rate: float = 5e-4
    muon_rate: float = 1e-3
    every: int = 200
    """Steps between checkpoints."""
    early: float = 0.6
    """Share of the steps with routing and alignment."""
    route: tuple[int, int] = (1, 6)
    """First and last of the blocks that tokens are routed around."""
    kept: float = 0.5
    """Share of the tokens that they see."""
    aligned_block: int = 3
    alignment: float = 0.5
    """Weight of the alignment loss."""
    fused: bool = False
    """Whether the blocks are compiled, which takes minutes once and a C++ compiler."""


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


def quicken(model: PixArtTransformer2DModel, device: str) -> None:
    """Attention as plain products, where torch's fused kernel is the slower one."""
    if torch.device(device).type == "cpu":
        model.set_attn_processor(AttnProcessor())  # pyright: ignore[reportArgumentType]


def fuse(model: PixArtTransformer2DModel) -> None:
    """Compiles the blocks; what is hooked to them stays outside."""
    from torch._dynamo import config

    config.recompile_limit = SHAPES
    blocks: Any = model.transformer_blocks
    for block in blocks:
        block.forward = torch.compile(block.forward, dynamic=False)


@dataclass(frozen=True)
class Batch:
    """Tensors of one step."""

    latents: Float[Tensor, "batch 6 32 32"]
    noise: Float[Tensor, "batch 6 32 32"]
    time: Float[Tensor, " batch"]
    tokens: Float[Tensor, "batch token 384"]
    mask: Float[Tensor, "batch token"]
    plain_tokens: Float[Tensor, "batch plain_token 384"]
    plain_mask: Float[Tensor, "batch plain_token"]
    features: Float[Tensor, "batch patch width"]

    def share(self, part: int, parts: int) -> "Batch":
        """Every `parts`-th picture, beginning with number `part`."""
        return Batch(*(getattr(self, field.name)[part::parts] for field in fields(self)))


def draw_batch(
    data: LatentData,
    recipe: TransformerRecipe,
    step: int,
    device: str,
    *,
    dropout: float = CAPTION_DROPOUT,
) -> Batch:
    """The batch of a step; it depends on the seed and the step only."""
    rng = np.random.default_rng((recipe.seed, step))
    pictures = rng.integers(len(data.latents), size=recipe.batch)
    numbers = pictures * CAPTIONS + rng.integers(CAPTIONS, size=recipe.batch)
    numbers[rng.random(recipe.batch) < dropout] = data.captions.empty
    latents = data.latents[pictures]
    arrays = (
        latents.astype(np.float32),
        rng.standard_normal(latents.shape, np.float32),
        1 / (1 + np.exp(-rng.standard_normal(recipe.batch)) / SHIFT),
        *data.captions.padded(numbers),
        *data.plain.padded(numbers),
        data.features[pictures],
    )
    return Batch(*(torch.from_numpy(a.astype(np.float32)).to(device) for a in arrays))


def noisy(batch: Batch) -> Tensor:
    """The latents at the batch's times, (batch, channel, rows, columns)."""
    t = batch.time[:, None, None, None]
    return (1 - t) * batch.latents + t * batch.noise


def velocity(
    model: PixArtTransformer2DModel,
    latents: Float[Tensor, "batch channel rows columns"],
    time: Float[Tensor, " batch"],
    tokens: Float[Tensor, "batch token 384"],
    mask: Float[Tensor, "batch token"],
) -> Tensor:
    """The predicted velocity ε - x, in 32 bit."""
    return model(
        latents,
        encoder_hidden_states=tokens,
        encoder_attention_mask=mask,
        timestep=time * 1000,
        added_cond_kwargs={"resolution": None, "aspect_ratio": None},
        return_dict=False,
    )[0].float()


def flow_matching_loss(model: PixArtTransformer2DModel, batch: Batch) -> Tensor:
    """Mean squared error of the predicted velocity ε - x."""
    found = velocity(model, noisy(batch), batch.time, batch.tokens, batch.mask)
    return ((found - (batch.noise - batch.latents)) ** 2).mean()


class Training:
    """The state of a training: weights, their moving average, optimizers, step."""

    def __init__(
        self,
        recipe: TransformerRecipe,
        checkpoint: Path,
        device: str,
        told: str,
        start: PixArtTransformer2DModel | None,
        features: int,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.checkpoint, self.device, self.told = recipe, checkpoint, device, told
        self.model, self.ema = make_transformer(recipe), make_transformer(recipe)
        if start is not None:
            self.model.load_state_dict(start.state_dict())
        self.projector = make_projector(recipe.heads * recipe.head_width, features)
        for model in (self.model, self.ema, self.projector):
            nn.Module.to(model, device)
        self.ema.requires_grad_(False)
        self.ema.load_state_dict(self.model.state_dict())
        plan = Plan(
            checkpoint, recipe.steps, recipe.rate, muon_rate=recipe.muon_rate, device=device
        )
        self.optimizers = make_optimizers(
            [*self.model.parameters(), *self.projector.parameters()],
            hidden_matrices(self.model.transformer_blocks),
            plan,
        )
        self.rates = [group["lr"] for opt in self.optimizers for group in opt.param_groups]
        quicken(self.model, device)
        if recipe.fused:
            fuse(self.model)
        self.step, self.aligned = 0, 0.0
        self.losses: list[float] = []
        if state := load_checkpoint(checkpoint):
            self._restore(state)

    def _restore(self, state: dict[str, Any]) -> None:
        if state["told"] != self.told:
            raise SystemExit(
                f"{str(self.checkpoint)!r} has learned from other captions, or from another layer "
                f"that reads them: delete it to train anew"
            )
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        self.projector.load_state_dict(state["projector"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.losses = state["step"], state["losses"]

    def save(self) -> None:
        """Writes the checkpoint."""
        state: dict[str, Any] = {"model": self.model.state_dict()}
        state["ema"] = self.ema.state_dict()
        state["projector"] = self.projector.state_dict()
        state["optimizers"] = [optimizer.state_dict() for optimizer in self.optimizers]
        state |= {"step": self.step, "losses": self.losses, "told": self.told}
        save_checkpoint(state, self.checkpoint)

    def _early_loss(self, batch: Batch) -> Tensor:
        """The loss with tokens routed around the middle blocks, and one of these aligned."""
        recipe = self.recipe
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + self.step)
        tokens = (LATENT_SIDE // PATCH) ** 2
        kept = draw_kept(recipe.batch, tokens, share=recipe.kept, generator=generator)
        part, parts = worker()
        kept = kept[part::parts].to(self.device)
        first, last = recipe.route
        blocks: Any = self.model.transformer_blocks
        with (
            routed(self.model, kept, first=first, last=last),
            watched(blocks[recipe.aligned_block]) as states,
        ):
            loss = flow_matching_loss(self.model, batch)
        seen = batch.features.gather(1, kept[..., None].expand(-1, -1, batch.features.shape[-1]))
        aligned = alignment_loss(self.projector(states[0]), seen)
        self.aligned = aligned.item()
        return loss + recipe.alignment * aligned

    def advance(self, batch: Batch) -> float:
        """One optimizer step; returns the flow-matching loss of this process's pictures."""
        share = learning_rate(self.step, self.recipe.steps)
        groups = [group for opt in self.optimizers for group in opt.param_groups]
        for group, rate in zip(groups, self.rates, strict=True):
            group["lr"] = rate * share
        early = self.step < self.recipe.early * self.recipe.steps
        batch = batch.share(*worker())
        with precision(self.device):
            loss = self._early_loss(batch) if early else flow_matching_loss(self.model, batch)
        loss.backward()
        average_gradients([*self.model.parameters(), *self.projector.parameters()])
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        weight = min(EMA, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            for kept, new in zip(self.ema.parameters(), self.model.parameters(), strict=True):
                kept.lerp_(new, 1 - weight)
        self.step += 1
        return loss.item() - early * self.recipe.alignment * self.aligned


def train_transformer(
    data: LatentData,
    checkpoint: Path,
    recipe: TransformerRecipe,
    device: str,
    told: str = "",
    *,
    start: PixArtTransformer2DModel | None = None,
) -> PixArtTransformer2DModel:
    """Trains, or goes on training; returns the moving average of the weights.

    Args:
        data: What it learns from.
        checkpoint: Where it goes on from, if it is there, and is saved to.
        recipe: How it is trained.
        device: Torch device.
        told: Names the captions as they are read; a checkpoint of others is refused.
        start: Weights to begin with; None for untrained ones.
    """
    training = Training(recipe, checkpoint, device, told, start, data.features.shape[-1])
    bar = tqdm(
        initial=training.step, total=recipe.steps, desc="transformer", disable=worker()[0] > 0
    )
    recent: list[float] = []
    while training.step < recipe.steps:
        recent.append(training.advance(draw_batch(data, recipe, training.step, device)))
        bar.update()
        if training.step % recipe.every == 0 or training.step == recipe.steps:
            training.losses.append(float(np.mean(recent)))
            bar.set_postfix(loss=f"{training.losses[-1]:.4f}", aligned=f"{training.aligned:.3f}")
            recent.clear()
            training.save()
    return training.ema.eval()
