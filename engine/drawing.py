"""A drawing made with a brush for each class, to a class map.

A drawing is JSON text: it lives in a workflow's file, is small, and means the same whatever program made it.

    {"size": 512,
     "brushes": [{"class": "lemon", "colour": "#ffd500", "strength": 1}],
     "strokes": [{"brush": 0, "width": 48, "points": [100, 120, 180, 240]},
                 {"brush": null, "width": 20, "points": [140, 180]}]}

`size` is the side of the square in pixels, and the unit of all that follows: (0, 0) is its upper left corner, (size,
size) its lower right one. `points` are x, y, x, y ... of a line with round ends; one point is a dot. A stroke without
brush is the eraser's. Colours are for whoever shows the drawing; `colour` and `strength` (1) may be left out.

Strokes are painted in order, each over what is there. Strokes with one brush that follow each other are one region:
where they overlap, nothing is doubled.

Shapes: S side of the square.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .class_map import ClassMap
from .errors import InputError
from .ranges import expect, positive, real, whole

__all__ = ["Brush", "Drawing", "Stroke", "paint_drawing", "parse_drawing"]

SIDES = 64, 1024
"""Smallest and largest side of a drawing, in pixels. Layers that edits act on are smaller still."""
MOST_LETTERS, MOST_BRUSHES, MOST_POINTS = 1_000_000, 64, 20_000
"""Beyond any drawing made by hand; painting as much takes about a minute. `web/js/drawing.js` has the same limits."""
COLOUR = re.compile("#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Brush:
    """A class to paint, and how strongly."""

    label: str
    """Class name or number, looked up when the collage is rendered."""
    strength: float
    """0 to 1: how much of what lies below it covers."""


@dataclass(frozen=True)
class Stroke:
    """A line with round ends."""

    brush: int | None
    """Which brush; None for the eraser."""
    width: float
    points: tuple[tuple[float, float], ...]
    """(x, y) of each corner, at least one."""


@dataclass(frozen=True)
class Drawing:
    """Strokes on a square, in the order in which they were made."""

    size: int
    brushes: tuple[Brush, ...]
    strokes: tuple[Stroke, ...]


def paint_drawing(text: str, below: ClassMap | None = None) -> tuple[ClassMap, Tensor]:
    """Paint a drawing over a class map.

    Args:
        text: see `parse_drawing`.
        below: what is painted over; the eraser does not touch it.

    Returns:
        The class map, and the mask (1, 1, S, S) of what is painted, as if every strength were 1.

    Raises:
        InputError: a drawing that cannot be read.
        MaskError: masks below that are no square.
    """
    drawing = parse_drawing(text)
    drawn, painted = ClassMap(), torch.zeros(1, 1, drawing.size, drawing.size)
    for number, strokes in groupby(drawing.strokes, lambda stroke: stroke.brush):
        mask = torch.from_numpy(_covered(strokes, drawing.size))
        if number is None:
            drawn, painted = ClassMap(drawn.labels, drawn.weights * (1 - mask)), painted * (1 - mask)
        else:
            brush = drawing.brushes[number]
            drawn, painted = drawn.paint(brush.label, mask, brush.strength), painted + mask * (1 - painted)
    return (ClassMap() if below is None else below).under(drawn), painted


def parse_drawing(text: str) -> Drawing:
    """Read a drawing, in the format above. Empty text is a drawing of nothing.

    Raises:
        InputError: no JSON, a field that is missing or unknown, or a value out of range.
    """
    text = expect(text, str, "A drawing")
    if not text.strip():
        return Drawing(SIDES[1] // 2, (), ())
    if len(text) > MOST_LETTERS:
        raise InputError(f"A drawing takes at most {MOST_LETTERS} letters; this one has {len(text)}. Draw less.")
    fields = _fields(_json(text), "A drawing", {"size", "brushes", "strokes"})
    size = whole(fields["size"], "A drawing's size (pixels)", *SIDES)
    brushes = _list(fields["brushes"], "A drawing's brushes", MOST_BRUSHES)
    strokes = _list(fields["strokes"], "A drawing's strokes", MOST_POINTS)
    drawing = Drawing(
        size,
        tuple(_brush(brush, f"Brush {number}") for number, brush in enumerate(brushes)),
        tuple(_stroke(stroke, f"Stroke {number}", size, len(brushes)) for number, stroke in enumerate(strokes)),
    )
    points = sum(len(stroke.points) for stroke in drawing.strokes)
    if points > MOST_POINTS:
        raise InputError(f"A drawing takes at most {MOST_POINTS} points; this one has {points}. Draw less.")
    return drawing


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise InputError(f"A drawing is JSON text, as the canvas of Paint Regions writes it; {error}.") from error


def _integer(digits: str) -> int | float:
    """A whole number; one of no sensible length becomes a float, which range checks refuse."""
    return int(digits) if len(digits) < 16 else float(digits)


def _fields(value: Any, what: str, required: set[str], optional: frozenset[str] = frozenset()) -> Mapping[str, Any]:
    """A JSON object that has all of the required fields and none but these."""
    if not isinstance(value, dict):
        raise InputError(f"{what} must be a JSON object with {_listed(required)}; got {value!r:.60}.")
    if missing := required - value.keys():
        raise InputError(f"{what} needs {_listed(missing)}; it has {_listed(value) or 'no fields'}.")
    if unknown := value.keys() - required - optional:
        raise InputError(f"{what} has no field {_listed(unknown)}; it takes {_listed(required | optional)}.")
    return value


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))


def _list(value: Any, what: str, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        got = f"{len(value)} of them" if isinstance(value, list) else f"{value!r:.60}"
        raise InputError(f"{what} must be a list of at most {most}; got {got}.")
    return value


def _brush(value: Any, what: str) -> Brush:
    fields = _fields(value, what, {"class"}, frozenset({"colour", "strength"}))
    label, colour = fields["class"], fields.get("colour", "#000000")
    if not isinstance(label, str) or not label.strip():
        raise InputError(f"{what} needs a class, as text: a name or a number; got {label!r:.60}.")
    if not isinstance(colour, str) or not COLOUR.fullmatch(colour):
        raise InputError(f"{what} needs a colour such as '#ff8000'; got {colour!r:.60}.")
    return Brush(label.strip(), real(fields.get("strength", 1), f"The strength of {what.lower()}", 0, 1))


def _stroke(value: Any, what: str, size: int, brushes: int) -> Stroke:
    fields = _fields(value, what, {"brush", "width", "points"})
    brush, points = fields["brush"], _list(fields["points"], f"The points of {what.lower()}", 2 * MOST_POINTS)
    if brush is not None and not brushes:
        raise InputError(f"{what} names brush {brush!r:.60}, and the drawing has no brushes. Add one, or use null.")
    if brush is not None:
        brush = whole(brush, f"The brush of {what.lower()}, or null for the eraser,", 0, brushes - 1)
    width = positive(fields["width"], f"The width of {what.lower()} (pixels)", 2 * size)
    if not points or len(points) % 2:
        raise InputError(f"The points of {what.lower()} must be x, y, x, y ...; got {len(points)} numbers.")
    # A stroke may run out of the square, by as much as the square is wide.
    at = [real(number, f"Each point of {what.lower()} (pixels)", -size, 2 * size) for number in points]
    return Stroke(brush, width, tuple(zip(at[::2], at[1::2], strict=True)))


def _covered(strokes: Iterable[Stroke], size: int) -> np.ndarray:
    """(S, S) in float32: how much of each pixel the strokes cover, 0 to 1."""
    mask = np.zeros((size, size), np.float32)
    for stroke in strokes:
        for start, end in zip(stroke.points, stroke.points[1:] or stroke.points, strict=False):
            _cover(mask, start, end, stroke.width / 2)
    return mask


def _cover(mask: np.ndarray, start: tuple[float, float], end: tuple[float, float], radius: float) -> None:
    """Add a line with round ends to a mask: 1 within `radius` of it, falling to 0 over one pixel at the edge."""
    left, right = _span(start[0], end[0], radius, len(mask))
    top, bottom = _span(start[1], end[1], radius, len(mask))
    x = np.arange(left, right, dtype=np.float32) + 0.5 - start[0]
    y = np.arange(top, bottom, dtype=np.float32)[:, None] + 0.5 - start[1]
    along, down = end[0] - start[0], end[1] - start[1]
    place = np.clip((x * along + y * down) / ((along**2 + down**2) or 1), 0, 1)  # of the nearest point of the line
    distance = np.hypot(x - place * along, y - place * down)
    window = mask[top:bottom, left:right]
    np.maximum(window, np.clip(radius + 0.5 - distance, 0, 1), out=window)


def _span(one: float, other: float, radius: float, size: int) -> tuple[int, int]:
    """The pixels of one axis that a line can touch: first, and one after the last."""
    low, high = min(one, other) - radius - 0.5, max(one, other) + radius + 0.5
    first = min(max(math.floor(low), 0), size)
    return first, max(min(math.ceil(high), size), first)
