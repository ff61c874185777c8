"""What the training scripts share: folders, checkpoints, the learning-rate curve, the loop.

Every script is one command, takes a seed, shows its progress, and goes on from its checkpoint
when it is started again. What they make on the way lies in `$PAMELA_BUILD_DIR`, else `build/`.

    torchrun --nproc-per-node 2 -m miniature.renderer

shares each batch among processes of one thread each, which wait for each other once a step; two
threads of one process wait after every product, and are a quarter slower on small models.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorer.files import written

if TYPE_CHECKING:
    import torch

BUILD = Path(os.environ.get("PAMELA_BUILD_DIR", "build"))
SCENES, FRESH_SCENES = BUILD / "scenes", BUILD / "fresh-scenes"
HELD_OUT_EVERY = 10
"""Scene number 0, 10, 20, … is never trained on by anything."""


@dataclass(frozen=True)
class Plan:
    """How long, how fast and from which seed something is trained."""

    checkpoint: Path
    steps: int
    rate: float = 1e-3
    batch: int = 32
    seed: int = 0
    device: str = "cpu"
    weight_decay: float = 0.01
    every: int = 200
    """Steps between checkpoints."""


def pick_device(name: str) -> str:
    """`auto` is CUDA where there is one, else the CPU."""
    import torch

    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def precision(device: str) -> AbstractContextManager[Any]:
    """bfloat16 autocast where the device computes in it, else 32 bit: emulation is far slower."""
    import torch

    from scorer.device import computes_bfloat16

    if computes_bfloat16(torch.device(device).type):
        return torch.autocast(device, torch.bfloat16)
    return nullcontext()


def worker() -> tuple[int, int]:
    """Number of this process and how many train together, as torchrun says."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def wait_for_all() -> None:
    """Returns when every process that trains along has come here; at once for a single one."""
    import torch.distributed as dist

    if worker()[1] > 1:
        if not dist.is_initialized():
            dist.init_process_group("gloo")
        dist.barrier()


def average_gradients(parameters: "Iterable[torch.nn.Parameter]") -> None:
    """Replaces the gradients by their mean over all processes; nothing to do for a single one."""
    import torch
    import torch.distributed as dist

    count = worker()[1]
    if count == 1:
        return
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    own = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in own])
    dist.all_reduce(flat)
    for gradient, mean in zip(own, flat.split([g.numel() for g in own]), strict=True):
        gradient.copy_((mean / count).view_as(gradient))


def save_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Writes a checkpoint so that a kill leaves the old one or the new one, never half of one.

    Of several processes that train together the first one writes.
    """
    import torch

    if worker()[0]:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with written(path) as stream:
        torch.save(state, stream)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The last checkpoint, or None for a fresh start."""
    import torch

    return torch.load(path, map_location="cpu", weights_only=True) if path.is_file() else None


def learning_rate(step: int, total: int, *, warmup: int = 100, decay: float = 0.4) -> float:
    """Share of the peak rate: linear warm-up, constant, linear decay over the last `decay`."""
    rise = min(1.0, (step + 1) / warmup)
    fall = min(1.0, max(0.02, (total - step) / (total * decay)))
    return rise * fall


def fit(
    model: "torch.nn.Module", loss_of: Callable[[int], "torch.Tensor"], plan: Plan, name: str
) -> None:
    """Trains a model with AdamW, or goes on training it, and leaves it in evaluation mode.

    Args:
        model: Already on `plan.device`.
        loss_of: The loss of a step; all its randomness comes from the step's number, but for
            torch's own generator.
        plan: Length, rate, checkpoint.
        name: Shown beside the progress bar.
    """
    import torch
    from tqdm import tqdm

    optimizer = torch.optim.AdamW(
        model.parameters(), plan.rate, betas=(0.9, 0.98), weight_decay=plan.weight_decay
    )
    start = 0
    if state := load_checkpoint(plan.checkpoint):
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        start = state["step"]
    bar = tqdm(
        range(start, plan.steps),
        initial=start,
        total=plan.steps,
        desc=name,
        disable=worker()[0] > 0,
    )
    for step in bar:
        optimizer.param_groups[0]["lr"] = plan.rate * learning_rate(step, plan.steps)
        loss = loss_of(step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(model.parameters())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 20 == 0:
            bar.set_postfix(loss=f"{loss.item():.4f}")
        if (step + 1) % plan.every == 0 or step + 1 == plan.steps:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            save_checkpoint({**state, "step": step + 1}, plan.checkpoint)
    model.eval()
