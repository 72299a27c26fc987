"""Files to squares of bytes: decoded once, by several processes where there are many, and kept.

Shapes: M pictures, R picture size.
"""

from __future__ import annotations

import hashlib
import io
import os
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .processes import processes_here
from .sources import Files
from .storage import empty_pictures

__all__ = ["CORRUPT", "TINY", "decode_all", "default_workers"]

FORMATS = ("JPEG", "PNG")  # by content: other readers of Pillow's may start programs of their own
MANY = 3000  # files from which further processes are worth their start
CORRUPT, TINY = "could not be decoded", "are smaller than half the size wanted"
"""Why a file is left out."""

ORIENTATION = 0x0112  # the tag of Exif that says how the camera was held, and what brings each of its values upright
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def default_workers(count: int) -> int:
    """How many processes decode so many files: 0, which is this one alone, for a few."""
    return min(8, max(1, (os.cpu_count() or 1) // processes_here())) if count >= MANY else 0


def decode_all(
    files: Files, names: tuple[str, ...], resolution: int, workers: int
) -> tuple[Tensor, Tensor, list[int], dict[str, str]]:
    """Decode files to their centre squares.

    Args:
        files: where they are.
        names: which, in order.
        resolution: side R of the squares wanted. A picture with a side of less than half of it is left out.
        workers: how many processes decode; 0 for this one.

    Returns:
        The pictures (M, 3, R, R) uint8, in memory where they fit, else mapped from a temporary file; digests of their
        files' bytes (M,) int64; the places in `names` of those that are in it; and the names of the others with the
        reason.

    Raises:
        TrainingError: neither memory nor the temporary folder has room for the pictures.
    """
    images = empty_pictures(len(names), resolution)
    kept: list[int] = []
    digests: list[int] = []
    skipped: dict[str, str] = {}
    pictures = _Decoded(files, names, resolution)
    # Spawned, not copies of this process, whose threads they would lack.
    how = {"num_workers": workers, "multiprocessing_context": "spawn"} if workers else {}
    decoded = DataLoader(pictures, batch_size=None, collate_fn=_as_is, **how)  # type: ignore[arg-type]
    for place, found in enumerate(decoded):
        if isinstance(found, str):
            skipped[names[place]] = found
        else:
            square, digest = found
            images[len(kept)] = torch.from_numpy(square)
            kept.append(place)
            digests.append(digest)
    files.close()
    return images[: len(kept)], torch.tensor(digests, dtype=torch.int64), kept, skipped


class _Decoded(Dataset[Any]):
    """Picture i as (3, R, R) uint8 with a digest of its file, or why there is none."""

    def __init__(self, files: Files, names: tuple[str, ...], resolution: int) -> None:
        self.files, self.names, self.resolution = files, names, resolution

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, place: int) -> tuple[np.ndarray, int] | str:
        try:
            content = self.files.read(self.names[place])
            picture = _read(content, self.resolution)
        except MemoryError:  # not the file's fault
            raise
        except Exception:  # noqa: BLE001 - readers of foreign files have no one error for damage: any can come
            return CORRUPT
        square = _square(_upright(picture), self.resolution)
        return TINY if square is None else (square, _digest(content))


def _digest(content: bytes) -> int:
    """Eight bytes that tell files apart, as an int64."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big", signed=True)


def _as_is(found: Any) -> Any:
    return found


def _read(content: bytes, resolution: int) -> Image.Image:
    """One file, by nothing but the readers of pictures: what goes wrong here is the file's fault."""
    with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
        opened.draft("RGB", (2 * resolution, 2 * resolution))  # large JPEGs at a fraction: fast
        return opened.convert("RGB")


def _upright(picture: Image.Image) -> Image.Image:
    """A picture turned as its camera says; as it is where what the camera says is damaged.

    One tag is read, and nothing written: Pillow's own `exif_transpose` fails where any other tag is damaged.
    """
    try:
        turn = UPRIGHT.get(picture.getexif().get(ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - as above; but the picture itself is whole
        return picture
    return picture if turn is None else picture.transpose(turn)


def _square(picture: Image.Image, resolution: int) -> np.ndarray | None:
    """A picture to (3, R, R) uint8: its centre square, Lanczos; None if it is too small."""
    side = min(picture.size)
    if 2 * side < resolution:
        return None
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    picture = picture.crop((left, top, left + side, top + side))
    if side != resolution:
        picture = picture.resize((resolution, resolution), Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.array(picture).transpose(2, 0, 1))
