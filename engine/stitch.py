"""Put an edited picture back into its photo, where a mask says so.

Shapes: N items, C channels, H W the photo's size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from .crop import Crop, resize_picture
from .errors import InputError, MaskError
from .pictures import as_mask, as_picture, repeat_batches
from .poisson import MODES as POISSON_MODES
from .poisson import poisson_blend
from .ranges import expect, real
from .style import resize

__all__ = ["STITCH_MODES", "Blend", "stitch"]

STITCH_MODES = (*POISSON_MODES, "paste", "transfer")


@dataclass(frozen=True)
class Blend:
    """How an edited picture is put back."""

    mode: str = "normal"
    """"normal", "mixed", "monochrome": Poisson blending (see `poisson_blend`), where the mask is above 0.5.
    "paste": the edited picture itself, as far as the mask says.
    "transfer": what the edit changed, photo + mask * (edited - unedited): the photo's own detail stays."""
    feather: float = 0.0
    """Paste and transfer fade in over this many photo pixels, inward from the mask's edge. Poisson needs none."""
    limits: tuple[float, float] | None = (0.0, 1.0)
    """Changed pixels are clamped to this range; None leaves them."""
    watch: Callable[[float], object] | None = None
    """Poisson blending tells it how much is done, 0 to 1; what it raises stops the work (see `poisson_blend`)."""

    def __post_init__(self) -> None:
        """Raise InputError for an unknown mode, a negative feather or limits that are not low < high."""
        if self.mode not in STITCH_MODES:
            raise InputError(f"The mode must be one of {', '.join(STITCH_MODES)}; got {self.mode!r}.")
        real(self.feather, "Feather (pixels)", 0)
        if self.limits is not None and not self.limits[0] < self.limits[1]:
            raise InputError(f"Limits must be (low, high) with low below high, or None; got {self.limits!r}.")


POISSON = Blend()


def stitch(
    photo: Tensor,
    edited: Tensor,
    mask: Tensor,
    blend: Blend = POISSON,
    crop: Crop | None = None,
    unedited: Tensor | None = None,
) -> Tensor:
    """Put `edited` into `photo` where `mask` says so; everything else stays identical to the last bit.

    With a crop, `edited`, `mask` and `unedited` show its square, at any size; without one they show the whole photo,
    at any size of the same aspect. They are resized to the photo (see `engine.crop`). Batches of one are repeated.

    Args:
        photo: (N, C, H, W), float.
        edited: (N, C, h, w), in the photo's range.
        mask: (h, w), (N, h, w) or (N, 1, h, w), 0 to 1; its size need not be that of `edited`.
        blend: mode and options.
        crop: the square that `edited` was made from.
        unedited: (N, C, h, w), what the model drew before the edit; only mode "transfer" uses it, and needs it.

    Returns:
        (N, C, H, W) of the photo's type and device, bit-identical to the photo wherever the resized mask is zero (in
        Poisson modes: at most 0.5), and where nothing was edited in mode "transfer".

    Raises:
        InputError: pictures that do not fit together, or mode "transfer" without `unedited`.
        MaskError: a mask that does not fit.
    """
    expect(blend, Blend, "How to stitch")
    if crop is not None:
        expect(crop, Crop, "Where to stitch")
    photo, edited, mask = as_picture(photo, "photo"), as_picture(edited, "edited picture"), as_mask(mask)
    if edited.shape[1] != photo.shape[1]:
        raise InputError(
            f"The edited picture must have the photo's channels, {photo.shape[1]}; got {edited.shape[1]}. Convert it."
        )
    if blend.mode == "transfer":
        edited = _difference(edited, unedited)
    edited, mask = _on_photo(edited, photo, crop), _mask_on_photo(mask, photo, crop)
    photo, edited, mask = repeat_batches(photo=photo, edited=edited, mask=mask)
    stitched, changed = _blend(photo, edited, mask, blend)
    if blend.limits is not None:
        stitched = stitched.clamp(*blend.limits)
    return torch.where(changed, stitched.to(photo.dtype), photo)


def _blend(photo: Tensor, edited: Tensor, mask: Tensor, blend: Blend) -> tuple[Tensor, Tensor]:
    """The stitched picture, before clamping, and where it may differ from the photo. In mode "transfer" `edited` is
    the change alone.
    """
    if blend.mode in POISSON_MODES:
        return poisson_blend(photo, edited, mask, blend.mode, blend.watch), mask > 0.5
    alpha = mask * _fade(mask, blend.feather)
    if blend.mode == "paste":
        return torch.where(alpha == 1, edited, photo + alpha * (edited - photo)), alpha > 0
    change = alpha * edited
    return photo + change, change != 0


def _fade(mask: Tensor, feather: float) -> Tensor:
    """(N, 1, H, W), 0 to 1: how deep in the mask each pixel lies, in feathers. The photo's border is no edge."""
    inside = (mask[:, 0] > 0).to("cpu", torch.uint8).numpy()
    depth = [cv2.distanceTransform(one, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for one in inside]
    return (torch.from_numpy(np.stack(depth))[:, None].to(mask.device) / (feather + 1)).clamp(0, 1)


def _difference(edited: Tensor, unedited: Tensor | None) -> Tensor:
    if unedited is None:
        raise InputError(
            "Mode 'transfer' needs the unedited picture as well, what the model drew before the edit; got none. "
            "Render the collage without its edits, or choose another mode."
        )
    unedited = as_picture(unedited, "unedited picture")
    if unedited.shape[1:] != edited.shape[1:]:
        raise InputError(
            f"The unedited picture must have the channels and size of the edited one, {tuple(edited.shape[1:])}; got "
            f"{tuple(unedited.shape[1:])}. Render both with one model."
        )
    edited, unedited = repeat_batches(edited=edited, unedited=unedited)
    return edited - unedited.to(edited)


def _on_photo(picture: Tensor, photo: Tensor, crop: Crop | None) -> Tensor:
    if crop is not None:
        return crop.surround(picture, photo)
    if not _same_aspect(picture, photo):
        raise InputError(f"The edited picture {_stitch_advice(picture, photo)}")
    return resize_picture(picture, (photo.shape[-2], photo.shape[-1])).to(photo)


def _mask_on_photo(mask: Tensor, photo: Tensor, crop: Crop | None) -> Tensor:
    if crop is not None:
        return crop.place_mask(mask).to(photo.device)
    if not _same_aspect(mask, photo):
        raise MaskError(f"The mask {_stitch_advice(mask, photo)}")
    return resize(mask, (photo.shape[-2], photo.shape[-1])).clamp(0, 1).to(photo.device)


def _same_aspect(picture: Tensor, photo: Tensor) -> bool:
    """Up to a pixel of rounding in either."""
    (height, width), (tall, wide) = picture.shape[-2:], photo.shape[-2:]
    return abs(height * wide - width * tall) < max(tall, wide, height, width)


def _stitch_advice(picture: Tensor, photo: Tensor) -> str:
    (height, width), (tall, wide) = picture.shape[-2:], photo.shape[-2:]
    return (
        f"must have the photo's aspect, {tall} x {wide} (height x width); got {height} x {width}. "
        f"Connect the crop it was made from, or resize it."
    )
