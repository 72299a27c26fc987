"""A training set: a zip or a folder of class folders, decoded once into one tensor of bytes.

The name of the folder that a picture lies in is its class. Pictures are cropped to the centre square and resized. Every
n-th picture of a class, in order of names, can be held out; the rule depends on names alone, so the same pictures are
held out in every run.

Shapes: M pictures, R picture size.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import DataError

__all__ = ["ImageSet", "load_images", "to_network"]

SUFFIXES = {".jpg", ".jpeg", ".png"}
FORMATS = ("JPEG", "PNG")  # by content: other readers of Pillow's may start programs of their own
IN_MEMORY_BYTES = 8 * 2**30  # larger sets are mapped from a temporary file
Reader = Callable[[str], bytes]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Decoded pictures with their classes."""

    images: Tensor
    """(M, 3, R, R) uint8."""
    labels: Tensor
    """(M,) class numbers, int64."""
    class_names: tuple[str, ...]
    """Name of each class number."""
    skipped: tuple[str, ...] = ()
    """Files that could not be decoded."""

    def __len__(self) -> int:
        return len(self.images)

    def draw(self, count: int, generator: torch.Generator, flips: bool) -> tuple[Tensor, Tensor]:
        """`count` random pictures, each equally likely every time: (count, 3, R, R) in [-1, 1], and labels (count,).

        With `flips`, each is mirrored left to right with probability one half. Randomness comes from `generator` alone.
        """
        chosen = torch.randint(len(self), (count,), generator=generator)
        images = to_network(self.images[chosen])
        if flips:
            mirrored = torch.rand(count, 1, 1, 1, generator=generator) < 0.5
            images = torch.where(mirrored, images.flip(3), images)
        return images, self.labels[chosen]


def to_network(pictures: Tensor) -> Tensor:
    """uint8 pictures (N, 3, R, R) to floats in [-1, 1]; a sheet gives them back exactly."""
    return pictures.float() / 127.5 - 1


def load_images(
    path: Path, resolution: int, classes: Sequence[str] | None = None, hold_out: int = 0, held_out: bool = False
) -> ImageSet:
    """Read a training set.

    Args:
        path: a zip, or a folder, of class folders with JPEG or PNG files.
        resolution: side of the pictures wanted, in pixels.
        classes: names of the classes to take, in the order of their numbers; None for all, sorted by name.
        hold_out: n to hold out every n-th picture of each class, starting with the first; 0 for none.
        held_out: True to get the held-out pictures themselves, False to get the others.

    Raises:
        DataError: nothing to read there, a class that is not there or has no picture left beside those held out, or
            most files cannot be decoded.
    """
    if hold_out < 0 or hold_out == 1:
        raise DataError(f"Hold out every second picture or fewer (2 or more), or none (0); got {hold_out}.")
    with _open(Path(path)) as (names, read):
        folders = _by_class(names, path)
        class_names = _choose(folders, classes, path)
        files = [
            (name, number)
            for number, class_name in enumerate(class_names)
            for index, name in enumerate(folders[class_name])
            if (bool(hold_out) and index % hold_out == 0) == held_out
        ]
        _refuse_empty(class_names, {number for _, number in files}, hold_out, held_out)
        return _decode_all(files, class_names, read, resolution)


@contextmanager
def _open(path: Path) -> Iterator[tuple[list[str], Reader]]:
    """Names of all files under a zip or folder, and the function that reads one."""
    if path.is_dir():
        names = [p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()]
        yield names, lambda name: (path / name).read_bytes()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield archive.namelist(), archive.read
    else:
        raise DataError(f"Training needs a zip or a folder of class folders; {path} is neither. Check the path.")


def _by_class(names: list[str], path: Path) -> dict[str, list[str]]:
    """Class name -> its files in order of names."""
    folders: dict[str, list[str]] = {}
    for name in sorted(names):
        pure = PurePosixPath(name)
        hidden = any(part.startswith((".", "__MACOSX")) for part in pure.parts)
        if pure.suffix.lower() in SUFFIXES and len(pure.parts) > 1 and not hidden:
            folders.setdefault(pure.parent.name, []).append(name)
    if not folders:
        raise DataError(
            f"Training needs JPEG or PNG files in one folder for each class; {path} has no class folder with any."
            " Put the pictures of each class into a folder named after it; one folder will do."
        )
    return folders


def _choose(folders: dict[str, list[str]], classes: Sequence[str] | None, path: Path) -> tuple[str, ...]:
    missing = [name for name in classes or () if name not in folders]
    if missing:
        raise DataError(f"{path} has no class {', '.join(missing)}. It has: {', '.join(sorted(folders))}.")
    if classes is not None and len(set(classes)) < max(1, len(classes)):
        raise DataError(f"Name one or more classes, each once; got {', '.join(classes) or 'none'}.")
    return tuple(classes or sorted(folders))


def _refuse_empty(class_names: tuple[str, ...], found: set[int], hold_out: int, held_out: bool) -> None:
    empty = [name for number, name in enumerate(class_names) if number not in found]
    if empty and not (held_out and not hold_out):
        raise DataError(
            f"Every class needs a picture {'among' if held_out else 'beside'} those held out (every {hold_out}th); "
            f"none is left of {', '.join(empty)}. Add pictures, or hold out none (0)."
        )


def _decode_all(files: list[tuple[str, int]], class_names: tuple[str, ...], read: Reader, resolution: int) -> ImageSet:
    """Decode every file into one tensor; those that cannot be decoded are left out and named."""
    images = _room(len(files), resolution)
    labels, skipped = [], []
    for name, number in files:
        try:
            pixels = _decode(read(name), resolution)
        except (OSError, ValueError, SyntaxError, zipfile.BadZipFile, Image.DecompressionBombError):
            skipped.append(name)  # Pillow reports broken files by any of these
            continue
        images[len(labels)] = pixels
        labels.append(number)
    if len(skipped) > len(labels) or not labels:
        first = ", ".join(skipped[:5])
        raise DataError(
            f"Training needs pictures; of {len(files)} files {len(skipped)} could not be decoded: {first}."
            " Check that they are whole JPEG or PNG files, and that some are left beside those held out."
        )
    return ImageSet(images[: len(labels)], torch.tensor(labels), class_names, tuple(skipped))


def _room(count: int, resolution: int) -> Tensor:
    """An uninitialised (count, 3, R, R) uint8 tensor, in memory when it fits, else mapped from a temporary file."""
    size = count * 3 * resolution**2
    if size <= IN_MEMORY_BYTES:
        return torch.empty(count, 3, resolution, resolution, dtype=torch.uint8)
    with tempfile.TemporaryFile() as file:  # the map outlives the name and the handle
        return torch.from_numpy(np.memmap(file, np.uint8, "w+", shape=(count, 3, resolution, resolution)))


def _decode(data: bytes, resolution: int) -> Tensor:
    """One file to (3, R, R) uint8: centre square, Lanczos."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
        picture = opened.convert("RGB")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    picture = picture.crop((left, top, left + side, top + side))
    if side != resolution:
        picture = picture.resize((resolution, resolution), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)
