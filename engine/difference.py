"""Where two pictures differ, as a mask: what an edit changed, or where a reconstruction fails."""

from __future__ import annotations

from torch import Tensor

from .errors import InputError
from .ranges import expect
from .style import resize

__all__ = ["difference"]


def difference(images: Tensor, other: Tensor) -> Tensor:
    """How far two pictures are apart at each pixel: half of the largest channel's difference.

    Args:
        images: (N, C, H, W) in [-1, 1].
        other: as many pictures, or one, of the same channels and aspect; brought to H x W where its size differs.

    Returns:
        (N, 1, H, W): 0 where they are equal to the bit, 1 between black and white.

    Raises:
        InputError: no tensors, or pictures of different channels, aspect or batch length.
    """
    images, other = expect(images, Tensor, "A picture to compare"), expect(other, Tensor, "A picture to compare")
    shapes = f"{tuple(images.shape)} and {tuple(other.shape)}"
    if images.dim() != 4 or other.dim() != 4 or images.shape[1] != other.shape[1]:
        raise InputError(f"Pictures to compare must both be (N, C, H, W) with the same channels; got {shapes}.")
    if images.shape[-2] * other.shape[-1] != images.shape[-1] * other.shape[-2]:
        raise InputError(f"Pictures to compare must have one aspect; got {shapes}. Crop one like the other.")
    if len(images) != len(other) and 1 not in (len(images), len(other)):
        raise InputError(f"Pictures to compare must come in one batch length, or singly; got {shapes}.")
    other = resize(other, (images.shape[-2], images.shape[-1]))
    return ((images - other).abs().amax(1, keepdim=True) / 2).clamp(0, 1)
