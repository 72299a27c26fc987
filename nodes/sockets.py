"""Sockets: their names, and the way from the host's tensors to the engine's and back.

IMAGE is (N, H, W, C) in [0, 1], MASK is (H, W) or (N, H, W) in [0, 1]. The engine speaks (N, 3, H, W), in [-1, 1] where
a model draws or sees, and (N, 1, H, W). Everything handed back is on the CPU, float32 and contiguous.

Grey pictures become three equal channels; an alpha channel is dropped (Load Image gives it as a mask of its own).

Shapes: N items, H W size, C channels.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..engine import InputError, MaskError

__all__ = [
    "CLASS_MAP",
    "COLLAGE",
    "CROP",
    "GAN",
    "expect",
    "image_from_engine",
    "image_from_picture",
    "image_to_engine",
    "image_to_picture",
    "mask_from_engine",
    "mask_to_engine",
    "thumbnail",
]

T = TypeVar("T")

# Types match by exact string across all packs, and CLIP is ComfyUI's text encoder.
GAN = "COLLAGE_GAN"
COLLAGE = "COLLAGE"
CLASS_MAP = "COLLAGE_CLASS_MAP"
CROP = "COLLAGE_CROP"

OVERSHOOT = 0.5
"""How far values may leave 0..1: sharpening and Lanczos go a little beyond, 8-bit numbers go far."""
ROUNDING = 1e-3
"""How far a mask's values may leave 0..1 by the rounding of blurs and differences."""
NO_MASK = (64, 64)
"""Load Image's mask for a picture without alpha: this size, all zeros, whatever the size of the picture."""


def image_to_picture(image: object, name: str = "image") -> Tensor:
    """IMAGE (N, H, W, 1, 3 or 4) or (H, W, C) -> (N, 3, H, W) with the very values that came in.

    Raises:
        InputError: no float tensor of that shape, NaN, or values far outside 0 to 1; the message calls it `name`.
    """
    if not isinstance(image, Tensor) or not image.is_floating_point():
        raise InputError(f"The {name} must be an IMAGE, a float tensor; got {_told(image)}. Connect an IMAGE output.")
    batch = image[None] if image.dim() == 3 else image
    if batch.dim() != 4 or batch.shape[-1] not in (1, 3, 4) or 0 in batch.shape:
        raise InputError(
            f"The {name} must have shape (batch, height, width, 1, 3 or 4 channels), none of them 0; "
            f"got {tuple(image.shape)}. Connect an IMAGE output."
        )
    if not torch.isfinite(batch).all():
        raise InputError(f"The {name} must be finite; it holds NaN or infinity. Check the node that made it.")
    if batch.min() < -OVERSHOOT or batch.max() > 1 + OVERSHOOT:
        raise InputError(
            f"The {name} must lie between 0 and 1; got values from {batch.min().item():g} to {batch.max().item():g}. "
            f"Divide 8-bit values by 255."
        )
    return batch[..., :3].movedim(-1, 1).float().expand(-1, 3, -1, -1)


def image_from_picture(pictures: Tensor) -> Tensor:
    """(N, 3, H, W) -> IMAGE (N, H, W, 3) with the very values that came in."""
    return pictures.detach().movedim(1, -1).to("cpu", torch.float32).contiguous()


def image_to_engine(image: object, name: str = "image") -> Tensor:
    """IMAGE -> (N, 3, H, W) in [-1, 1], cut to that range.

    Raises:
        InputError: as `image_to_picture`.
    """
    return image_to_picture(image, name).clamp(0, 1) * 2 - 1


def image_from_engine(images: Tensor) -> Tensor:
    """(N, 3, H, W) in [-1, 1] -> IMAGE (N, H, W, 3) in [0, 1]."""
    return image_from_picture(((images.float() + 1) / 2).clamp(0, 1))


def mask_to_engine(mask: object, name: str = "mask", size: tuple[int, int] | None = None) -> Tensor:
    """MASK (H, W), (N, H, W) or (N, 1, H, W) -> (N, 1, H, W) in [0, 1].

    Args:
        mask: what came in at the socket.
        name: what messages call it.
        size: (height, width) it will be laid on, if that is known: Load Image's mask of no size, 64 x 64 zeros, then
            becomes zeros of this size.

    Raises:
        MaskError: no float tensor of that shape, NaN, or values outside 0 to 1.
    """
    if not isinstance(mask, Tensor) or not mask.is_floating_point():
        raise MaskError(f"The {name} must be a MASK, a float tensor; got {_told(mask)}. Connect a MASK output.")
    batch = mask[:, 0] if mask.dim() == 4 and mask.shape[1] == 1 else mask
    if batch.dim() not in (2, 3) or 0 in batch.shape:
        raise MaskError(
            f"The {name} must have shape (height, width) or (batch, height, width), none of them 0; "
            f"got {tuple(mask.shape)}. Connect a MASK output, or Convert Image to Mask."
        )
    batch = batch.float().reshape(-1, 1, *batch.shape[-2:])
    low, high = batch.min().item(), batch.max().item()
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):  # NaN fails this too
        raise MaskError(
            f"The {name} must hold numbers from 0 to 1; got values from {low:g} to {high:g}. Rescale it, or check the "
            f"node that made it."
        )
    if size is not None and tuple(batch.shape[-2:]) == NO_MASK != size and high == low == 0:
        return batch.new_zeros(len(batch), 1, *size)
    return batch.clamp(0, 1)


def mask_from_engine(masks: Tensor) -> Tensor:
    """(N, 1, H, W) -> MASK (N, H, W)."""
    return masks.detach()[:, 0].to("cpu", torch.float32).contiguous()


def thumbnail(images: Tensor) -> Image.Image:
    """The first of (N, 3, H, W) in [-1, 1], as a preview."""
    pixels = (image_from_engine(images[:1])[0].numpy() * 255).round().astype(np.uint8)
    return Image.fromarray(pixels)


def expect(value: object, kind: type[T], name: str) -> T:
    """What came in at one of our own sockets, whose type names another pack may use for something else.

    Raises:
        InputError: it is not of this kind.
    """
    if not isinstance(value, kind):
        raise InputError(
            f"The {name} must be a {kind.__name__} of Neural Collage; got {_told(value)}. Connect one of its nodes."
        )
    return value


def _told(value: object) -> str:
    return f"a tensor of {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
