"""Spectral normalisation by Chainer's rule, which the paper's models were trained with (Miyato et al. 2018).

The file holds the raw weight W and one vector u. Every forward pass, in training or not, takes one power step from
the stored u and divides W by the sigma it finds; training then keeps the new u. (torch's own `spectral_norm` takes no
step in evaluation, so its numbers differ.) The step costs two matrix-vector products, which vanish beside a
convolution, so nothing is cached and nothing can go stale.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["SpectralConv2d", "SpectralEmbedding", "SpectralLinear", "power_step", "spectral_weight"]


def power_step(weight: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """One step of power iteration on `weight` flattened to (rows, rest).

    Args:
        weight: (rows, ...).
        u: (1, rows).

    Returns:
        sigma, a scalar differentiable in `weight` (u and v are constants), and the next u (1, rows).
    """
    matrix = weight.flatten(1)
    with torch.no_grad():
        v = _unit(u @ matrix)  # (1, rest)
        u = _unit(v @ matrix.T)  # (1, rows)
    return (u @ matrix @ v.T).squeeze(), u


def _unit(vector: Tensor) -> Tensor:
    return vector / (vector.norm() + 1e-12)


def spectral_weight(module: SpectralConv2d | SpectralLinear | SpectralEmbedding) -> Tensor:
    """The weight in use, W / sigma; in training mode the module's u moves on."""
    with torch.autocast(module.weight.device.type, enabled=False):
        sigma, u = power_step(module.weight, module.u)
        if module.training:
            module.u.copy_(u)
        return module.weight / sigma


class SpectralConv2d(nn.Conv2d):
    """Convolution with a spectrally normalised weight."""

    u: Tensor

    def __init__(self, width_in: int, width_out: int, kernel: int) -> None:
        super().__init__(width_in, width_out, kernel, padding=kernel // 2)
        self.register_buffer("u", torch.randn(1, width_out))

    def forward(self, input: Tensor) -> Tensor:
        """(N, Cin, h, w) -> (N, Cout, h, w)."""
        return F.conv2d(input, spectral_weight(self), self.bias, padding=self.padding)  # type: ignore[arg-type]


class SpectralLinear(nn.Linear):
    """Linear layer with a spectrally normalised weight."""

    u: Tensor

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__(width_in, width_out)
        self.register_buffer("u", torch.randn(1, width_out))

    def forward(self, input: Tensor) -> Tensor:
        """(N, Cin) -> (N, Cout)."""
        return F.linear(input, spectral_weight(self), self.bias)


class SpectralEmbedding(nn.Embedding):
    """Embedding table with a spectrally normalised weight; rows of the table are the rows of the matrix."""

    u: Tensor

    def __init__(self, count: int, width: int) -> None:
        super().__init__(count, width)
        self.register_buffer("u", torch.randn(1, count))

    def forward(self, input: Tensor) -> Tensor:
        """Class numbers (N,) -> (N, C)."""
        return F.embedding(input, spectral_weight(self))
