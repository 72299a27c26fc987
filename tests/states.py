"""Whether two snapshots are the same, to the last bit."""

from typing import Any

import torch

__all__ = ["equal"]


def equal(one: Any, other: Any) -> bool:
    """Nested dictionaries and sequences of tensors and plain values."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    return len(one) == len(other) and all(map(equal, one, other)) if isinstance(one, (list, tuple)) else one == other
