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


def computes_bfloat16(kind: str) -> bool:
    """Whether a kind of device has instructions for bfloat16 (emulation doesn't count).

    On a CPU it is then several times as fast as 32 bit; emulated it is up to a hundred times
    slower.
    """
    import torch

    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind == "mps":
        return torch.backends.mps.is_macos_or_newer(14, 0)
    tests = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, test, bool)() for test in tests)
