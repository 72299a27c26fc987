"""A training set, decoded into one tensor of bytes, and the batches drawn from it.

Shapes: M pictures, S side of the squares that are kept, R side of those wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from ..errors import DataError
from ..ranges import whole
from .decoding import CORRUPT, TINY, decode_all, default_workers
from .draws import Draws
from .sources import find_files, select

__all__ = ["ImageSet", "load_images", "to_network"]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Decoded pictures with their classes."""

    images: Tensor
    """(M, 3, S, S) uint8."""
    labels: Tensor
    """(M,) class numbers, int64."""
    class_names: tuple[str, ...]
    """Name of each class number."""
    skipped: tuple[str, ...] = ()
    """Files that could not be decoded."""
    tiny: tuple[str, ...] = ()
    """Files that are smaller than half the size wanted."""
    names: tuple[str, ...] = ()
    """Files of the pictures, where they come from files."""
    digests: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    """(M,) int64, of the bytes of these files, whatever their names; empty where there are none."""
    hold_out: int = 0
    """Every n-th picture of each class was held out; 0: none."""

    def __len__(self) -> int:
        return len(self.images)

    def draw(
        self, count: int, draws: Draws, *, flips: bool = False, balance: bool = False, noise: float = 0.0, size: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Random pictures, (count, 3, R, R) in [-1, 1], and their labels (count,). All randomness comes from `draws`.

        Args:
            count: how many.
            draws: what is random.
            flips: mirror each left to right with probability one half.
            balance: every class is equally likely, else every picture.
            noise: uniform noise from 0 to this is added to every number.
            size: side R of the square that is cut out at a random place; 0 for the whole.
        """
        chosen = self._choose(count, draws, balance)
        images = to_network(self.images[chosen])
        if flips:
            images = torch.where(draws.uniform(count, 1, 1, 1) < 0.5, images.flip(3), images)
        if 0 < size < images.shape[-1]:
            corners = draws.whole(images.shape[-1] - size + 1, count, 2).tolist()
            cut = zip(images, corners, strict=True)
            images = torch.stack([one[:, y : y + size, x : x + size] for one, (y, x) in cut])
        if noise:
            images = images + noise * draws.uniform(count, *images.shape[1:])
        return images, self.labels[chosen]

    def _choose(self, count: int, draws: Draws, balance: bool) -> Tensor:
        if not balance:
            return draws.whole(len(self), count)
        order, counts = self._classes
        classes = draws.whole(len(counts), count)
        within = (draws.uniform(count) * counts[classes]).long()
        return order[counts.cumsum(0)[classes] - counts[classes] + within]

    @cached_property
    def _classes(self) -> tuple[Tensor, Tensor]:
        """Places sorted by class (M,), and how many each has (C,)."""
        return self.labels.argsort(stable=True), self.labels.bincount(minlength=len(self.class_names))

    def middle(self, size: int) -> ImageSet:
        """The same pictures cut down to their middle square of side R."""
        start = (self.images.shape[-1] - size) // 2
        return replace(self, images=self.images[:, :, start : start + size, start : start + size])

    def still(self, chosen: Tensor) -> Tensor:
        """The pictures at these places (N,) as they are: (N, 3, S, S) in [-1, 1]."""
        return to_network(self.images[chosen])


def to_network(pictures: Tensor) -> Tensor:
    """uint8 pictures (N, 3, R, R) to floats in [-1, 1]; a sheet gives them back exactly."""
    return pictures.float() / 127.5 - 1


def load_images(
    path: Path,
    resolution: int,
    classes: Sequence[str] | None = None,
    hold_out: int = 0,
    held_out: bool = False,
    workers: int | None = None,
) -> ImageSet:
    """Read a training set.

    Args:
        path: a zip, or a folder, of class folders with JPEG or PNG files of any size; or a CSV (`sources.find_files`).
        resolution: side of the pictures wanted, in pixels.
        classes: names of the classes to take, in the order of their numbers; None for all, sorted by name.
        hold_out: n to hold out every n-th picture of each class, starting with the first; 0 for none.
        held_out: True to get the held-out pictures themselves, False to get the others.
        workers: how many processes decode; 0 for this one; None for as many as it takes.

    Raises:
        DataError: nothing to read there, a class that is not there or has no picture left beside those held out, or
            most files to train on cannot be used. Of those held out there may be none that can.
        InputError: a number of workers below 0.
        TrainingError: neither memory nor the temporary folder has room for the pictures.
    """
    files = find_files(path)
    chosen = select(files, classes, hold_out, held_out)
    workers = default_workers(len(chosen.names)) if workers is None else whole(workers, "The number of workers", 0)
    images, digests, kept, skipped = decode_all(files, chosen.names, resolution, workers)
    found = ImageSet(
        images,
        torch.tensor(chosen.labels)[kept],
        chosen.class_names,
        tuple(name for name, why in skipped.items() if why == CORRUPT),
        tuple(name for name, why in skipped.items() if why == TINY),
        tuple(chosen.names[place] for place in kept),
        digests,
        hold_out,
    )
    if not held_out:
        _refuse_unusable(found, resolution)
    return found


def _refuse_unusable(found: ImageSet, resolution: int) -> None:
    bad = [*found.skipped, *found.tiny]
    if len(bad) > len(found) or not len(found):
        raise DataError(
            f"Training needs pictures; of {len(found) + len(bad)} files {len(found.skipped)} could not be decoded and "
            f"{len(found.tiny)} are smaller than {resolution // 2} px: {', '.join(bad[:5])}. Check that they are whole "
            "JPEG or PNG files, and that some are left beside those held out; or train at a smaller size."
        )
    counts = found.labels.bincount(minlength=len(found.class_names)).tolist()
    empty = [name for name, count in zip(found.class_names, counts, strict=True) if not count]
    if empty:
        raise DataError(f"Every class needs a picture that can be used; none of {', '.join(empty)} can.")
