"""Self-attention over a feature map (Zhang et al. 2019, SAGAN, section 3), as BigGAN and its kin have it.

It belongs to the end of the block before it: what a feature collage blends is the map after it.

Shapes: N images, C channels, h w space.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parameter import Parameter

__all__ = ["SelfAttention"]


class SelfAttention(nn.Module):
    """`x + gamma * o(softmax(theta phi) g)`; keys and values are taken from every second row and column.

    The four convolutions are 1x1, without offset, their spectral norm divided out when the file was read, or put over
    them for a training.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.theta = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.phi = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.g = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.o = nn.Conv2d(channels // 2, channels, 1, bias=False)
        self.gamma = Parameter(self.o.weight.new_zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w)."""
        queries = _rows(self.theta(x))  # (N, 1, h w, C/8)
        keys = _rows(F.max_pool2d(self.phi(x), 2))  # (N, 1, h w / 4, C/8)
        values = _rows(F.max_pool2d(self.g(x), 2))  # (N, 1, h w / 4, C/2)
        # The kernels that never hold the (h w, h w / 4) matrix want one length of all three: zeros change no product.
        missing = values.shape[-1] - keys.shape[-1]
        queries, keys = F.pad(queries, (0, missing)), F.pad(keys, (0, missing))
        mixed = F.scaled_dot_product_attention(queries, keys, values, scale=1.0)  # (N, 1, h w, C/2)
        mixed = mixed[:, 0].transpose(1, 2).unflatten(2, x.shape[-2:])  # (N, C/2, h, w)
        return F.conv2d(mixed, self.o.weight * self.gamma).add_(x)


def _rows(maps: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, 1, h w, C): one head, a row for each pixel, as those kernels want it in memory."""
    return maps.flatten(2).transpose(1, 2)[:, None].contiguous()
