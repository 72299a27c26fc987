"""Labelled contact sheets: pictures in rows and columns with their titles, as one picture.

Shapes: H W size of one cell's picture, in pixels.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin
from torch import Tensor

from .errors import InputError

__all__ = ["Layout", "captioned", "contact_sheet", "save_png"]

PAPER, INK = 255, 0
LINE = 14  # pixels that one line of PIL's default font needs, its descenders included


@dataclass(frozen=True)
class Layout:
    """Where the cells of a sheet lie, in pixels."""

    top: int
    """First pixel row of the first row of cells; column titles are above."""
    left: int
    """First pixel column of the first column of cells; row titles are left of it."""
    height: int
    """H of every cell."""
    width: int
    """W of every cell."""
    gap: int
    """White pixels between cells, and around them."""

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) of a cell, counted from 0; bottom and right are the first pixels outside."""
        top, left = self.top + row * (self.height + self.gap), self.left + column * (self.width + self.gap)
        return top, left, top + self.height, left + self.width


def contact_sheet(
    pictures: Tensor | Sequence[Sequence[Tensor] | Tensor],
    row_titles: Sequence[str] = (),
    column_titles: Sequence[str] = (),
    *,
    gap: int = 2,
    scale: int = 1,
) -> tuple[Tensor, Layout]:
    """Lay pictures out in rows and columns on white, with titles in PIL's default font.

    Args:
        pictures: (R, C, 3, H, W), or R rows of (3, H, W) each; floats in [-1, 1] or uint8, all of one size. Rows may
            differ in length; what is missing stays white.
        row_titles: left of the rows, one for each, or none.
        column_titles: above the columns, one for each, or none; cut off at the width of a cell.
        gap: white pixels between cells and around them.
        scale: whole factor by which pictures are enlarged, pixel by pixel.

    Returns:
        The sheet (3, H', W') in uint8, and where its cells lie.

    Raises:
        InputError: no pictures, pictures of several sizes or another shape, or titles that do not match in number.
    """
    cells = [[_bytes(picture, scale) for picture in row] for row in pictures]
    height, width = _common_size(cells)
    columns = max(len(row) for row in cells)
    _check_titles("row", row_titles, len(cells))
    _check_titles("column", column_titles, columns)
    font = ImageFont.load_default()
    margin = max((int(font.getlength(title)) + 2 + gap for title in row_titles), default=0)
    layout = Layout(max(gap, LINE * bool(column_titles)), gap + margin, height, width, gap)
    _, _, bottom, right = layout.box(len(cells) - 1, columns - 1)
    sheet = np.full((bottom + gap, right + gap, 3), PAPER, np.uint8)
    for row, title in enumerate(row_titles):
        _write(sheet, title, max(layout.box(row, 0)[0] + (height - LINE) // 2, 0), gap, margin)
    for column, title in enumerate(column_titles):
        _write(sheet, title, 0, layout.box(0, column)[1], width)
    for row, pictures_of_row in enumerate(cells):
        for column, picture in enumerate(pictures_of_row):
            top, left, bottom, right = layout.box(row, column)
            sheet[top:bottom, left:right] = picture
    return torch.from_numpy(sheet).permute(2, 0, 1), layout


def captioned(picture: Tensor, title: str) -> Tensor:
    """A picture with a title below it: (3, H, W) in uint8 or floats in [-1, 1] to (3, H + a line, W) in uint8.

    Raises:
        InputError: a picture of another shape.
    """
    pixels = _bytes(picture, 1)
    strip = np.full((LINE, pixels.shape[1], 3), PAPER, np.uint8)
    _write(strip, title, 0, 0, pixels.shape[1])
    return torch.from_numpy(np.concatenate([pixels, strip])).permute(2, 0, 1)


def _bytes(picture: Tensor, scale: int) -> np.ndarray:
    """(3, H, W) to (H scale, W scale, 3) in uint8."""
    if not isinstance(picture, Tensor) or picture.dim() != 3 or picture.shape[0] != 3 or 0 in picture.shape:
        shape = tuple(picture.shape) if isinstance(picture, Tensor) else type(picture).__name__
        raise InputError(f"Each picture of a sheet must be (3, H, W), in uint8 or floats in [-1, 1]; got {shape}.")
    if scale < 1:
        raise InputError(f"The scale of a sheet must be a whole factor of at least 1; got {scale!r}.")
    if picture.dtype != torch.uint8:
        picture = (picture.detach().float() * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)
    return picture.cpu().permute(1, 2, 0).numpy().repeat(scale, 0).repeat(scale, 1)


def _common_size(cells: list[list[np.ndarray]]) -> tuple[int, int]:
    """The one (H, W) of all pictures."""
    sizes = sorted({picture.shape[:2] for row in cells for picture in row})
    if len(sizes) != 1:
        found = ", ".join(f"{height} x {width}" for height, width in sizes) or "no pictures"
        raise InputError(f"A sheet needs pictures of one size (height x width); got {found}. Resize them first.")
    return sizes[0]


def _check_titles(what: str, titles: Sequence[str], count: int) -> None:
    if isinstance(titles, str) or len(titles) not in (0, count):
        raise InputError(f"A sheet needs one title for each of its {count} {what}s, or none; got {titles!r}.")


def _write(sheet: np.ndarray, title: str, top: int, left: int, width: int) -> None:
    """Write a title from (top, left) on, cut off after `width` pixels and at the sheet's edge."""
    strip = Image.new("L", (width, LINE), PAPER)
    ImageDraw.Draw(strip).text((0, 1), title, fill=INK, font=ImageFont.load_default())
    room = sheet[top : top + LINE, left : left + width]
    room[:] = np.asarray(strip)[: room.shape[0], : room.shape[1], None]


def save_png(path: Path, picture: Tensor, text: Mapping[str, str] | None = None) -> Path:
    """Write a picture as PNG: the file is whole or absent. Missing folders are made.

    Args:
        path: where.
        picture: (3, H, W), uint8 or floats in [-1, 1].
        text: what to embed as PNG text chunks.

    Returns:
        `path`.

    Raises:
        InputError: a picture of another shape.
    """
    path = Path(path)
    pixels, embedded = _bytes(picture, 1), PngImagePlugin.PngInfo()
    for key, value in (text or {}).items():
        embedded.add_text(key, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    try:
        Image.fromarray(pixels).save(temporary, format="PNG", pnginfo=embedded)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
