"""Changes of size by a smoothing filter, as StyleGAN 2 and its discriminator do them (Karras et al. 2020, appendix B).

A filter (T, T), T even, sums to one; its taps are laid so that pictures stay centred and zeros lie beyond the border.

Shapes: N images, C channels, h w space, T taps.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

__all__ = ["doubled", "halved", "smooth"]


def smooth(
    x: Tensor, taps: Tensor, padding: int, *, gain: float = 1.0, stride: int = 1, bias: Tensor | None = None
) -> Tensor:
    """Convolve each channel with a filter: (N, C, h, w) -> (N, C, h', w'), h' = (h + 2 padding - T) // stride + 1.

    Args:
        x: maps.
        taps: (T, T); convolution proper, so it acts mirrored.
        padding: zeros on every side.
        gain: multiplies the filter.
        stride: every how many pixels of the result are kept.
        bias: (C,), added to the result.
    """
    channels = x.shape[1]
    kernel = (taps.flip((0, 1)) * gain).to(x.dtype).expand(channels, 1, -1, -1)
    return F.conv2d(x, kernel, bias, stride=stride, padding=padding, groups=channels)


def doubled(x: Tensor, taps: Tensor) -> Tensor:
    """Twice the size: zeros between the pixels, then the filter, brightness kept: (N, C, h, w) -> (N, C, 2h, 2w)."""
    channels = x.shape[1]
    kernel = (taps * 4).to(x.dtype).expand(channels, 1, -1, -1)
    return F.conv_transpose2d(x, kernel, stride=2, padding=len(taps) // 2 - 1, groups=channels)


def halved(x: Tensor, taps: Tensor) -> Tensor:
    """Half the size: the filter, then every second pixel: (N, C, h, w) -> (N, C, h/2, w/2), h and w even."""
    return smooth(x, taps, len(taps) // 2 - 1, stride=2)
