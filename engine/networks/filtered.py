"""The filtered nonlinearity of StyleGAN3: a slope that makes no frequency which its canvas cannot carry.

Karras et al. 2021, section 3.2: up to a finer canvas through a low-pass filter, leaky ReLU there, and down again
through another. The filters come with the weights. Each axis has its own, but on the way down that of configuration R
may be a disc (its section 3.2 and appendix C).

Shapes: N images, C channels, h w space, T taps of a filter.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

__all__ = ["Filtering", "downsample", "upsample"]


@dataclass(frozen=True)
class Filtering:
    """How a layer goes up to its fine canvas and down again: by which factors, and with how long filters."""

    up: int
    """Factor to the fine canvas."""
    down: int
    """Factor from there to the layer's output."""
    up_taps: int
    """Length of the filter on the way up; 1 for none."""
    down_taps: int
    """The same on the way down."""
    radial: bool
    """Whether the filter on the way down is a disc, and not one filter for each axis."""

    def padding(self, size_in: int, size_out: int) -> tuple[int, int]:
        """Zeros (before, after) each axis of the fine canvas, so that both sizes have one centre; negative: cut off.

        A pixel stands for the middle of its square (appendix C.3), so its zeros lie evenly about it, and not behind it.
        """
        wanted = (size_out - 1) * self.down + 1 + (self.up_taps - 1) + (self.down_taps - 1)
        missing = wanted - size_in * self.up
        before = (missing + self.up) // 2
        return before, missing - before


def upsample(x: Tensor, taps: Tensor, factor: int, padding: tuple[int, int]) -> Tensor:
    """Put `factor - 1` zeros behind every pixel, pad, and smooth within what is there: (N, C, h, w) -> larger.

    Args:
        x: the maps.
        taps: (T,), the filter of each axis.
        factor: how much finer.
        padding: zeros (before, after) along each axis; negative where it is cut.

    Returns:
        (N, C, H, W) with H = factor h + before + after - (T - 1).
    """
    channels, length = x.shape[1], len(taps)
    # A transposed convolution gives every pixel that the filter touches: these are too many at either end.
    excess = length - 1 - padding[0], length - factor - padding[1]
    common = max(min(excess), 0)
    kernel = taps.to(x.dtype).expand(channels, 1, -1)
    x = F.conv_transpose2d(x, kernel[..., None], stride=(factor, 1), padding=(common, 0), groups=channels)
    x = F.conv_transpose2d(x, kernel[..., None, :], stride=(1, factor), padding=(0, common), groups=channels)
    rest = common - excess[0], common - excess[1]
    return F.pad(x, rest * 2) if any(rest) else x


def downsample(x: Tensor, taps: Tensor, factor: int) -> Tensor:
    """Smooth within what is there and keep every `factor`-th pixel: (N, C, h, w) -> (N, C, (h - T) // factor + 1, ...).

    Args:
        x: the maps.
        taps: (T,), the filter of each axis, or (T, T), one for both.
        factor: how much coarser.
    """
    channels, taps = x.shape[1], taps.to(x.dtype)
    if taps.dim() == 2:
        return F.conv2d(x, taps.flip(0, 1).expand(channels, 1, -1, -1), stride=factor, groups=channels)
    kernel = taps.flip(0).expand(channels, 1, -1)
    x = F.conv2d(x, kernel[..., None, :], stride=(1, factor), groups=channels)
    return F.conv2d(x, kernel[..., None], stride=(factor, 1), groups=channels)
