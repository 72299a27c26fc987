"""Files to squares of bytes: decoded once, by several processes where there are many, and kept.

Shapes: M pictures, R picture size.
"""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .sources import Files

__all__ = ["CORRUPT", "TINY", "decode_all", "default_workers"]

FORMATS = ("JPEG", "PNG")  # by content: other readers of Pillow's may start programs of their own
MANY = 3000  # files from which further processes are worth their start
CORRUPT, TINY = "could not be decoded", "are smaller than half the size wanted"
"""Why a file is left out."""


def default_workers(count: int) -> int:
    """How many processes decode so many files: 0, which is this one alone, for a few."""
    return min(8, os.cpu_count() or 1) if count >= MANY else 0


def decode_all(
    files: Files, names: tuple[str, ...], resolution: int, workers: int
) -> tuple[Tensor, list[int], dict[str, str]]:
    """Decode files to their centre squares.

    Args:
        files: where they are.
        names: which, in order.
        resolution: side R of the squares wanted. A picture with a side of less than half of it is left out.
        workers: how many processes decode; 0 for this one.

    Returns:
        The pictures (M, 3, R, R) uint8, in memory where they fit, else mapped from a temporary file; the places in
        `names` of those that are in it; and the names of the others with the reason.
    """
    images = _room(len(names), resolution)
    kept: list[int] = []
    skipped: dict[str, str] = {}
    pictures = _Decoded(files, names, resolution)
    # Spawned, not copies of this process, whose threads they would lack.
    how = {"num_workers": workers, "multiprocessing_context": "spawn"} if workers else {}
    decoded = DataLoader(pictures, batch_size=None, collate_fn=_as_is, **how)  # type: ignore[arg-type]
    for place, found in enumerate(decoded):
        if isinstance(found, str):
            skipped[names[place]] = found
        else:
            images[len(kept)] = torch.from_numpy(found)
            kept.append(place)
    files.close()
    return images[: len(kept)], kept, skipped


class _Decoded(Dataset[Any]):
    """Picture i as (3, R, R) uint8, or why there is none."""

    def __init__(self, files: Files, names: tuple[str, ...], resolution: int) -> None:
        self.files, self.names, self.resolution = files, names, resolution

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, place: int) -> np.ndarray | str:
        try:
            return _decode(self.files.read(self.names[place]), self.resolution)
        except (OSError, ValueError, SyntaxError, KeyError, zipfile.BadZipFile, Image.DecompressionBombError):
            return CORRUPT  # Pillow and the archive report broken files by any of these


def _as_is(found: Any) -> Any:
    return found


def _decode(data: bytes, resolution: int) -> np.ndarray | str:
    """One file to (3, R, R) uint8: turned as its camera says, centre square, Lanczos."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
        opened.draft("RGB", (2 * resolution, 2 * resolution))  # large JPEGs at a fraction: fast
        picture = ImageOps.exif_transpose(opened.convert("RGB"))
    side = min(picture.size)
    if 2 * side < resolution:
        return TINY
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    picture = picture.crop((left, top, left + side, top + side))
    if side != resolution:
        picture = picture.resize((resolution, resolution), Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.array(picture).transpose(2, 0, 1))


def _room(count: int, resolution: int) -> Tensor:
    """An uninitialised (count, 3, R, R) uint8 tensor, in memory when it fits, else mapped from a temporary file."""
    if count * 3 * resolution**2 <= _memory() // 2:
        return torch.empty(count, 3, resolution, resolution, dtype=torch.uint8)
    with tempfile.TemporaryFile() as file:  # the map outlives the name and the handle
        return torch.from_numpy(np.memmap(file, np.uint8, "w+", shape=(count, 3, resolution, resolution)))


def _memory() -> int:
    """Bytes of memory that this machine has; 16 GiB where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return 16 * 2**30
