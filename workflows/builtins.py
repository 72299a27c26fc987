"""ComfyUI's nodes for masks and sizes, for runs without ComfyUI.

Ids, inputs, defaults and arithmetic are those of ComfyUI 0.3.64, so that a workflow gives the same picture here and
there. IMAGE is (B, H, W, C) in [0, 1], MASK is (B, H, W) or (H, W) in [0, 1]. `builtins_catalogue` adds the nodes that
read and write files.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from ..engine import InputError
from .canvas import EmptyImage, ImageCompositeMasked
from .declarations import Catalogue
from .folders import Folders
from .pictures import picture_nodes

__all__ = ["NAMES", "NODES", "builtins_catalogue"]

MAX_RESOLUTION = 16384
METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]


def _pixels(default: int, low: int) -> tuple[str, dict[str, int]]:
    return ("INT", {"default": default, "min": low, "max": MAX_RESOLUTION, "step": 1})


class _Node:
    """What the nodes here share: V1 classes whose method is `run`."""

    FUNCTION = "run"
    CATEGORY = "mask"


class ImageToMask(_Node):
    """One channel of a picture as a mask."""

    RETURN_TYPES = ("MASK",)
    CHANNELS = ("red", "green", "blue", "alpha")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"image": ("IMAGE",), "channel": (list(cls.CHANNELS),)}}

    def run(self, image: torch.Tensor, channel: str) -> tuple[torch.Tensor]:
        place = self.CHANNELS.index(channel)
        if place >= image.shape[-1]:
            raise InputError(f"The picture must have an alpha channel for 'alpha'; it has {image.shape[-1]} channels.")
        return (image[..., place],)


class MaskToImage(_Node):
    """A mask as a grey picture."""

    RETURN_TYPES = ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"mask": ("MASK",)}}

    def run(self, mask: torch.Tensor) -> tuple[torch.Tensor]:
        return (_batched(mask)[..., None].expand(-1, -1, -1, 3),)


class ImageColorToMask(_Node):
    """1 where the picture has exactly the colour 0xRRGGBB, at 8 bits."""

    RETURN_TYPES = ("MASK",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        color = ("INT", {"default": 0, "min": 0, "max": 0xFFFFFF, "step": 1, "display": "color"})
        return {"required": {"image": ("IMAGE",), "color": color}}

    def run(self, image: torch.Tensor, color: int) -> tuple[torch.Tensor]:
        levels = (image[..., :3].clamp(0, 1) * 255.0).round().int()
        wanted = torch.tensor([color >> 16, color >> 8 & 255, color & 255], device=image.device)
        return ((levels == wanted).all(-1).float(),)


class SolidMask(_Node):
    """One value everywhere."""

    RETURN_TYPES = ("MASK",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        value = ("FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.01})
        return {"required": {"value": value, "width": _pixels(512, 1), "height": _pixels(512, 1)}}

    def run(self, value: float, width: int, height: int) -> tuple[torch.Tensor]:
        return (torch.full((1, height, width), value, dtype=torch.float32),)


class InvertMask(_Node):
    """One minus the mask."""

    RETURN_TYPES = ("MASK",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"mask": ("MASK",)}}

    def run(self, mask: torch.Tensor) -> tuple[torch.Tensor]:
        return (1.0 - mask,)


class ThresholdMask(_Node):
    """1 where the mask is above a value."""

    RETURN_TYPES = ("MASK",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        value = ("FLOAT", {"default": 0.5, "min": 0.0, "max": 1.0, "step": 0.01})
        return {"required": {"mask": ("MASK",), "value": value}}

    def run(self, mask: torch.Tensor, value: float) -> tuple[torch.Tensor]:
        return ((mask > value).float(),)


def _rounded(combine: Any) -> Any:
    return lambda a, b: combine(a.round().bool(), b.round().bool()).float()


class MaskComposite(_Node):
    """`source`, laid with its corner at (x, y), joined with `destination` where they overlap."""

    RETURN_TYPES = ("MASK",)
    OPERATIONS = {  # noqa: RUF012 - a table
        "multiply": torch.mul,
        "add": torch.add,
        "subtract": torch.sub,
        "and": _rounded(torch.bitwise_and),
        "or": _rounded(torch.bitwise_or),
        "xor": _rounded(torch.bitwise_xor),
    }

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        masks = {"destination": ("MASK",), "source": ("MASK",)}
        return {"required": masks | {"x": _pixels(0, 0), "y": _pixels(0, 0), "operation": (list(cls.OPERATIONS),)}}

    def run(
        self, destination: torch.Tensor, source: torch.Tensor, x: int, y: int, operation: str
    ) -> tuple[torch.Tensor]:
        result, source = _batched(destination).clone(), _batched(source)
        under = result[:, y : y + source.shape[-2], x : x + source.shape[-1]]
        over = source[:, : under.shape[-2], : under.shape[-1]]
        if len(over) not in (1, len(under)):
            raise InputError(f"The source must be one mask or {len(under)}, as the destination; got {len(over)}.")
        under.copy_(self.OPERATIONS[operation](under, over))
        return (result.clamp(0.0, 1.0),)


class GrowMask(_Node):
    """Grow by `expand` pixels, or shrink if negative: a maximum over each pixel's neighbours, step by step."""

    RETURN_TYPES = ("MASK",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        expand = _pixels(0, -MAX_RESOLUTION)
        return {"required": {"mask": ("MASK",), "expand": expand, "tapered_corners": ("BOOLEAN", {"default": True})}}

    def run(self, mask: torch.Tensor, expand: int, tapered_corners: bool) -> tuple[torch.Tensor]:
        sign = 1.0 if expand > 0 else -1.0
        grown = sign * _batched(mask)[:, None]
        for _ in range(min(abs(expand), sum(grown.shape[-2:]))):  # further steps change nothing
            grown = _cross(grown) if tapered_corners else F.max_pool2d(grown, 3, stride=1, padding=1)
        return (sign * grown[:, 0],)


class FeatherMask(_Node):
    """Fade the mask in from the picture's sides, over so many pixels each."""

    RETURN_TYPES = ("MASK",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        sides = {side: _pixels(0, 0) for side in ("left", "top", "right", "bottom")}
        return {"required": {"mask": ("MASK",)} | sides}

    def run(self, mask: torch.Tensor, left: int, top: int, right: int, bottom: int) -> tuple[torch.Tensor]:
        mask = _batched(mask)
        height, width = mask.shape[-2:]
        mask = mask * _ramp(width, left, 1) * _ramp(width, right, -1)
        return (mask * _ramp(height, top, 1)[:, None] * _ramp(height, bottom, -1)[:, None],)


class ImageScale(_Node):
    """A picture at another size; a side of 0 follows the other one's ratio."""

    RETURN_TYPES = ("IMAGE",)
    CATEGORY = "image/upscaling"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        size = {"width": _pixels(512, 0), "height": _pixels(512, 0), "crop": (["disabled", "center"],)}
        return {"required": {"image": ("IMAGE",), "upscale_method": (METHODS,)} | size}

    def run(self, image: torch.Tensor, upscale_method: str, width: int, height: int, crop: str) -> tuple[torch.Tensor]:
        if width == height == 0:
            return (image,)
        rows, columns = image.shape[1:3]
        size = height or max(1, round(rows * width / columns)), width or max(1, round(columns * height / rows))
        return (_scaled(_centred(image, *size) if crop == "center" else image, upscale_method, size),)


class ImageScaleBy(_Node):
    """A picture larger or smaller by a factor."""

    RETURN_TYPES = ("IMAGE",)
    CATEGORY = "image/upscaling"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        factor = ("FLOAT", {"default": 1.0, "min": 0.01, "max": 8.0, "step": 0.01})
        return {"required": {"image": ("IMAGE",), "upscale_method": (METHODS,), "scale_by": factor}}

    def run(self, image: torch.Tensor, upscale_method: str, scale_by: float) -> tuple[torch.Tensor]:
        size = round(image.shape[1] * scale_by), round(image.shape[2] * scale_by)
        if 0 in size:
            raise InputError(f"At least one pixel must be left; {tuple(image.shape[1:3])} times {scale_by} has none.")
        return (_scaled(image, upscale_method, size),)


class ImageBatch(_Node):
    """Two pictures as one batch; the second takes the first one's size."""

    RETURN_TYPES = ("IMAGE",)
    CATEGORY = "image"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"image1": ("IMAGE",), "image2": ("IMAGE",)}}

    def run(self, image1: torch.Tensor, image2: torch.Tensor) -> tuple[torch.Tensor]:
        if image1.shape[-1] != image2.shape[-1]:
            raise InputError(f"Both need as many channels; got {image1.shape[-1]} and {image2.shape[-1]}.")
        size = image1.shape[1], image1.shape[2]
        if image2.shape[1:3] != size:
            image2 = _scaled(_centred(image2, *size), "bilinear", size)
        return (torch.cat((image1, image2)),)


