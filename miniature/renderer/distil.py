"""Distils guidance into the transformer, and what it knows of plain words into all others.

Guidance distillation (Meng et al. 2023, arXiv 2210.03142, stage one, at a fixed scale): the student
predicts in one forward what its teacher predicts with classifier-free guidance,
v(∅) + s·(v(caption) - v(∅)). It starts from the teacher's weights, is sampled without guidance, and
so needs as many forwards as steps. It learns the times at which it will be asked and no others.

The teacher reads each caption in plain words and the student reads it in others (the multilingual
distillation of Reimers and Gurevych 2020, arXiv 2004.09813, with a diffusion model in the place of
the sentence encoder). What noise does to a picture cancels in the difference of the two, so that
uncommon words are learned in a tenth of the steps that pictures would need to teach them.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from diffusers import PixArtTransformer2DModel
from jaxtyping import Float
from torch import Tensor, nn

from miniature.renderer.latents import LatentData
from miniature.renderer.transformer import (
    Batch,
    TransformerRecipe,
    draw_batch,
    fuse,
    noisy,
    quicken,
    velocity,
)
from miniature.training import Plan, fit, precision, worker

GUIDANCE = 4.0
"""Chosen by what a judge sees in pictures of captions (docs/experiments.md)."""


def at_sampled_times(
    batch: Batch, sigmas: Float[Tensor, " step"], rng: np.random.Generator
) -> Batch:
    """The batch at the times of a sampler's steps, each as often as the others."""
    steps = torch.from_numpy(rng.integers(len(sigmas), size=len(batch.time)))
    return replace(batch, time=sigmas[steps].to(batch.time))


Words = tuple[Float[Tensor, "caption token 384"], Float[Tensor, "caption token"]]
"""Token states and which of them are there."""


def blank(data: LatentData, device: str) -> Words:
    """The empty caption."""
    tokens, mask = data.plain.padded(np.array([data.plain.empty]))
    return torch.from_numpy(tokens).to(device), torch.from_numpy(mask).to(device)


@torch.no_grad()
def guided_velocity(
    teacher: PixArtTransformer2DModel,
    batch: Batch,
    empty: Words,
    guidance: float = GUIDANCE,
) -> Float[Tensor, "batch channel rows columns"]:
    """What the teacher predicts of the plain captions with classifier-free guidance."""
    told = velocity(teacher, noisy(batch), batch.time, batch.plain_tokens, batch.plain_mask)
    tokens, mask = (each.expand(len(batch.time), *each.shape[1:]) for each in empty)
    untold = velocity(teacher, noisy(batch), batch.time, tokens, mask)
    return untold + guidance * (told - untold)


def student_of(
    teacher: PixArtTransformer2DModel, device: str, *, fused: bool
) -> PixArtTransformer2DModel:
    """A copy to be trained; both are on the device and made quick, and the teacher rests."""
    student: Any = PixArtTransformer2DModel.from_config(teacher.config)
    student.load_state_dict(teacher.state_dict())
    for model in (student, teacher):
        nn.Module.to(model, device)
        quicken(model, device)
        if fused:
            fuse(model)
    teacher.eval().requires_grad_(False)
    return student


def distil_guidance(
    teacher: PixArtTransformer2DModel,
    data: LatentData,
    plan: Plan,
    recipe: TransformerRecipe,
    sigmas: Float[Tensor, " step"],
    *,
    guidance: float = GUIDANCE,
) -> PixArtTransformer2DModel:
    """Trains, or goes on training, a student; returns it in evaluation mode.

    Args:
        teacher: Trained with captions dropped now and then.
        data: Latents and captions.
        plan: Length, rate, checkpoint, and the seed of the batches.
        recipe: Of the teacher, for the size of its batches.
        sigmas: Times at which the student will be sampled, from 1 to 0.
        guidance: Its scale.
    """
    student = student_of(teacher, plan.device, fused=recipe.fused)
    empty = blank(data, plan.device)
    drawn = replace(recipe, seed=plan.seed, batch=plan.batch)

    def loss_of(step: int) -> Tensor:
        batch = draw_batch(data, drawn, step, plan.device, dropout=0.0)
        rng = np.random.default_rng((plan.seed, step, 1))
        batch = at_sampled_times(batch, sigmas, rng).share(*worker())
        with precision(plan.device):
            wanted = guided_velocity(teacher, batch, empty, guidance)
            found = velocity(student, noisy(batch), batch.time, batch.tokens, batch.mask)
        return ((found - wanted) ** 2).mean()

    fit(student, loss_of, plan, "guidance")
    return student
