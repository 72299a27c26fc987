"""What the worked workflows are made of. Those that open a group say so."""

from __future__ import annotations

import json
from typing import Any

from page import Output, Page, Placed

STARTER = "fruits-64.safetensors"
"""The starter model's file in `models/`."""
CANVAS = 256
"""Side of the masks that are drawn in a workflow, in pixels."""
PHOTO = "example_photo.png"
"""A picture beside the workflows."""


def painting() -> str:
    """A drawing as the canvas writes it: a face."""
    brushes = [("cherry-wax-black", "#4363d8"), ("tomato-beefsteak", "#e6194b"), ("apple-granny-smith", "#3cb44b")]
    strokes = [(0, 62, [180, 210, 180, 225]), (0, 62, [332, 210, 332, 225])]
    strokes += [(1, 52, [150, 325, 190, 372, 256, 392, 322, 372, 362, 325])]
    strokes += [(2, 60, [110, 120, 180, 75, 256, 62, 332, 75, 402, 120])]
    drawing = {
        "size": 512,
        "brushes": [{"class": label, "colour": colour, "strength": 1} for label, colour in brushes],
        "strokes": [{"brush": brush, "width": width, "points": points} for brush, width, points in strokes],
    }
    return json.dumps(drawing, separators=(",", ":"))


def model(page: Page, note: str) -> Placed:
    """Open the first group: the model."""
    page.group("Start here", note)
    return page.add("NeuralCollageLoadGAN", file=STARTER)


def random_collages(page: Page, gan: Placed, *drawn: tuple[str, int]) -> list[Placed]:
    """One random collage for each class and seed."""
    return [page.add("NeuralCollageRandomCollage", label, gan=gan, label=label, seed=seed) for label, seed in drawn]


def masks(page: Page) -> Placed:
    """Open a group for masks: an empty one to draw on."""
    page.group("Where: masks", "Rectangles from ComfyUI's own nodes; any other mask will do.")
    return page.add("SolidMask", "Empty canvas", value=0.0, width=CANVAS, height=CANVAS)


def rectangle(page: Page, canvas: Placed, title: str, box: tuple[int, int, int, int]) -> Placed:
    """A mask that is 1 in the box (left, top, width, height)."""
    left, top, width, height = box
    block = page.add("SolidMask", f"{title}: block", value=1.0, width=width, height=height)
    return page.add("MaskComposite", title, destination=canvas, source=block, x=left, y=top, operation="add")


def not_white(page: Page, picture: Placed) -> Placed:
    """A mask of what is not white in a picture, without holes; a little smaller: drawn edges are half white."""
    scaled = page.add("ImageScale", image=picture, upscale_method="bilinear", width=CANVAS, height=CANVAS)
    blue = page.add("ImageToMask", image=scaled, channel="blue")
    white = page.add("ThresholdMask", "White", mask=blue, value=0.85)
    drawn = page.add("GrowMask", "Close bright spots", mask=page.add("InvertMask", mask=white), expand=10)
    return page.add("GrowMask", "Shrink again", mask=drawn, expand=-13)


def combine(page: Page, one: Placed, other: Placed | Output, operation: str, title: str) -> Placed:
    """Two masks of one size to one."""
    return page.add("MaskComposite", title, destination=one, source=other, operation=operation)


def octagon(page: Page) -> Placed:
    """A mask that is 1 in a regular octagon, four fifths of the canvas wide."""
    canvas = page.add("SolidMask", "Empty canvas", value=0.0, width=CANVAS, height=CANVAS)
    square = rectangle(page, canvas, "Square", (85, 85, 86, 86))
    return page.add("GrowMask", "Octagon", mask=square, expand=60)


def edit(page: Page, picture: Placed, regions: Placed, layers: str = "all") -> Placed:
    """A label collage."""
    return page.add("NeuralCollageLabelCollage", collage=picture, class_map=regions, layers=layers)


def render(page: Page, gan: Placed, collage: Placed, title: str = "") -> Placed:
    """Draw a collage."""
    return page.add("NeuralCollageRenderCollage", title, gan=gan, collage=collage)


def rendered(page: Page, gan: Placed, collages: dict[str, Placed]) -> dict[str, Placed]:
    """Open a group that draws each collage."""
    page.group("Draw them", "Nothing is drawn before Render Collage: until then an edit is a note on a latent.")
    return {title: render(page, gan, collage, f"Render {title}") for title, collage in collages.items()}


def finish(page: Page, name: str, stages: dict[str, Placed]) -> None:
    """Open the last group: the last stage is saved, and a sheet of all."""
    page.group("The result", "The picture is saved by itself and as the last stage of the sheet.")
    save(page, name, list(stages.values())[-1])
    sheet(page, name, stages)


def save(page: Page, name: str, picture: Placed) -> None:
    """Save a picture under the workflow's name."""
    page.add("SaveImage", "Save picture", images=picture, filename_prefix=name)


def sheet(page: Page, name: str, stages: dict[str, Placed], rows: str = "", size: int = 256) -> None:
    """Lay the stages side by side under their titles, and save that."""
    pictures: dict[str, Any] = {f"image_{place}": stage for place, stage in enumerate(stages.values(), start=1)}
    drawn = page.add("NeuralCollageContactSheet", titles="\n".join(stages), row_titles=rows, size=size, **pictures)
    page.add("SaveImage", "Save sheet", images=drawn, filename_prefix=f"{name}_sheet")
