"""Doubling the size of a feature map by repeating every pixel 2x2, and the 3x3 convolution after it.

Shapes: N images, C channels, h w space.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["DoublingConv2d", "double"]

WORTH = 32
"""From this side of the map on, pixels, the merged kernel costs less than it saves (measured on one CPU core)."""


def double(x: Tensor) -> Tensor:
    """Repeat every pixel 2x2: (N, C, h, w) -> (N, C, 2h, 2w)."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


class DoublingConv2d(nn.Conv2d):
    """3x3 convolution of a map whose every pixel is repeated 2x2.

    Of the nine pixels under the kernel only four differ, so the taps that meet the same pixel are summed first: a
    transposed convolution with a 4x4 kernel and stride 2, four ninths of the products (Karras et al. 2018 trained with
    it). On small maps, where kernels are large and pixels few, the plain way is faster.
    """

    merge: Tensor

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__(width_in, width_out, 3, padding=1)
        # Row i, column a: whether tap a of the plain kernel is in tap i of the merged one, which runs the other way.
        axis = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
        self.register_buffer("merge", torch.kron(axis, axis).T.contiguous(), persistent=False)  # (9, 16)

    def forward(self, input: Tensor) -> Tensor:
        """(N, Cin, h, w) -> (N, Cout, 2h, 2w)."""
        if input.shape[-1] < WORTH:
            return super().forward(double(input))
        kernel = (self.weight.flatten(2) @ self.merge).unflatten(2, (4, 4)).transpose(0, 1)
        return F.conv_transpose2d(input, kernel, self.bias, stride=2, padding=1)