class ImageCrop(_Node):
    """The part of a picture with its corner at (x, y)."""

    RETURN_TYPES = ("IMAGE",)
    CATEGORY = "image/transform"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        size = {"width": _pixels(512, 1), "height": _pixels(512, 1), "x": _pixels(0, 0), "y": _pixels(0, 0)}
        return {"required": {"image": ("IMAGE",)} | size}

    def run(self, image: torch.Tensor, width: int, height: int, x: int, y: int) -> tuple[torch.Tensor]:
        x, y = min(x, image.shape[2] - 1), min(y, image.shape[1] - 1)
        return (image[:, y : y + height, x : x + width],)


_SHAPES = (SolidMask, InvertMask, ThresholdMask, MaskComposite, GrowMask, FeatherMask)
_MASKS = (ImageToMask, MaskToImage, ImageColorToMask, *_SHAPES)
_IMAGES = (ImageScale, ImageScaleBy, ImageBatch, ImageCrop, EmptyImage, ImageCompositeMasked)
NODES: dict[str, type] = {cls.__name__: cls for cls in (*_MASKS, *_IMAGES)}

# Display names differ from the class type for these only.
NAMES = {
    "LoadImage": "Load Image",
    "LoadImageMask": "Load Image (as Mask)",
    "SaveImage": "Save Image",
    "PreviewImage": "Preview Image",
    "ImageToMask": "Convert Image to Mask",
    "MaskToImage": "Convert Mask to Image",
    "ImageScale": "Upscale Image",
    "ImageScaleBy": "Upscale Image By",
    "ImageBatch": "Batch Images",
}


