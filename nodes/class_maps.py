"""Class maps: Paint Class, Class Map from Colours, Preview Class Map."""

from __future__ import annotations

from typing import Any

import torch

from .. import engine as nc
from .class_names import CLASS_PICKER
from .sockets import CLASS_MAP, COLLAGE, GAN, expect, image_from_engine, image_to_engine, mask_to_engine

__all__ = ["ClassMapFromColours", "PaintClass", "PreviewClassMap"]

PALETTE = "#ff0000 = 0\n#00ff00 = 1\n#0000ff = own"


class PaintClass:
    """A mask and a class to a class map; chained, each is painted over those before it."""

    DESCRIPTION = "Paint a class where the mask is white. Chain several: each is painted over those before it."
    SEARCH_ALIASES = ("class mask", "region", "regional class", "semantic map")
    CATEGORY = "neural collage/class map"
    FUNCTION = "paint"
    RETURN_TYPES = (CLASS_MAP,)
    RETURN_NAMES = ("class_map",)
    OUTPUT_TOOLTIPS = ("The regions painted so far; elsewhere the picture's own class holds.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        label = "Class by name or number, as Load GAN lists them; it is looked up when the collage is rendered."
        grow = "Pixels of the mask by which it grows; below 0 it shrinks. The picture's border is no edge."
        feather = "Softens the mask's edge: standard deviation of a blur, in pixels of the mask."
        style = (
            "Paint this collage's style in place of a class; `label` is ignored. For StyleGANs, whose classes are "
            "other latents: connect Random Collage or Project Image."
        )
        return {
            "required": {
                "mask": (
                    "MASK",
                    {"tooltip": "Where to paint: 1 fully, 0 not at all. Square, as the GAN's picture is."},
                ),
                "label": ("STRING", {"default": "0", "tooltip": label, **CLASS_PICKER}),
                "strength": (
                    "FLOAT",
                    {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.05, "tooltip": "1 covers what lies below."},
                ),
                "grow": ("INT", {"default": 0, "min": -512, "max": 512, "tooltip": grow}),
                "feather": ("FLOAT", {"default": 0.0, "min": 0.0, "max": 256.0, "step": 0.5, "tooltip": feather}),
            },
            "optional": {
                "class_map": (CLASS_MAP, {"tooltip": "Regions to paint over: another Paint Class."}),
                "style": (COLLAGE, {"tooltip": style}),
            },
        }

    def paint(
        self,
        mask: torch.Tensor,
        label: str,
        strength: float,
        grow: int,
        feather: float,
        class_map: nc.ClassMap | None = None,
        style: nc.Collage | None = None,
    ) -> tuple[nc.ClassMap]:
        painted = label.strip() if style is None else expect(style, nc.Collage, "style")
        below = nc.ClassMap() if class_map is None else expect(class_map, nc.ClassMap, "class_map")
        shaped = nc.shape_mask(mask_to_engine(mask), grow, feather)
        return (below.paint(painted, shaped, strength),)


class ClassMapFromColours:
    """A coloured picture and a palette to a class map."""

    DESCRIPTION = (
        "Turn a coloured picture into a class map: paint regions in flat colours, or take another tool's segmentation, "
        "and say which colour stands for which class."
    )
    SEARCH_ALIASES = ("colour mask", "color mask", "segmentation to mask", "palette", "colors")
    CATEGORY = "neural collage/class map"
    FUNCTION = "read"
    RETURN_TYPES = (CLASS_MAP,)
    RETURN_NAMES = ("class_map",)
    OUTPUT_TOOLTIPS = ("One region for each class; other colours keep the picture's own class.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        palette = (
            "One line for each colour: `#ff0000 = banana`, `rgb(0, 255, 0) = 3`, `blue = own`. own and colours that "
            "are not listed keep the picture's own class."
        )
        tolerance = "How far a colour may be from its entry; 0: exact, 1: any. Smooth edges are mixed in any case."
        return {
            "required": {
                "image": ("IMAGE", {"tooltip": "Regions in flat colours. Square, as the GAN's picture is."}),
                "palette": (
                    "STRING",
                    {"default": PALETTE, "multiline": True, "class_lines": True, "tooltip": palette},
                ),
                "tolerance": ("FLOAT", {"default": 0.15, "min": 0.0, "max": 1.0, "step": 0.01, "tooltip": tolerance}),
            }
        }

    def read(self, image: torch.Tensor, palette: str, tolerance: float) -> tuple[nc.ClassMap]:
        return (nc.class_map_from_colours(image_to_engine(image), palette, tolerance),)


class PreviewClassMap:
    """A class map to a picture with a legend."""

    DESCRIPTION = "Show a class map: every class in a colour of its own, with a legend. Checks the names, too."
    SEARCH_ALIASES = ("legend", "show class map", "view regions")
    CATEGORY = "neural collage/class map"
    FUNCTION = "draw"
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("image",)
    OUTPUT_TOOLTIPS = ("The map in colours, and below it each colour's class and its share of the area.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "class_map": (CLASS_MAP, {"tooltip": "What to show."}),
                "gan": (GAN, {"tooltip": "The model whose classes are meant."}),
            }
        }

    def draw(self, class_map: nc.ClassMap, gan: nc.Gan) -> tuple[torch.Tensor]:
        picture = nc.draw_class_map(expect(gan, nc.Gan, "gan"), expect(class_map, nc.ClassMap, "class_map"))
        return (image_from_engine(picture),)
