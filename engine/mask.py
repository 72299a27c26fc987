"""Grow a mask and soften its edge, in pixels.

Shapes: N masks, H W size.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from torch import Tensor

from .pictures import as_mask
from .ranges import real, whole

__all__ = ["shape_mask"]

DISC = 8
"""A larger growth is made of discs of this radius: the sum of discs is a disc, and small ones are quick."""
FINE = 10
"""Standard deviation of a blur, in pixels, to which masks with wider ones are reduced: they change by under 0.001."""
LIMIT = 1024
"""More pixels than this are a slip of the hand, and would take minutes."""


def shape_mask(mask: Tensor, grow: int = 0, feather: float = 0.0) -> Tensor:
    """Grow or shrink a mask by a disc, then blur it with a Gaussian.

    The picture's border is no edge: a mask that touches it neither shrinks nor fades there.

    Args:
        mask: (H, W), (N, H, W) or (N, 1, H, W), 0 to 1; soft masks stay soft.
        grow: pixels; every pixel takes the largest value within that distance, for a negative one the smallest.
        feather: standard deviation of the blur, in pixels; 0 for none.

    Returns:
        (N, 1, H, W) in float32, 0 to 1; with neither, the very values that came in.

    Raises:
        MaskError: a mask of another shape or range.
        InputError: `grow` not a whole number, `feather` negative, or either beyond LIMIT.
    """
    grow, feather = whole(grow, "Grow (pixels)", -LIMIT, LIMIT), real(feather, "Feather (pixels)", 0, LIMIT)
    mask = as_mask(mask)
    shaped = [_feather(_grow(one, grow), feather) for one in mask[:, 0].cpu().numpy()]
    return torch.from_numpy(np.stack(shaped)).clamp(0, 1)[:, None].to(mask.device)


def _grow(mask: np.ndarray, grow: int) -> np.ndarray:
    morph = cv2.dilate if grow > 0 else cv2.erode
    whole, rest = divmod(abs(grow), DISC)
    for radius in [DISC] * whole + [rest] * (rest > 0):
        mask = morph(mask, _disc(radius))
    return mask


def _disc(radius: int) -> np.ndarray:
    """(2r + 1, 2r + 1): one for every pixel within `radius` of the centre."""
    squared = np.arange(-radius, radius + 1) ** 2
    return (squared[:, None] + squared <= radius**2).astype(np.uint8)


def _feather(mask: np.ndarray, feather: float) -> np.ndarray:
    """Wide blurs are made at a reduced size, where each pixel is the mean of `step` x `step`: 100 times as fast."""
    step = int(feather / FINE)
    if step < 2:
        return _blur(mask, feather) if feather > 0 else mask
    height, width = mask.shape
    # A whole block of the border's own value on each side, so that the reduced mask has the same border.
    bottom, right = step + -height % step, step + -width % step
    padded = cv2.copyMakeBorder(mask, step, bottom, step, right, cv2.BORDER_REPLICATE)
    small = cv2.resize(padded, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
    # The mean adds the variance of a box, 1/12 of a block squared, and the way back that of a triangle, 1/6.
    small = _blur(small, math.sqrt((feather / step) ** 2 - 1 / 4))
    return cv2.resize(small, padded.shape[::-1], interpolation=cv2.INTER_LINEAR)[step:, step:][:height, :width]


def _blur(mask: np.ndarray, deviation: float) -> np.ndarray:
    return cv2.GaussianBlur(mask, (0, 0), deviation, borderType=cv2.BORDER_REPLICATE)