def builtins_catalogue(folders: Folders) -> Catalogue:
    """All nodes of ComfyUI that run here, reading and writing in `folders`."""
    return Catalogue({**NODES, **picture_nodes(folders)}, NAMES)


def _batched(mask: torch.Tensor) -> torch.Tensor:
    """Any mask as (B, H, W)."""
    return mask.reshape(-1, mask.shape[-2], mask.shape[-1])


def _cross(mask: torch.Tensor) -> torch.Tensor:
    """The maximum over a pixel and its four neighbours, (B, 1, H, W)."""
    return torch.maximum(F.max_pool2d(mask, (3, 1), 1, (1, 0)), F.max_pool2d(mask, (1, 3), 1, (0, 1)))


def _ramp(length: int, over: int, step: int) -> torch.Tensor:
    """Factors (length,) that rise to 1 over `over` pixels, from the start (step 1) or from the end (step -1).

    Both begin at pixel 0: ComfyUI's loop for the end writes to index -x with x from 0, so the weakest factor falls on
    the opposite side. That is kept, or the same workflow would give two pictures.
    """
    over = min(over, length)
    factors = torch.ones(length)
    factors[step * torch.arange(over)] = torch.arange(1, over + 1) / max(over, 1)
    return factors


def _centred(image: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """The largest part around the middle with the ratio of (height, width)."""
    rows, columns = image.shape[1:3]
    ratio, wanted = columns / rows, width / height
    x = round((columns - columns * (wanted / ratio)) / 2) if ratio > wanted else 0
    y = round((rows - rows * (ratio / wanted)) / 2) if ratio < wanted else 0
    return image[:, y : rows - y, x : columns - x]


def _scaled(image: torch.Tensor, method: str, size: tuple[int, int]) -> torch.Tensor:
    if method == "lanczos":
        return torch.stack([_lanczos(item, size) for item in image]).to(image)
    return F.interpolate(image.movedim(-1, 1), size=size, mode=method).movedim(1, -1)


def _lanczos(item: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Pillow's filter on 8 bits, (H, W, C) -> (h, w, C)."""
    levels = np.clip(255.0 * item.float().cpu().numpy(), 0, 255).astype(np.uint8)
    scaled = Image.fromarray(levels).resize((size[1], size[0]), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(scaled).astype(np.float32) / 255.0)
