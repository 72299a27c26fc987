"""Which numbers a training computes in, where its settings leave that to the machine."""

from __future__ import annotations

import torch

__all__ = ["fastest"]

INSTRUCTIONS = ("amx_bf16", "avx512_bf16")
"""Of CPUs on which bf16 was seen to be faster: a step of `tiny-64` takes half of the time of fp32."""


def fastest(device: torch.device) -> str:
    """bf16 where the device computes in it, else fp32: a CPU without such instructions takes two to ten times as long.

    A torch that cannot name the instructions of its CPU gets fp32.
    """
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    known = torch.cpu.get_capabilities() if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities") else {}
    return "bf16" if any(known.get(name, False) for name in INSTRUCTIONS) else "fp32"
