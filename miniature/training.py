"""What the training scripts share: folders, checkpoints, the learning-rate curve, the loop.

Every script is one command, takes a seed, shows its progress, and goes on from its checkpoint
when it is started again. What they make on the way lies in `$PAMELA_BUILD_DIR`, else `build/`.

    torchrun --nproc-per-node 2 -m miniature.renderer

shares each batch among processes of one thread each, which wait for each other once a step; two
threads of one process wait after every product, and are a quarter slower on small models.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorer.files import written

if TYPE_CHECKING:
    import torch

BUILD = Path(os.environ.get("PAMELA_BUILD_DIR", "build"))
SCENES, FRESH_SCENES = BUILD / "scenes", BUILD / "fresh-scenes"
PATIENCE = 12
"""Hours that a process waits for another."""
HELD_OUT_EVERY = 10
"""Scene number 0, 10, 20, … is never trained on by anything."""
PERCEPTION_EVERY = 3
"""Scene number 0, 3, 6, … trains the perception alone; judge and encoder share the others."""


def held_out(number: int) -> bool:
    """Whether nothing trains on a scene."""
    return number % HELD_OUT_EVERY == 0


def of_perception(number: int) -> bool:
    """Whether the participants' perception trains on a scene."""
    return not held_out(number) and number % PERCEPTION_EVERY == 0


def of_encoder(number: int) -> bool:
    """Whether the encoder, and the judge that it is aligned with, train on a scene."""
    return not held_out(number) and number % PERCEPTION_EVERY != 0


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
    """Beside Muon, of what Muon trains alone."""
    muon_rate: float = 1e-3
    """Of what trains with Muon, where it is fast."""
    every: int = 200
    """Steps between checkpoints."""
    warmup: int = 100
    """Steps in which the rate rises to its peak."""


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
        _join()
        dist.barrier()


def _join() -> None:
    """Meets the other processes, which may wait for hours for what the first one makes."""
    import torch.distributed as dist

    if not dist.is_initialized():
        dist.init_process_group("gloo", timeout=timedelta(hours=PATIENCE))


def average_gradients(parameters: "Iterable[torch.nn.Parameter]") -> None:
    """Replaces the gradients by their mean over all processes; nothing to do for a single one."""
    import torch
    import torch.distributed as dist

    count = worker()[1]
    if count == 1:
        return
    _join()
    own = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in own])
    dist.all_reduce(flat)
    for gradient, mean in zip(own, flat.split([g.numel() for g in own]), strict=True):
        gradient.copy_((mean / count).view_as(gradient))


def share_of(count: int) -> range:
    """Which of so many things, one after the other, this process does."""
    part, parts = worker()
    return range(part * count // parts, (part + 1) * count // parts)


def gathered(own: "torch.Tensor") -> "torch.Tensor":
    """The rows of every process that trains along, one process's after the other's."""
    import torch
    import torch.distributed as dist

    count = worker()[1]
    if count == 1:
        return own
    _join()
    parts: list[torch.Tensor] = [own] * count
    dist.all_gather_object(parts, own)
    return torch.cat(parts)


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


def hidden_matrices(blocks: "torch.nn.Module") -> "list[torch.nn.Parameter]":
    """The matrices inside a transformer's blocks: what Muon is made for."""
    return [p for p in blocks.parameters() if p.ndim == 2 and min(p.shape) > 16]


def make_optimizers(
    parameters: "Iterable[torch.nn.Parameter]", hidden: "list[torch.nn.Parameter]", plan: Plan
) -> "list[torch.optim.Optimizer]":
    """Muon (Jordan et al. 2024) for the hidden matrices, AdamW for the rest.

    torch has it since 2.9, and it multiplies in bfloat16: where there is none, or where that is
    emulated, AdamW trains everything.
    """
    import torch

    from scorer.device import computes_bfloat16

    everything, decay = list(parameters), plan.weight_decay
    adam = partial(torch.optim.AdamW, lr=plan.rate, betas=(0.9, 0.98), fused=True)
    fast = hasattr(torch.optim, "Muon") and computes_bfloat16(torch.device(plan.device).type)
    if not (hidden and fast):
        return [adam(everything, weight_decay=decay)]
    chosen = {id(p) for p in hidden}
    rest = [p for p in everything if id(p) not in chosen]
    return [
        torch.optim.Muon(
            hidden, lr=plan.muon_rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"
        ),
        adam(rest, weight_decay=0.0),
    ]


def fit(
    model: "torch.nn.Module",
    loss_of: Callable[[int], "torch.Tensor"],
    plan: Plan,
    name: str,
    *,
    hidden: "Sequence[torch.nn.Parameter]" = (),
) -> None:
    """Trains a model, or goes on training it, and leaves it in evaluation mode.

    Args:
        model: Already on `plan.device`.
        loss_of: The loss of a step; all its randomness comes from the step's number, but for
            torch's own generator.
        plan: Length, rates, checkpoint.
        name: Shown beside the progress bar.
        hidden: What trains with Muon instead of AdamW.
    """
    import torch
    from tqdm import tqdm

    optimizers = make_optimizers(model.parameters(), list(hidden), plan)
    rates = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
    start = _restore(model, optimizers, plan)
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    steps, silent = range(start, plan.steps), worker()[0] > 0
    bar = tqdm(steps, initial=start, total=plan.steps, desc=name, disable=silent)
    for step in bar:
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate * learning_rate(step, plan.steps, warmup=plan.warmup)
        loss = loss_of(step)
        model.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(model.parameters())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        if step % 20 == 0:
            bar.set_postfix(loss=f"{loss.item():.4f}")
        if (step + 1) % plan.every == 0 or step + 1 == plan.steps:
            _keep(model, optimizers, step + 1, plan.checkpoint)
    model.eval()


def _keep(
    model: "torch.nn.Module",
    optimizers: "list[torch.optim.Optimizer]",
    step: int,
    checkpoint: Path,
) -> None:
    saved = [optimizer.state_dict() for optimizer in optimizers]
    save_checkpoint({"model": model.state_dict(), "optimizers": saved, "step": step}, checkpoint)


def _restore(
    model: "torch.nn.Module", optimizers: "list[torch.optim.Optimizer]", plan: Plan
) -> int:
    """Loads what a training has kept, if it has; returns the step at which it goes on."""
    state = load_checkpoint(plan.checkpoint)
    if not state:
        return 0
    try:
        model.load_state_dict(state["model"])
    except RuntimeError as error:
        raise SystemExit(
            f"{str(plan.checkpoint)!r} is of another model, made by another version or with other "
            f"options: finish it there, or delete it to train anew"
        ) from error
    if state["step"] < plan.steps:
        saved: list[dict[str, Any]] = state.get("optimizers", [])
        if len(saved) != len(optimizers):
            raise SystemExit(
                f"{str(plan.checkpoint)!r} was trained with other optimizers, on another kind of "
                f"processor or by another version: finish it there, or delete it to train anew"
            )
        for optimizer, kept in zip(optimizers, saved, strict=True):
            optimizer.load_state_dict(kept)
    return state["step"]
