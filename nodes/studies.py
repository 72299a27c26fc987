"""The paper's studies as contact sheets: strengths, layers, every class, collages against mix and against pixels."""

from __future__ import annotations

from typing import Any

import torch

from .. import engine as nc
from .collage import LAYERS_TIP
from .pictures import draw_all
from .sockets import CLASS_MAP, COLLAGE, GAN, expect, image_from_engine, mask_to_engine

__all__ = ["StudyEveryClass", "StudyLayers", "StudyMix", "StudyPixels", "StudyStrengths"]

GAN_INPUT = (GAN, {"tooltip": "The model that draws."})
COLLAGE_INPUT = (COLLAGE, {"tooltip": "What is edited; one picture shows most."})
SIDE = ("INT", {"default": 128, "min": 32, "max": 1024, "tooltip": "Side of each picture on the sheet, in pixels."})


class _Study:
    """What all studies share: a sheet, and the pictures on it."""

    CATEGORY = "neural collage/study"
    FUNCTION = "study"
    RETURN_TYPES = ("IMAGE", "IMAGE")
    RETURN_NAMES = ("sheet", "images")
    OUTPUT_TOOLTIPS = (
        "All pictures under their titles, as one.",
        "The pictures alone, row by row, as a batch at the model's own size.",
    )

    @staticmethod
    def drawn(gan: nc.Gan, studies: list[nc.Study], side: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The sheets, one below the other, and the batch."""
        pictures = draw_all(gan, [cell for study in studies for row in study.cells for cell in row])
        rest, shown, sheets = list(pictures), [], []
        for study in studies:
            count = sum(map(len, study.cells))
            complete = nc.with_pixel_collages(study, rest[:count])
            sheets.append(nc.draw_study(study, complete, side))
            shown, rest = shown + complete, rest[count:]
        return image_from_engine(nc.stack_sheets(sheets)), image_from_engine(torch.cat(shown))


class StudyStrengths(_Study):
    """A label collage at 0, 25, 50, 75 and 100 %."""

    DESCRIPTION = "A label collage at rising strength: how far a region changes its class."
    SEARCH_ALIASES = ("intensity", "strength sweep", "xy plot")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "gan": GAN_INPUT,
                "collage": COLLAGE_INPUT,
                "class_map": (CLASS_MAP, {"tooltip": "The regions at full strength."}),
                "layers": ("STRING", {"default": "all", "tooltip": LAYERS_TIP}),
                "side": SIDE,
            }
        }

    def study(
        self, gan: nc.Gan, collage: nc.Collage, class_map: nc.ClassMap, layers: str, side: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self.drawn(expect(gan, nc.Gan, "gan"), [nc.study_strengths(collage, class_map, layers)], side)


class StudyLayers(_Study):
    """Which layers an edit acts at, and what that changes."""

    DESCRIPTION = (
        "What edits do at different layers. A class map: at the first layer, at all but the first, at all. A reference "
        "and a mask: features of the first one, two, three and four maps at strengths 0, 0.5 and 1. Connect either or "
        "both."
    )
    SEARCH_ALIASES = ("layer sweep", "coarse to fine", "xy plot")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {"gan": GAN_INPUT, "collage": COLLAGE_INPUT, "side": SIDE},
            "optional": {
                "class_map": (CLASS_MAP, {"tooltip": "For the study of label collages."}),
                "reference": (COLLAGE, {"tooltip": "For the study of feature collages: where features come from."}),
                "mask": ("MASK", {"tooltip": "Where the features land; needed with a reference."}),
            },
        }

    def study(
        self,
        gan: nc.Gan,
        collage: nc.Collage,
        side: int,
        class_map: nc.ClassMap | None = None,
        reference: nc.Collage | None = None,
        mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        where = None if mask is None else mask_to_engine(mask)
        return self.drawn(expect(gan, nc.Gan, "gan"), nc.study_layers(gan, collage, class_map, reference, where), side)


class StudyEveryClass(_Study):
    """One latent under every class."""

    DESCRIPTION = "One picture under every class, or, with a mask, one region of it: what else could be here?"
    SEARCH_ALIASES = ("all classes", "one to many", "class grid")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        classes = "Classes by name or number, one a line; empty for all of the model's."
        return {
            "required": {
                "gan": GAN_INPUT,
                "collage": COLLAGE_INPUT,
                "classes": ("STRING", {"default": "", "multiline": True, "tooltip": classes}),
                "columns": ("INT", {"default": 8, "min": 1, "max": 64, "tooltip": "Pictures in a row."}),
                "side": SIDE,
            },
            "optional": {"mask": ("MASK", {"tooltip": "Only this region changes its class."})},
        }

    def study(
        self,
        gan: nc.Gan,
        collage: nc.Collage,
        classes: str,
        columns: int,
        side: int,
        mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = [line.strip() for line in classes.splitlines() if line.strip()]
        where = None if mask is None else mask_to_engine(mask)
        return self.drawn(expect(gan, nc.Gan, "gan"), [nc.study_classes(gan, collage, chosen, where, columns)], side)


class StudyMix(_Study):
    """Latent interpolation above, feature collage below."""

    DESCRIPTION = "Two ways between two pictures, at rising strength: latents mixed above, features blended below."
    SEARCH_ALIASES = ("interpolation", "morph", "compare mix")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "gan": GAN_INPUT,
                "first": (COLLAGE, {"tooltip": "What both rows start from."}),
                "second": (COLLAGE, {"tooltip": "Where they go."}),
                "layers": ("STRING", {"default": "all", "tooltip": LAYERS_TIP}),
                "side": SIDE,
            },
            "optional": {"mask": ("MASK", {"tooltip": "Where features land; nothing connected: everywhere."})},
        }

    def study(
        self,
        gan: nc.Gan,
        first: nc.Collage,
        second: nc.Collage,
        layers: str,
        side: int,
        mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        where = None if mask is None else mask_to_engine(mask)
        return self.drawn(expect(gan, nc.Gan, "gan"), [nc.study_mix(first, second, where, layers)], side)


class StudyPixels(_Study):
    """Label and feature collage beside pixel collage."""

    DESCRIPTION = (
        "One region of a reference, brought into a picture four ways: its class, its features, its pixels pasted, and "
        "its pixels with Poisson blending."
    )
    SEARCH_ALIASES = ("pixel collage", "copy paste", "poisson", "compare")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "gan": GAN_INPUT,
                "collage": COLLAGE_INPUT,
                "reference": (COLLAGE, {"tooltip": "Where the class, the features and the pixels come from."}),
                "mask": ("MASK", {"tooltip": "The region, the same for all four ways."}),
                "layers": ("STRING", {"default": "all", "tooltip": LAYERS_TIP}),
                "side": SIDE,
            }
        }

    def study(
        self, gan: nc.Gan, collage: nc.Collage, reference: nc.Collage, mask: torch.Tensor, layers: str, side: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        laid = nc.study_pixels(collage, reference, mask_to_engine(mask), layers)
        return self.drawn(expect(gan, nc.Gan, "gan"), [laid], side)
