"""ComfyUI's nodes that draw: a flat picture, one picture laid on another.

Ids, inputs, defaults and arithmetic are those of ComfyUI 0.3.64. IMAGE is (B, H, W, C) in [0, 1], MASK is (B, H, W) or
(H, W) in [0, 1].
"""

from typing import Any

import torch
import torch.nn.functional as F

from ..engine import InputError

__all__ = ["EmptyImage", "ImageCompositeMasked"]

MAX_RESOLUTION = 16384


class EmptyImage:
    """A flat colour, 0xRRGGBB."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "run"
    CATEGORY = "image"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Size, number and colour."""
        side = ("INT", {"default": 512, "min": 1, "max": MAX_RESOLUTION, "step": 1})
        batch = ("INT", {"default": 1, "min": 1, "max": 4096})
        color = ("INT", {"default": 0, "min": 0, "max": 0xFFFFFF, "step": 1, "display": "color"})
        return {"required": {"width": side, "height": side, "batch_size": batch, "color": color}}

    def run(self, width: int, height: int, batch_size: int, color: int) -> tuple[torch.Tensor]:
        """Fill the picture."""
        levels = torch.tensor([color >> 16, color >> 8 & 255, color & 255]) / 255
        return (levels.repeat(batch_size, height, width, 1),)


class ImageCompositeMasked:
    """`source`, laid on `destination` with its corner at (x, y), as far as the mask says."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "run"
    CATEGORY = "image"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Both pictures, the corner, whether the source is stretched to the destination, and where it shows."""
        place = ("INT", {"default": 0, "min": 0, "max": MAX_RESOLUTION, "step": 1})
        images = {"destination": ("IMAGE",), "source": ("IMAGE",)}
        widgets = {"x": place, "y": place, "resize_source": ("BOOLEAN", {"default": False})}
        return {"required": images | widgets, "optional": {"mask": ("MASK",)}}

    def run(
        self,
        destination: torch.Tensor,
        source: torch.Tensor,
        x: int,
        y: int,
        resize_source: bool,
        mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor]:
        """Lay one on the other. Raises InputError if the source has fewer channels than the destination."""
        result = destination.clone()
        over = _repeated(_fitting(source, destination, resize_source), len(result))
        size = over.shape[1], over.shape[2]
        cover = (
            over.new_ones(1, *size) if mask is None else _bilinear(mask.reshape(-1, *mask.shape[-2:], 1), size)[..., 0]
        )
        cover = _repeated(cover.to(over), len(result))[..., None]
        under = result[:, y : y + size[0], x : x + size[1]]
        over, cover = (part[:, : under.shape[1], : under.shape[2]] for part in (over, cover))
        under.copy_(cover * over + (1.0 - cover) * under)
        return (result,)


def _fitting(source: torch.Tensor, destination: torch.Tensor, resize: bool) -> torch.Tensor:
    """The source with the destination's channels and, if asked for, size. An alpha channel too many is dropped."""
    channels = destination.shape[-1]
    if source.shape[-1] < channels:
        raise InputError(f"The source needs the destination's {channels} channels; got {source.shape[-1]}.")
    source = source[..., :channels].to(destination)
    return _bilinear(source, (destination.shape[1], destination.shape[2])) if resize else source


def _repeated(batch: torch.Tensor, count: int) -> torch.Tensor:
    """The first `count` items, going round if there are fewer."""
    return batch[torch.arange(count) % len(batch)]


def _bilinear(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return F.interpolate(image.movedim(-1, 1), size=size, mode="bilinear").movedim(1, -1)
