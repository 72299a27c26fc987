"""Between photo and collage: Crop for Collage, Stitch."""

from __future__ import annotations

from typing import Any

import torch

from .. import engine as nc
from . import host
from .sockets import CROP, expect, image_from_picture, image_to_picture, mask_from_engine, mask_to_engine

__all__ = ["CropForCollage", "Stitch"]

MODES_TIP = (
    "normal: the edit's own gradients. mixed: everywhere the stronger gradient of edit and photo. monochrome: the "
    "edit's shading in the photo's colours. paste: the edit's pixels, feathered. transfer: adds what the edit changed."
)

PER_CENT = 100


class CropForCollage:
    """A photo and a mask to the square around the mask."""

    DESCRIPTION = (
        "Cut a square around the mask out of a photo, for a GAN draws squares. Stitch puts it back. Without a mask, or "
        "with an empty one, the square is the largest in the middle."
    )
    SEARCH_ALIASES = ("crop and stitch", "inpaint crop", "square crop", "clip")
    CATEGORY = "neural collage/photo"
    FUNCTION = "cut"
    RETURN_TYPES = ("IMAGE", "MASK", CROP)
    RETURN_NAMES = ("image", "mask", "crop")
    OUTPUT_TOOLTIPS = (
        "The square, resized.",
        "The mask's part that lies in the square, resized the same.",
        "Where the square came from; connect it to Stitch.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        padding = "Room around the mask on each side, as a fraction of the mask's longer side."
        size = "Side of the square that comes out, in pixels. Project Image shrinks it to the model's own size."
        return {
            "required": {
                "image": ("IMAGE", {"tooltip": "The photo, of any size."}),
                "padding": ("FLOAT", {"default": 0.25, "min": 0.0, "max": 4.0, "step": 0.05, "tooltip": padding}),
                "size": ("INT", {"default": 256, "min": 16, "max": 4096, "tooltip": size}),
            },
            "optional": {"mask": ("MASK", {"tooltip": "What is to be edited, as large as the photo."})},
        }

    def cut(
        self, image: torch.Tensor, padding: float, size: int, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, nc.Crop]:
        photo = image_to_picture(image)
        frame = (photo.shape[-2], photo.shape[-1])
        where = mask_to_engine(torch.zeros(frame) if mask is None else mask, size=frame)
        crop = nc.Crop.around(where, padding, frame)
        return image_from_picture(crop.cut(photo, size)), mask_from_engine(crop.cut_mask(where, size)), crop


class Stitch:
    """A photo and an edited picture to one."""

    DESCRIPTION = (
        "Put an edited picture back into its photo, without a seam (Poisson blending). Outside the blend mask the "
        "photo stays as it is, to the last bit."
    )
    SEARCH_ALIASES = ("poisson blend", "seamless clone", "paste back", "crop and stitch", "composite")
    CATEGORY = "neural collage/photo"
    FUNCTION = "stitch"
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("image",)
    OUTPUT_TOOLTIPS = ("The photo with the edit in it.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        feather = "paste and transfer fade in over so many pixels of the photo, inward from the mask's edge."
        return {
            "required": {
                "photo": ("IMAGE", {"tooltip": "The whole photo."}),
                "edited": ("IMAGE", {"tooltip": "The edited picture: with a crop, the square; without, the whole."}),
                "mask": (
                    "MASK",
                    {"tooltip": "The blend mask: where the photo may change. Drawn like the edited picture."},
                ),
                "mode": (list(nc.STITCH_MODES), {"default": "normal", "tooltip": MODES_TIP}),
                "feather": ("FLOAT", {"default": 8.0, "min": 0.0, "max": 512.0, "step": 1.0, "tooltip": feather}),
            },
            "optional": {
                "crop": (CROP, {"tooltip": "Where the edited square belongs, from Crop for Collage."}),
                "unedited": ("IMAGE", {"tooltip": "For transfer: the reconstruction before the edit."}),
            },
        }

    def stitch(
        self,
        photo: torch.Tensor,
        edited: torch.Tensor,
        mask: torch.Tensor,
        mode: str,
        feather: float,
        crop: nc.Crop | None = None,
        unedited: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor]:
        whole, part = image_to_picture(photo, "photo"), image_to_picture(edited, "edited picture")
        before = None if unedited is None else image_to_picture(unedited, "unedited picture")
        where = mask_to_engine(mask, "blend mask", size=(part.shape[-2], part.shape[-1]))
        square = None if crop is None else expect(crop, nc.Crop, "crop")
        bar = host.progress(PER_CENT)
        blend = nc.Blend(mode, feather, watch=lambda done: bar.update(int(done * PER_CENT)))
        stitched = nc.stitch(whole, part, where, blend, square, before)
        bar.update(PER_CENT)
        return (image_from_picture(stitched),)
