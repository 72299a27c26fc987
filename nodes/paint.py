"""Painting by hand: Paint Regions.

The node's page in the browser is `web/js`: it puts a canvas in the place of the `drawing` text box. Without it the node
is the same, with the drawing as text.
"""

from __future__ import annotations

from typing import Any

import torch

from .. import engine as nc
from .host import shown
from .sockets import CLASS_MAP, expect, image_to_engine, mask_from_engine, thumbnail

__all__ = ["PaintRegions"]

EMPTY = '{"size": 512, "brushes": [], "strokes": []}'
SIDE = 512
"""Pixels of the longer side of the picture that is shown under the drawing."""


class PaintRegions:
    """A drawing made with a brush for each class, to a class map."""

    DESCRIPTION = (
        "Paint regions by hand, with a brush for each class, on a canvas in the node. Connect a picture and run, to "
        "see it underneath."
    )
    SEARCH_ALIASES = ("painter", "draw mask", "canvas", "brush", "scribble", "regional class", "semantic map")
    CATEGORY = "neural collage/class map"
    FUNCTION = "paint"
    OUTPUT_NODE = True  # or the host would not send the picture again to a page that was loaded anew
    RETURN_TYPES = (CLASS_MAP, "MASK")
    RETURN_NAMES = ("class_map", "mask")
    OUTPUT_TOOLTIPS = (
        "The regions painted so far; elsewhere the picture's own class holds.",
        "What is painted here, however strongly: 1 under the brushes, 0 elsewhere.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        drawing = "The drawing as JSON text: brushes with class, colour and strength, and strokes in pixels of `size`."
        return {
            "required": {
                "drawing": ("STRING", {"default": EMPTY, "multiline": True, "paint_canvas": True, "tooltip": drawing}),
            },
            "optional": {
                "image": ("IMAGE", {"tooltip": "Shown under the drawing, to paint by. It does not change the result."}),
                "class_map": (CLASS_MAP, {"tooltip": "Regions to paint over: another Paint Regions or Paint Class."}),
            },
        }

    def paint(
        self, drawing: str, image: torch.Tensor | None = None, class_map: nc.ClassMap | None = None
    ) -> dict[str, Any]:
        below = None if class_map is None else expect(class_map, nc.ClassMap, "class_map")
        painted, mask = nc.paint_drawing(drawing, below)
        return {"ui": {"base": [] if image is None else _below(image)}, "result": (painted, mask_from_engine(mask))}


def _below(image: torch.Tensor) -> list[dict[str, str]]:
    """The first picture, for the page."""
    picture = thumbnail(image_to_engine(image))
    picture.thumbnail((SIDE, SIDE))
    return shown(picture)
