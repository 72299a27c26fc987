"""Batch norm in training: over the pictures of one process, or of all that share a batch.

Torch's SyncBatchNorm refuses the CPU, and knows nothing of class maps. Here mean and variance themselves are summed
over the processes, differentiably, so that two processes with half a batch each train as one with the whole.

Shapes: N images, C channels, h w space.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["BatchNorm2d", "BatchStatistics", "SharedStatistics", "batch_norm", "share_statistics"]


class BatchStatistics:
    """A norm that in training mode measures its batch, and keeps `momentum` of what it finds."""

    momentum: Any
    """Share of the new in the running statistics, from 0 to 1."""
    truncations: int = 1
    """For how many truncations it has statistics; only a single set can be measured."""


class SharedStatistics(BatchStatistics):
    """A norm whose batch may be spread over several processes."""

    across: bool = False
    """Whether it is. All processes must then call it equally often, each with as many pictures."""


def share_statistics(network: nn.Module) -> None:
    """Let every norm of a network that can measure its batch over all processes do so, from now on."""
    for module in network.modules():
        if isinstance(module, SharedStatistics):
            module.across = True


def batch_norm(x: Tensor, mean: Tensor, var: Tensor, momentum: float, eps: float, across: bool = False) -> Tensor:
    """`(x - m) / sqrt(v + eps)` with the batch's own m and v: (N, C, h, w) -> (N, C, h, w).

    Args:
        x: (N, C, h, w).
        mean: (C,), running; moves in place towards m by `momentum`.
        var: (C,), running; moves in place towards the unbiased v.
        momentum: share of the new.
        eps: added to the variance.
        across: m and v are those of all processes' pictures together.
    """
    if not across:
        return F.batch_norm(x, mean, var, training=True, momentum=momentum, eps=eps)
    processes = torch.distributed.get_world_size()
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    # In two rounds: the difference of large sums of squares would lose the variance.
    found = _sum(wide.mean((0, 2, 3))) / processes  # (C,)
    centred = wide - found[:, None, None]
    spread = _sum(centred.square().mean((0, 2, 3))) / processes  # (C,)
    with torch.no_grad():
        count = processes * x.numel() / x.shape[1]
        mean.lerp_(found.to(mean.dtype), momentum)
        var.lerp_((spread * count / (count - 1)).to(var.dtype), momentum)
    return (centred * torch.rsqrt(spread + eps)[:, None, None]).to(x.dtype)


class BatchNorm2d(nn.BatchNorm2d, SharedStatistics):
    """torch's own, which can measure over several processes."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w)."""
        if not (self.training and self.across):
            return super().forward(input)
        mean, var = self.get_buffer("running_mean"), self.get_buffer("running_var")
        x = batch_norm(input, mean, var, self.momentum or 0.0, self.eps, across=True)
        self.get_buffer("num_batches_tracked").add_(1)
        return x * self.weight[:, None, None].to(x.dtype) + self.bias[:, None, None].to(x.dtype)


class _Sum(torch.autograd.Function):
    """The sum over all processes. Its derivative is the sum of the processes' gradients: the same operation."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # type: ignore[override]
        total = values.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return _sum(gradient)


def _sum(values: Tensor) -> Tensor:
    return _Sum.apply(values)  # type: ignore[return-value]
