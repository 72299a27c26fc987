"""A loss curve as a picture."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from .errors import InputError
from .ranges import expect

__all__ = ["draw_curve"]

WIDTH, HEIGHT = 512, 320
MARGIN = 44
"""Pixels around the plot, where the numbers stand."""
INK, GRID, PAPER = (40, 40, 40), (220, 220, 220), (255, 255, 255)
LINES = ((31, 119, 180), (214, 39, 40), (44, 160, 44), (255, 127, 14), (148, 103, 189), (140, 86, 75))


def draw_curve(losses: Tensor, title: str = "loss") -> Tensor:
    """Draw how losses fell, one line for each image.

    Args:
        losses: (S, N): the loss of N images at each of S steps, from step 0. Below 0, where rounding can put it, a
            loss is drawn as 0.
        title: stands above the plot.

    Returns:
        (1, 3, 320, 512) in [-1, 1]. The axes run from step 0 to the last and from 0 to the largest loss.

    Raises:
        InputError: no tensor, losses of another shape, NaN or infinity.
    """
    expect(title, str, "The title of a curve")
    if expect(losses, Tensor, "Losses").dim() != 2 or 0 in losses.shape or not torch.isfinite(losses).all():
        raise InputError(f"Losses must be finite numbers (steps, images); got {tuple(losses.shape)}.")
    values = losses.detach().clamp(min=0).cpu().double().numpy()
    top = float(values.max()) or 1.0
    canvas = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(canvas)
    _axes(draw, top, len(values) - 1, title)
    for item in range(values.shape[1]):
        points = [_place(step, value, len(values) - 1, top) for step, value in enumerate(values[:, item])]
        draw.line(points * (2 if len(points) == 1 else 1), LINES[item % len(LINES)], 2)
    return torch.from_numpy(np.array(canvas)).permute(2, 0, 1)[None].float() / 127.5 - 1


def _place(step: float, value: float, last: int, top: float) -> tuple[float, float]:
    """Where a loss at a step lies on the canvas, in pixels."""
    across = step / last if last else 0.5
    return MARGIN + across * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - value / top * (HEIGHT - 2 * MARGIN)


def _axes(draw: ImageDraw.ImageDraw, top: float, last: int, title: str) -> None:
    """Title, grid lines with the losses they stand for, and the first and last step."""
    draw.text((MARGIN, MARGIN / 3), title, INK)
    for quarter in range(5):
        left, height = _place(0, top * quarter / 4, max(last, 1), top)
        draw.line([(left, height), (WIDTH - MARGIN, height)], GRID if quarter else INK)
        draw.text((4, height - 6), f"{top * quarter / 4:.3g}", INK)
    draw.text((MARGIN, HEIGHT - MARGIN + 8), "step 0", INK)
    draw.text((WIDTH - 2 * MARGIN, HEIGHT - MARGIN + 8), f"step {last}", INK)
