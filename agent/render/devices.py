"""Which device draws and in which number format: `auto` made concrete.

    device = pick_device("auto")            # "cuda", "mps" or "cpu"
    dtype = pick_dtype("auto", device)      # "bfloat16" where the device computes in it

The one rule that is not obvious: 16 bit on a CPU is used only where the processor has
instructions for it. There it is several times as fast as 32 bit, everywhere else it is slower.
"""

from agent.config import Device, Dtype
from scorer.device import computes_bfloat16, resolve_device


def pick_device(device: Device) -> str:
    """The kind of device to draw on.

    Raises:
        InputError: this machine has no such device.
    """
    return resolve_device(device).type


def pick_dtype(dtype: Dtype, device: str) -> str:
    """The number format to compute in, by torch's name."""
    if dtype != "auto":
        return dtype
    if computes_bfloat16(device):
        return "bfloat16"
    return "float32" if device == "cpu" else "float16"
