"""Which device draws and in which number format: `auto` made concrete.

    device = pick_device("auto")            # "cuda", "mps" or "cpu"
    dtype = pick_dtype("auto", device)      # "bfloat16" where the device computes in it

The one rule that is not obvious: 16 bit on a CPU is used only where the processor has
instructions for it. There it is several times as fast as 32 bit, everywhere else it is slower.
"""

from agent.config import Device, Dtype
from scorer.device import resolve_device


def pick_device(device: Device) -> str:
    """The kind of device to draw on.

    Raises:
        InputError: this machine has no such device.
    """
    return resolve_device(device).type


def computes_bfloat16(device: str) -> bool:
    """Whether the device has instructions for bfloat16 (emulation doesn't count)."""
    import torch

    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device == "mps":
        return torch.backends.mps.is_macos_or_newer(14, 0)
    tests = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, test, bool)() for test in tests)


def pick_dtype(dtype: Dtype, device: str) -> str:
    """The number format to compute in, by torch's name."""
    if dtype != "auto":
        return dtype
    if computes_bfloat16(device):
        return "bfloat16"
    return "float32" if device == "cpu" else "float16"
