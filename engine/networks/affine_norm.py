"""Batch norms for drawing, whose scale and shift come ready: projected from a condition, the statistics folded in.

`ConditionalNorm`  told K scales and shifts and where each holds; spreads them over the picture (paper eq. 2)
`OutputNorm`       one scale and shift for all pictures, before the last convolution

Statistics are a table: one row, or one for each of several truncations (BigGAN-deep as DeepMind published it). Which
rows count, and by how much, is told by the generator; `shares` (S,) sum to one.

Shapes: N images, C channels, K labels in use, S rows of statistics, V length of a condition, h w space.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.parameter import Parameter

from ..style import Style, spread
from .batch_statistics import SharedStatistics, batch_norm

__all__ = ["INTERPOLATIONS", "ConditionalNorm", "OutputNorm", "TabledNorm"]

INTERPOLATIONS = ("linear", "package")
"""Statistics between two truncations: on a straight line; or as Hugging Face's package takes them, for comparison with
its pictures. It swaps the two shares, so that what it draws at 0.413 is what is right for 0.407, and jumps at every
step."""


class TabledNorm(nn.Module, SharedStatistics):
    """Mean and variance of each channel, by truncation; in training those of the batch, which the table follows."""

    means: Tensor
    vars: Tensor

    def __init__(self, channels: int, rows: int, eps: float) -> None:
        super().__init__()
        self.eps, self.truncations = eps, rows
        self.momentum = 0.1  # new = 0.9 old + 0.1 batch
        self.register_buffer("means", torch.zeros(rows, channels))
        self.register_buffer("vars", torch.ones(rows, channels))

    def folded(self, scale: Tensor, shift: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
        """`scale * (x - mean) / sqrt(var + eps) + shift` as a scale and a shift of x itself: (..., C) each."""
        scale = scale * torch.rsqrt(shares @ self.vars + self.eps)
        return scale, shift - scale * (shares @ self.means)

    def by_batch(self, x: Tensor) -> Tensor:
        """x (N, C, h, w) by its own statistics, which enter the table's one row."""
        return batch_norm(x, self.means[0], self.vars[0], self.momentum, self.eps, self.across)


class ConditionalNorm(TabledNorm):
    """Norm whose scale is one plus a gain; gain and shift are a linear map of a condition, or rows of a class table."""

    def __init__(self, channels: int, affine: nn.Linear | nn.Embedding, rows: int, eps: float) -> None:
        """`affine` gives 2C numbers, gains first, for a condition: a vector (N, V), or class numbers (N,)."""
        super().__init__(channels, rows, eps)
        self.affine = affine

    def project(self, condition: Tensor, shares: Tensor) -> Tensor:
        """What is spread: scale and shift (N, 2C) under `condition`, of x itself, or in training of normalised x."""
        gain, shift = self.affine(condition).chunk(2, dim=1)
        pair = (1 + gain, shift) if self.training else self.folded(1 + gain, shift, shares)
        return torch.cat(pair, dim=1)

    def forward(self, x: Tensor, style: Style) -> Tensor:
        """x (N, C, h, w) under `style`, whose vectors (N, K, 2C) are what `project` gave."""
        if self.training:
            x = self.by_batch(x)
        # (N, C, h, w) each, or (N, C, 1, 1) where one label holds everywhere.
        layout = torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
        scale, shift = (spread(half, style.weights, layout).to(x.dtype) for half in style.vectors.chunk(2, dim=2))
        return torch.addcmul(shift, x, scale)


class OutputNorm(TabledNorm):
    """Norm with a scale and a shift of its own, without one added."""

    def __init__(self, channels: int, rows: int, eps: float) -> None:
        super().__init__(channels, rows, eps)
        self.weight = Parameter(torch.ones(channels))
        self.bias = Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w)."""
        scale, shift = self.weight, self.bias
        if self.training:
            x = self.by_batch(x)
        else:
            scale, shift = self.folded(scale, shift, shares)
        return torch.addcmul(shift[:, None, None], x, scale[:, None, None])
