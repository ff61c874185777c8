"""Which device the models run on."""

from typing import TYPE_CHECKING

from scorer.errors import InputError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str) -> "torch.device":
    """`auto` is the accelerator where there is one, else the CPU.

    Raises:
        InputError: the device is unknown, or this machine has none of the kind.
    """
    import torch

    found = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if found[kind]))
    if name not in found:
        raise InputError(f"unknown device {name!r}: known are {', '.join(DEVICES)}")
    if not found[name]:
        raise InputError(f"torch finds no device {name!r} here: use auto or cpu")
    return torch.device(name)
