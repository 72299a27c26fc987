"""Pictures side by side: Contact Sheet."""

from __future__ import annotations

from typing import Any

import torch

from .. import engine as nc
from .sockets import image_from_engine, image_to_engine

__all__ = ["ContactSheet"]

PLACES = 8
"""How many pictures can be connected."""


class ContactSheet:
    """Several pictures, of any size, to one with titles."""

    DESCRIPTION = (
        "Lay pictures side by side under their titles, to compare them or to show every stage of a work. They may "
        "differ in size. A batch makes one row for each of its pictures."
    )
    SEARCH_ALIASES = ("compare", "image grid", "stages", "overview", "xy plot")
    CATEGORY = "neural collage"
    FUNCTION = "draw"
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("image",)
    OUTPUT_TOOLTIPS = ("The sheet, a single picture.",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        rows = "One line for each row, that is, for each picture of the batch; or nothing."
        optional = {
            f"image_{place}": ("IMAGE", {"tooltip": f"Column {place}: one picture, or as many as the others."})
            for place in range(2, PLACES + 1)
        }
        return {
            "required": {
                "image_1": ("IMAGE", {"tooltip": "The first column: a picture, or a batch with one for each row."}),
                "titles": (
                    "STRING",
                    {"default": "", "multiline": True, "tooltip": "One line for each picture connected; or nothing."},
                ),
                "row_titles": ("STRING", {"default": "", "multiline": True, "tooltip": rows}),
                "size": ("INT", {"default": 256, "min": 32, "max": 1024, "tooltip": "Side of each cell, in pixels."}),
            },
            "optional": optional,
        }

    def draw(self, titles: str, row_titles: str, size: int, **images: torch.Tensor) -> tuple[torch.Tensor]:
        stages = [image_to_engine(images[place], place) for place in sorted(images)]
        return (image_from_engine(nc.draw_stages(stages, _lines(titles), _lines(row_titles), size)),)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]
