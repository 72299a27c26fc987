"""Grow a mask and soften its edge, in pixels.

Shapes: N masks, H W size.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from .pictures import as_mask
from .ranges import real, whole

__all__ = ["shape_mask"]

DISC = 8
"""A larger growth is made of discs of this radius: the sum of discs is a disc, and small ones are quick."""
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
    return cv2.GaussianBlur(mask, (0, 0), feather, borderType=cv2.BORDER_REPLICATE) if feather > 0 else mask
