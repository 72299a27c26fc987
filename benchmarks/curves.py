"""Panels of curves as an SVG picture: axes with ticks, a legend beside each panel, on white."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 300, 200  # of a plot, in pixels
LEFT, RIGHT, TOP, BOTTOM = 62, 96, 34, 48  # around it; the legend stands on the right
INK, GRID = "#222222", "#dddddd"
COLOURS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (80, 180, 80), (225, 140, 20), (200, 40, 40))
"""From the first line to the last."""


@dataclass(frozen=True)
class Panel:
    """Lines over one pair of axes; the vertical one is logarithmic."""

    title: str
    across: str
    """What the horizontal axis shows."""
    up: str
    """What the vertical axis shows."""
    lines: Mapping[str, Sequence[tuple[float, float]]]
    """Legend -> points, each a pair of numbers, the second positive."""
    logarithmic: bool
    """Whether the horizontal axis is."""


def draw(path: Path, panels: Sequence[Panel]) -> None:
    """Write the panels, two to a row, as SVG."""
    wide, high = LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM
    columns, rows = min(2, len(panels)), -(-len(panels) // 2)
    size = f'width="{columns * wide}" height="{rows * high}"'
    groups = [
        f'<g transform="translate({number % 2 * wide + LEFT} {number // 2 * high + TOP})">{_panel(panel)}</g>'
        for number, panel in enumerate(panels)
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11" fill="{INK}">'
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".svg.part")
    temporary.write_text("\n".join([head, f'<rect {size} fill="white"/>', *groups, "</svg>\n"]))
    os.replace(temporary, path)
    print(f"curves: {path}", flush=True)


@dataclass(frozen=True)
class _Axis:
    """Numbers to pixels."""

    low: float
    high: float
    length: float
    logarithmic: bool

    @classmethod
    def of(cls, numbers: Sequence[float], length: float, logarithmic: bool) -> _Axis:
        low, high = min(numbers), max(numbers)
        if high <= low:  # a single number has no range of its own
            low, high = (low / 2, high * 2) if logarithmic else (low - 1, high + 1)
        return cls(low, high, length, logarithmic)

    def at(self, number: float) -> float:
        low, high, here = (math.log(n) if self.logarithmic else n for n in (self.low, self.high, number))
        return self.length * (here - low) / (high - low)

    def ticks(self) -> list[float]:
        """Round numbers in the range: 1, 2, 5 times powers of ten, or about five equal steps."""
        tens = [10.0**power for power in range(-12, 13)]
        rounds = [factor * ten for ten in tens for factor in (1, 2, 5)]
        if not self.logarithmic:
            step = next(number for number in rounds if (self.high - self.low) / number <= 5)
            rounds = [step * count for count in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]
        return [number for number in rounds if self.low * (1 - 1e-9) <= number <= self.high * (1 + 1e-9)]


def _panel(panel: Panel) -> str:
    points = [point for line in panel.lines.values() for point in line]
    across = _Axis.of([x for x, _ in points], WIDTH, panel.logarithmic)
    up = _Axis.of([y for _, y in points], HEIGHT, True)
    parts = [_text(WIDTH / 2, -14, panel.title, ' font-weight="bold"'), _text(WIDTH / 2, HEIGHT + 36, panel.across)]
    parts.append(_text(-HEIGHT / 2, -46, panel.up, ' transform="rotate(-90)"'))
    for tick in across.ticks():
        parts += [_line(across.at(tick), 0, across.at(tick), HEIGHT), _text(across.at(tick), HEIGHT + 16, f"{tick:g}")]
    for tick in up.ticks():
        height = HEIGHT - up.at(tick)
        parts += [_line(0, height, WIDTH, height), _text(-6, height + 4, f"{tick:g}", "", "end")]
    parts.append(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="{INK}"/>')
    for number, (name, line) in enumerate(panel.lines.items()):
        places = " ".join(f"{across.at(x):.1f},{HEIGHT - up.at(y):.1f}" for x, y in line)
        colour = _colour(number / max(1, len(panel.lines) - 1))
        parts.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_line(WIDTH + 8, 8 + 16 * number, WIDTH + 24, 8 + 16 * number, colour, 2.5))
        parts.append(_text(WIDTH + 29, 12 + 16 * number, name, "", "start"))
    return "\n".join(parts)


def _colour(share: float) -> str:
    """Along `COLOURS`, from 0 for the first to 1 for the last."""
    place = share * (len(COLOURS) - 1)
    lower = min(int(place), len(COLOURS) - 2)
    mixed = (a + (b - a) * (place - lower) for a, b in zip(COLOURS[lower], COLOURS[lower + 1], strict=True))
    return "#" + "".join(f"{round(channel):02x}" for channel in mixed)


def _text(x: float, y: float, text: str, more: str = "", anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


def _line(x: float, y: float, to_x: float, to_y: float, colour: str = GRID, width: float = 1) -> str:
    return f'<path d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}" stroke="{colour}" stroke-width="{width}"/>'
