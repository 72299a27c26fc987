"""The stages of a work side by side: pictures of different sizes as one sheet.

Shapes: N items, h w a stage's own size, S side of a cell.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .crop import resize_picture
from .errors import InputError
from .pictures import as_picture, repeat_batches
from .ranges import whole
from .sheet import contact_sheet

__all__ = ["draw_stages"]

WHITE = 1.0


def draw_stages(
    stages: Sequence[Tensor], titles: Sequence[str] = (), row_titles: Sequence[str] = (), side: int = 256
) -> Tensor:
    """Draw a sheet with one column for each stage and one row for each item of the batch.

    Args:
        stages: (N, 3, h, w) each, in [-1, 1], every one of a size of its own; a batch of one is repeated.
        titles: above the columns, one for each stage, or none.
        row_titles: left of the rows, one for each item, or none.
        side: pixels of a cell's side; pictures keep their ratio, and white fills the rest.

    Returns:
        (1, 3, H, W) in [-1, 1].

    Raises:
        InputError: no stages, something else than pictures of three channels, batches of different lengths, titles that
            do not match in number, or a side outside 8 to 4096.
    """
    side = whole(side, "The side of a sheet's cells", 8, 4096)
    if not isinstance(stages, (list, tuple)) or not stages:
        got = "none" if isinstance(stages, (list, tuple)) else type(stages).__name__
        raise InputError(f"A sheet needs a list of stages, at least one stage; got {got}. Connect a picture.")
    columns = repeat_batches(**{f"stage {n}": _fitted(stage, side, n) for n, stage in enumerate(stages, start=1)})
    sheet, _ = contact_sheet(torch.stack(columns, dim=1), row_titles, titles, gap=4)
    return sheet[None].float() / 127.5 - 1


def _fitted(stage: Tensor, side: int, number: int) -> Tensor:
    """(N, 3, side, side): the pictures, centred, as large as they fit."""
    stage = as_picture(stage, f"picture of stage {number}")
    if stage.shape[1] != 3:
        raise InputError(f"The picture of stage {number} must have 3 channels; got {stage.shape[1]}. Convert it.")
    longer = max(stage.shape[-2:])
    height, width = (max(1, round(length * side / longer)) for length in stage.shape[-2:])
    top, left = (side - height) // 2, (side - width) // 2
    cell = torch.full((len(stage), 3, side, side), WHITE)
    cell[..., top : top + height, left : left + width] = resize_picture(stage.cpu(), (height, width)).clamp(-1, 1)
    return cell
