"""Pictures, masks and batches that callers hand over, checked in one place and refused in one voice.

Shapes: N items, C channels, H W size.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .errors import InputError, MaskError

__all__ = ["as_mask", "as_picture", "repeat_batches"]


def as_picture(picture: Tensor, what: str = "picture") -> Tensor:
    """A picture (N, C, H, W) of finite floats, detached.

    Raises:
        InputError: another type or shape, NaN or infinity; the message calls it `what`.
    """
    if not isinstance(picture, Tensor) or not picture.is_floating_point():
        got = picture.dtype if isinstance(picture, Tensor) else type(picture).__name__
        raise InputError(f"The {what} must be a float tensor; got {got}. Convert it first.")
    if picture.dim() != 4 or 0 in picture.shape:
        raise InputError(f"The {what} must have shape (N, C, H, W), none of them 0; got {tuple(picture.shape)}.")
    if not torch.stack(torch.aminmax(picture)).isfinite().all():  # NaN and infinity both reach the extremes
        raise InputError(f"The {what} must be finite; it holds NaN or infinity. Check the step that made it.")
    return picture.detach()


def as_mask(mask: Tensor, what: str = "mask") -> Tensor:
    """A mask as (N, 1, H, W) in float32, from (H, W), (N, H, W) or (N, 1, H, W).

    Raises:
        MaskError: another shape, or values that are not numbers from 0 to 1.
    """
    if not isinstance(mask, Tensor) or mask.is_complex():
        got = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise MaskError(f"The {what} must be a tensor of numbers from 0 to 1; got {got}.")
    shape = tuple(mask.shape)
    mask = {2: lambda m: m[None, None], 3: lambda m: m[:, None]}.get(mask.dim(), lambda m: m)(mask)
    if mask.dim() != 4 or mask.shape[1] != 1 or 0 in mask.shape:
        raise MaskError(f"The {what} must have shape (H, W), (N, H, W) or (N, 1, H, W), none of them 0; got {shape}.")
    mask = mask.float()
    if not torch.isfinite(mask).all() or mask.min() < 0 or mask.max() > 1:
        raise MaskError(
            f"The {what} must hold numbers from 0 (untouched) to 1 (all); got values from "
            f"{mask.min().item():g} to {mask.max().item():g}. Divide an 8-bit mask by 255."
        )
    return mask


def repeat_batches(**tensors: Tensor) -> list[Tensor]:
    """Batches of one repeated to the longest batch, without copying.

    Raises:
        InputError: any other mismatch; the message calls each tensor by its keyword.
    """
    length = max(len(tensor) for tensor in tensors.values())
    if any(len(tensor) not in (1, length) for tensor in tensors.values()):
        got = ", ".join(f"{name} {len(tensor)}" for name, tensor in tensors.items())
        raise InputError(f"Batches must come in one length, or singly; got {got}. Repeat or drop items.")
    return [tensor.expand(length, *tensor.shape[1:]) for tensor in tensors.values()]
