"""Edits and the picture: Label Collage, Feature Collage, Render Collage."""

from __future__ import annotations

from typing import Any

import torch

from .. import engine as nc
from .pictures import draw_with_changes
from .sockets import CLASS_MAP, COLLAGE, GAN, expect, image_from_engine, mask_from_engine, mask_to_engine

__all__ = ["FeatureCollage", "LabelCollage", "RenderCollage"]

LAYERS_TIP = (
    "Sizes of the feature maps, in pixels: `all`, `4`, `8-` (8 and finer), `-32`, `4-16`, `4, 16-64`; or counted from "
    "the input: `#2`, `#2-5`. Coarse layers hold shape and place, fine ones colour and texture."
)


class LabelCollage:
    """A collage and a class map to a collage: spatial conditional batch norm."""

    DESCRIPTION = (
        "Change the class inside regions: spatial conditional batch norm (sCBN). Chain several to use different class "
        "maps at different layers."
    )
    SEARCH_ALIASES = ("scbn", "change class", "regional class", "semantic edit")
    CATEGORY = "neural collage/edit"
    FUNCTION = "edit"
    RETURN_TYPES = (COLLAGE,)
    RETURN_NAMES = ("collage",)
    OUTPUT_TOOLTIPS = ("The collage with this edit added.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "collage": (COLLAGE, {"tooltip": "What to edit; it is not changed itself."}),
                "class_map": (CLASS_MAP, {"tooltip": "Which class holds where."}),
                "layers": ("STRING", {"default": "all", "tooltip": LAYERS_TIP}),
            }
        }

    def edit(self, collage: nc.Collage, class_map: nc.ClassMap, layers: str) -> tuple[nc.Collage]:
        regions = expect(class_map, nc.ClassMap, "class_map")
        return (expect(collage, nc.Collage, "collage").label(regions, layers),)


class FeatureCollage:
    """Two collages and a mask to a collage: spatial feature blending."""

    DESCRIPTION = "Copy what another picture shows into a region: its feature maps are blended in (feature blending)."
    SEARCH_ALIASES = ("feature blending", "transplant", "copy features", "unit edit")
    CATEGORY = "neural collage/edit"
    FUNCTION = "edit"
    RETURN_TYPES = (COLLAGE,)
    RETURN_NAMES = ("collage",)
    OUTPUT_TOOLTIPS = ("The collage with this edit added.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        reference = (
            "Where the features come from, with its own class and edits; one picture, or as many as the collage."
        )
        units = "Channels to blend, such as `0-15, 32`; empty for all."
        fraction = {"default": 0.0, "min": -1.0, "max": 1.0, "step": 0.01}
        return {
            "required": {
                "collage": (COLLAGE, {"tooltip": "What to edit; it is not changed itself."}),
                "reference": (COLLAGE, {"tooltip": reference}),
                "mask": ("MASK", {"tooltip": "Where the features land: 1 fully, 0 not at all. Square."}),
                "layers": ("STRING", {"default": "4-16", "tooltip": LAYERS_TIP}),
                "strength": (
                    "FLOAT",
                    {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.05, "tooltip": "1 replaces the features."},
                ),
                "shift_x": ("FLOAT", {**fraction, "tooltip": "Moves the reference right, in widths of the picture."}),
                "shift_y": ("FLOAT", {**fraction, "tooltip": "Moves the reference down, in heights of the picture."}),
                "units": ("STRING", {"default": "", "tooltip": units}),
            }
        }

    def edit(
        self,
        collage: nc.Collage,
        reference: nc.Collage,
        mask: torch.Tensor,
        shift_x: float,
        shift_y: float,
        units: str,
        **how: Any,
    ) -> tuple[nc.Collage]:
        collage, reference = expect(collage, nc.Collage, "collage"), expect(reference, nc.Collage, "reference")
        where, chosen = mask_to_engine(mask), nc.parse_units(units)
        return (collage.feature(reference, where, shift=(shift_x, shift_y), units=chosen, **how),)


class RenderCollage:
    """A collage to a picture."""

    DESCRIPTION = "Draw a collage with its edits, and show where they changed the picture."
    SEARCH_ALIASES = ("gan decode", "generate", "draw collage")
    CATEGORY = "neural collage"
    FUNCTION = "render"
    RETURN_TYPES = ("IMAGE", "MASK")
    RETURN_NAMES = ("image", "changed")
    OUTPUT_TOOLTIPS = (
        "The picture, at the model's own size.",
        "How far each pixel is from the unedited picture: exactly 0 where nothing changed, 1 from black to white.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "gan": (GAN, {"tooltip": "The model that draws; the one that made the latents, or one of its family."}),
                "collage": (COLLAGE, {"tooltip": "What to draw."}),
            }
        }

    def render(self, gan: nc.Gan, collage: nc.Collage) -> tuple[torch.Tensor, torch.Tensor]:
        gan, collage = expect(gan, nc.Gan, "gan"), expect(collage, nc.Collage, "collage")
        images, changed = draw_with_changes(gan, collage)
        return image_from_engine(images), mask_from_engine(changed)
