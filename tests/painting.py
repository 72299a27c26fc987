"""Paint Regions' canvas in ComfyUI's page, for tests: painted by a mouse; and texts that are no drawings."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

import numpy as np
from browser import Window
from neural_collage import engine as nc
from neural_collage.engine.style import resize

__all__ = ["NO_DRAWINGS", "PACK", "PAINT", "add_brush", "canvas", "choose", "drawn", "paint", "painted", "strokes"]

PACK = "ComfyUI-Neural-Collage"
PAINT = "NeuralCollagePaintRegions"


PARTS = {
    "class": "brushes",
    "colour": "brushes",
    "strength": "brushes",
    "brush": "strokes",
    "width": "strokes",
    "points": "strokes",
}
"""Where the fields lie that a drawing has not itself."""


def drawn(field: str = "size", value: Any = 512) -> str:
    """The text of a drawing of one dot, with a field somewhere in it that is something else."""
    drawing: dict[str, Any] = {
        "size": 512,
        "brushes": [{"class": "rose", "colour": "#ff0000", "strength": 1}],
        "strokes": [{"brush": 0, "width": 40, "points": [100, 120]}],
    }
    (drawing[PARTS[field]][0] if field in PARTS else drawing)[field] = value
    return json.dumps(drawing)


WRONG: dict[str, list[Any]] = {
    "size": [0, -5, 63, 1025, 4000, 30000, 512.5, "512", None, float("nan")],
    "width": [0, -1, 1025, 1e308, "wide", None],
    "points": [[], [1], [1, 2, 3], "x", [1, "2"], [1, None], [0, 1025], [-513, 0], [0] * 40_002],
    "brush": ["length", 1, -1, 0.5, "0", True],
    "colour": ["red", "#ff00", 1, None],
    "strength": [-0.1, 1.1, "1", None],
    "class": ["", " ", 3, None],
    "brushes": [[], [{"class": "rose"}] * 65, {}, [None]],
    "strokes": [{}, [None], None],
    "more": [1],
}
NO_DRAWINGS = ["{", "[]", "null", "3", *(drawn(field, value) for field, values in WRONG.items() for value in values)]


def canvas(window: Window) -> None:
    """Open the worked workflow that is painted, and take its painting away."""
    window.open_template(PACK, "paint_regions")
    window.show(PAINT)
    for _ in range(window.page.locator(".nc-brush").count()):
        window.page.get_by_title("Remove this brush").first.click()


def add_brush(window: Window, typed: str) -> None:
    window.page.get_by_text("+ Add brush").click()
    choose(window, typed)


def choose(window: Window, typed: str) -> None:
    """Type into the list of classes that is open, and take the first that fits."""
    window.page.keyboard.type(typed)
    window.page.keyboard.press("Enter")
    window.page.wait_for_selector(".nc-picker", state="detached")


def paint(window: Window, stroke: list[tuple[float, float]]) -> None:
    box, mouse = window.page.locator(".nc-canvas").bounding_box(), window.page.mouse
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
    mouse.move(*places[0])
    mouse.down()
    for place in places[1:]:
        mouse.move(*place, steps=8)
    mouse.up()


def painted(window: Window, size: int) -> dict[Hashable, np.ndarray]:
    """Where each class is painted: (size, size), 0 to 1."""
    regions, _ = nc.paint_drawing(window.value(PAINT, "drawing"))
    return dict(zip(regions.labels, resize(regions.weights, (size, size))[0].numpy(), strict=True))


def strokes(window: Window) -> list[dict[str, Any]]:
    return json.loads(window.value(PAINT, "drawing"))["strokes"]
