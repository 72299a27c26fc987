"""Collages to pictures, as the nodes draw them: in pieces, on the host's device, in the precision it was asked for.

A long batch is drawn a few pictures at a time, so that progress is shown, the user can stop it, and memory does not
grow with its length; where memory runs out all the same, the pieces are halved.

Shapes: N pictures, R their size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from .. import engine as nc
from . import host

__all__ = ["draw", "draw_all", "draw_with_changes"]

TOGETHER = 8
"""How many pictures are drawn at once: more of them are hardly faster, on a large GPU either."""
ROOM = 1024
"""Bytes for each pixel of a picture that is being drawn: 256 numbers, twice what the widest networks hold at once."""

Drawing = Callable[[nc.Collage], tuple[Tensor, ...]]


def draw(gan: nc.Gan, collage: nc.Collage) -> Tensor:
    """Draw a collage.

    Returns:
        (N, 3, R, R) in [-1, 1], on the CPU, in float32.

    Raises:
        InputError, ModelError: as `engine.render`. Also the host's own interrupt, if the user stopped the run.
    """
    return draw_all(gan, [collage])[0]


def draw_all(gan: nc.Gan, collages: Sequence[nc.Collage]) -> list[Tensor]:
    """Draw several collages under one progress bar, as `draw` each."""
    return [pictures for (pictures,) in _drawn(gan, collages, lambda part: (nc.render(gan, part),))]


def draw_with_changes(gan: nc.Gan, collage: nc.Collage) -> tuple[Tensor, Tensor]:
    """Draw a collage, and where its edits changed the picture.

    Returns:
        (N, 3, R, R) in [-1, 1], and (N, 1, R, R) from 0 to 1 as `engine.changes` gives it; on the CPU, in float32.

    Raises:
        InputError, ModelError: as `engine.render`. Also the host's own interrupt, if the user stopped the run.
    """

    def both(part: nc.Collage) -> tuple[Tensor, ...]:
        images = nc.render(gan, part)
        return images, nc.changes(gan, part, images)

    ((images, changed),) = _drawn(gan, [collage], both)
    return images, changed


def _drawn(gan: nc.Gan, collages: Sequence[nc.Collage], drawing: Drawing) -> list[list[Tensor]]:
    counts = [nc.count_pictures(collage) for collage in collages]
    host.place(gan, min(max(counts), TOGETHER) * gan.resolution**2 * ROOM)
    bar, before, found = host.progress(sum(counts)), 0, []
    bar.update(0)
    for collage, count in zip(collages, counts, strict=True):
        parts = []
        work = partial(_piece, gan, collage, count, drawing)
        for done, part in nc.in_pieces(count, work, TOGETHER, host.spare):
            parts.append(part)
            bar.update(before + done)
        found.append([torch.cat(each) for each in zip(*parts, strict=True)])
        before += count
    return found


def _piece(gan: nc.Gan, collage: nc.Collage, count: int, drawing: Drawing, piece: slice) -> list[Tensor]:
    found = _in_precision(gan, lambda: drawing(nc.cut_batch(collage, count, piece)))
    return [each.to("cpu", torch.float32) for each in found]


def _in_precision(gan: nc.Gan, drawing: Callable[[], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """Draw in float16 where the host was asked for it, the family bears it and the result is finite; else in the
    weights' own precision."""
    if host.half() and gan.generator.half_is_right and torch.amp.is_autocast_available(gan.device.type):
        with torch.autocast(gan.device.type, torch.float16):
            found = drawing()
        if all(torch.isfinite(each).all() for each in found):
            return found
        host.note("this model's numbers do not fit into float16; drawing in full precision.")
    return drawing()
