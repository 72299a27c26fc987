"""Crop: the square cut out of a larger photo, and where it came from.

A GAN draws small squares; a photo is neither. The square is cut out and resized on the way in, and put back on the way
out: `engine.stitch` does that without touching what lies outside its mask.

Resizing is one rule: exact box averages where pixels get fewer; where they get more, bicubic for pictures (edges stay
crisp) and bilinear for masks (they stay within 0 to 1).

Shapes: N items, C channels, H W the photo's size, S a side of the square.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import InputError, MaskError
from .pictures import as_mask, as_picture, repeat_batches
from .ranges import real, whole
from .style import resize

__all__ = ["Crop", "resize_picture"]


@dataclass(frozen=True)
class Crop:
    """A square of `side` photo pixels whose corner lies at (`top`, `left`), in a photo of `height` x `width`.

    It may reach beyond a photo that is too small for it: what lies there continues the photo's border pixels when it
    is cut, and is dropped when it is put back.
    """

    height: int
    width: int
    top: int
    left: int
    side: int

    def __post_init__(self) -> None:
        """Raise InputError for a crop that shows nothing of its photo."""
        for name in ("height", "width", "side"):
            whole(getattr(self, name), f"The crop's {name}", 1)
        whole(self.top, "The crop's top", 1 - self.side, self.height - 1)
        whole(self.left, "The crop's left", 1 - self.side, self.width - 1)

    @classmethod
    def around(cls, mask: Tensor, padding: float = 0.25, size: tuple[int, int] | None = None) -> Crop:
        """The smallest square that holds everything the mask touches and some room around it.

        It is moved into the photo where it can be. Room gives way before the square outgrows the photo: only a mask
        too long for the photo's shorter side makes a square that reaches beyond it.

        Args:
            mask: (H, W), (N, H, W) or (N, 1, H, W), 0 to 1, as large as the photo; a batch shares one crop that holds
                all of them. Without anything above 0 the crop is the largest centred square.
            padding: the room on each side, as a fraction of the longer side of the mask's bounding box.
            size: (height, width) of the photo, where the mask is to be held against it.

        Raises:
            MaskError: not a mask, or of another size than `size`.
            InputError: `padding` negative or not a number.
        """
        padding = real(padding, "Padding", 0)
        touched = (as_mask(mask) > 0).any(0)[0]
        height, width = touched.shape
        if size is not None and size != (height, width):
            raise MaskError(
                f"The mask must be as large as the photo, {size[0]} x {size[1]} (height x width); "
                f"got {height} x {width}. Draw it on this photo, or resize it."
            )
        shorter = min(height, width)
        if not touched.any():
            return cls(height, width, (height - shorter) // 2, (width - shorter) // 2, shorter)
        (top, bottom), (left, right) = _span(touched.any(1)), _span(touched.any(0))
        longer = max(bottom - top, right - left)
        side = max(longer, round(min(longer * (1 + 2 * padding), shorter)))
        return cls(height, width, _start(top, bottom, side, height), _start(left, right, side, width), side)

    def cut(self, photo: Tensor, size: int) -> Tensor:
        """The square of `photo` (N, C, H, W), resized to (N, C, size, size).

        Raises:
            InputError: not a picture, another size than the photo this crop was made for, or `size` below 1.
        """
        return resize_picture(self._square(as_picture(photo, "photo"), "photo"), _cut_size(size))

    def cut_mask(self, mask: Tensor, size: int) -> Tensor:
        """The square of a mask (H, W), (N, H, W) or (N, 1, H, W) of the photo, resized to (N, 1, size, size), 0 to 1.

        Raises:
            MaskError: not a mask.
            InputError: another size than the photo this crop was made for, or `size` below 1.
        """
        return _resize_mask(self._square(as_mask(mask), "mask"), _cut_size(size))

    def place(self, square: Tensor, photo: Tensor) -> Tensor:
        """`photo` (N, C, H, W) with `square` (N, C, S, S), at any S, resized and put where it was cut.

        Batches of one are repeated; the result has the photo's type and device.

        Raises:
            InputError: pictures of other shapes, or a photo of another size than the one this crop was made for.
        """
        square, photo = repeat_batches(square=self.surround(square, photo), photo=as_picture(photo, "photo"))
        placed = photo.clone(memory_format=torch.contiguous_format)
        placed[..., self._rows, self._columns] = square[..., self._rows, self._columns]
        return placed

    def surround(self, square: Tensor, photo: Tensor) -> Tensor:
        """`square` where it was cut, its border pixels going on around it, (N, C, H, W), on the photo's device.

        That is what to blend from: a mask that reaches the crop's edge then meets no false edge there.

        Raises:
            InputError: as `place`.
        """
        square, photo = as_picture(square, "square"), as_picture(photo, "photo")
        self._check(photo, "photo")
        if square.shape[1] != photo.shape[1] or square.shape[2] != square.shape[3]:
            raise InputError(
                f"A square to put back must be (N, {photo.shape[1]}, S, S), with the photo's channels; "
                f"got {tuple(square.shape)}. Resize or convert it, or stitch without a crop."
            )
        return self._surround(resize_picture(square, (self.side, self.side))).to(photo)

    def place_mask(self, mask: Tensor) -> Tensor:
        """The photo's mask (N, 1, H, W) from the square's (S, S), (N, S, S) or (N, 1, S, S): zero around the square.

        Raises:
            MaskError: not a mask, or not square.
        """
        mask = as_mask(mask)
        if mask.shape[-2] != mask.shape[-1]:
            raise MaskError(
                f"A mask that goes back into a crop must be square; got {mask.shape[-2]} x {mask.shape[-1]} "
                f"(height x width). Give the mask of the crop, not of the photo."
            )
        mask = self._surround(_resize_mask(mask, (self.side, self.side)))
        placed = torch.zeros_like(mask)
        placed[..., self._rows, self._columns] = mask[..., self._rows, self._columns]
        return placed

    @property
    def _rows(self) -> slice:
        return slice(max(0, self.top), self.top + self.side)

    @property
    def _columns(self) -> slice:
        return slice(max(0, self.left), self.left + self.side)

    def _square(self, photo: Tensor, what: str) -> Tensor:
        """(N, C, side, side) of a photo; beyond the photo its border pixels go on."""
        self._check(photo, what)
        rows = torch.arange(self.top, self.top + self.side, device=photo.device).clamp(0, self.height - 1)
        columns = torch.arange(self.left, self.left + self.side, device=photo.device).clamp(0, self.width - 1)
        return photo[..., rows[:, None], columns]

    def _surround(self, square: Tensor) -> Tensor:
        """(N, C, side, side) -> (N, C, H, W): the inverse of `_square`."""
        rows = torch.arange(self.height, device=square.device).sub(self.top).clamp(0, self.side - 1)
        columns = torch.arange(self.width, device=square.device).sub(self.left).clamp(0, self.side - 1)
        return square[..., rows[:, None], columns]

    def _check(self, photo: Tensor, what: str) -> None:
        if photo.shape[-2:] != (self.height, self.width):
            raise InputError(
                f"This crop was made for a photo of {self.height} x {self.width} (height x width); the {what} is "
                f"{photo.shape[-2]} x {photo.shape[-1]}. Use the photo that was cropped."
            )


def resize_picture(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (N, C, H, W) to `size` (h, w): bicubic where an axis grows, then exact box averages where one shrinks.

    Returns `picture` itself where the size already fits, otherwise float32 at least. Bicubic values can overshoot.
    """
    if picture.shape[-2:] == size:
        return picture
    picture = picture.to(torch.promote_types(picture.dtype, torch.float32))
    grown = [max(old, new) for old, new in zip(picture.shape[-2:], size, strict=True)]
    if picture.shape[-2:] != tuple(grown):
        # Antialiasing changes nothing where pixels get more, but for the kernel: Keys' own, which keeps ramps straight.
        picture = F.interpolate(picture, grown, mode="bicubic", antialias=True)
    return resize(picture, size)


def _cut_size(size: int) -> tuple[int, int]:
    size = whole(size, "The size of a cut", 1)
    return size, size


def _resize_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    return resize(mask, size).clamp(0, 1)  # rounding can leave the range


def _span(touched: Tensor) -> tuple[int, int]:
    """Where the true part of one axis begins and ends."""
    places = touched.nonzero()
    return int(places.min()), int(places.max()) + 1


def _start(low: int, high: int, side: int, length: int) -> int:
    """Where a stretch of `side` starts that is centred on low..high, moved into the axis or centred on it if longer."""
    if side >= length:
        return (length - side) // 2
    return min(max((low + high - side) // 2, 0), length - side)
