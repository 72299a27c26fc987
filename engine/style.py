"""Values, spread over the picture by weights that sum to one: the one operator behind every collage.

`spread`   K values per image and K weight maps -> one map           (paper eq. 2 for norms, eq. 3 for features)
`over`     paint one weight map over others, so that they still sum to one
`resize`   bring weight maps to a layer's size, keeping their sums
`Style`    what one conditional norm is told: K condition vectors and where each holds

Shapes: N images, K values used in this collage (never all classes of the model), C channels, h w space.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from .errors import InputError

__all__ = ["Style", "over", "resize", "spread"]


def spread(values: Tensor, weights: Tensor, layout: torch.memory_format = torch.contiguous_format) -> Tensor:
    """Mix K values at every pixel: `out[n,c,y,x] = sum_k values[n,k,c] * weights[n,k,y,x]` (paper eq. 2).

    Args:
        values: (N, K, C).
        weights: (N, K, h, w), summing to one over K.
        layout: how the result lies in memory, best as what it is used with: `torch.contiguous_format`, or
            `torch.channels_last`. The numbers are the same.

    Returns:
        (N, C, h, w) in float32 at least, also under autocast. With K = 1 the weight is one everywhere by
        definition, so the value itself comes back as (N, C, 1, 1): the plain generator, bit for bit.
    """
    if values.shape[1] == 1:
        return values[:, 0, :, None, None]
    precise = torch.promote_types(values.dtype, torch.float32)
    with torch.autocast(values.device.type, enabled=False):
        values, weights = values.to(precise), weights.to(precise)
        if layout == torch.channels_last:
            return (weights.flatten(2).mT @ values).mT.unflatten(2, weights.shape[2:])
        return torch.einsum("nkc,nkhw->nchw", values, weights)


def over(below: Tensor, above: Tensor) -> Tensor:
    """Paint `above` over `below`: what lies below keeps `1 - coverage`, then the new maps are added at the end.

    Args:
        below: (N, K, H, W), summing to one over K.
        above: (N, J, H, W), non-negative, summing to at most one over J.

    Returns:
        (N, K + J, H, W), summing to one over K + J by construction.
    """
    remaining = (1 - above.sum(1, keepdim=True)).clamp(0, 1)
    return torch.cat([below * remaining, above], dim=1)


def resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize maps by exact box overlap where they shrink and bilinearly (half-pixel centres) where they grow.

    Each axis is one matrix whose rows sum to one, so maps that sum to one still do, at any ratio.

    Args:
        maps: (N, K, H, W).
        size: (h, w) wanted, in pixels.

    Returns:
        (N, K, h, w); `maps` itself where the size already fits.
    """
    height, width = maps.shape[-2:]
    if (height, width) == tuple(size):
        return maps
    if min(size) < 1:
        raise InputError(f"A map needs at least one pixel on each side; the size asked for is {tuple(size)}.")
    rows = torch.tensor(_axis_matrix(height, size[0]), dtype=maps.dtype, device=maps.device)
    columns = torch.tensor(_axis_matrix(width, size[1]), dtype=maps.dtype, device=maps.device)
    with torch.autocast(maps.device.type, enabled=False):
        return rows @ maps @ columns.T


@lru_cache(maxsize=16)  # a render asks for the same few sizes again and again; those of photos are large
def _axis_matrix(old: int, new: int) -> np.ndarray:
    """(new, old) matrix that resizes one axis; rows sum to one."""
    if new <= old:
        # The new pixel i covers [i, i + 1) * old / new of the old axis; its weights are the overlaps with old pixels.
        edges = np.arange(new + 1) * old / new
        pixels = np.arange(old)
        overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
        matrix = np.clip(overlap, 0, None)
    else:
        # Half-pixel centres; beyond the outermost centres the edge value holds.
        centres = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        matrix = np.clip(1 - np.abs(centres[:, None] - np.arange(old)), 0, None)
    return matrix / matrix.sum(1, keepdims=True)


@dataclass(frozen=True, eq=False)
class Style:
    """What one conditional norm is told: K condition vectors for each image, and where each of them holds."""

    vectors: Tensor
    """(N, K) class numbers or (N, K, V) vectors; the norm projects them, the loop never looks inside."""
    weights: Tensor
    """(N, K, h, w) at the norm's own size, summing to one over K; (N, 1, 1, 1) where one vector holds everywhere."""
    noise: Tensor | None = None
    """(1 or N, 1, h, w): what the layer adds to every channel before the norm (StyleGAN); None for nothing."""

    @classmethod
    def uniform(cls, vectors: Tensor, noise: Tensor | None = None) -> Style:
        """The same vector everywhere: `vectors` (N,) class numbers or (N, V)."""
        return cls(vectors[:, None], torch.ones(len(vectors), 1, 1, 1, device=vectors.device), noise)
