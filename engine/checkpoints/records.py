"""What a foreign file comes apart into besides plain values: records of objects, and tensors that lie in the file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .guard import Guard
from .stretch import Stretch

__all__ = ["Record", "Storage", "Stored", "is_size", "view"]

LARGEST = 2**48


@dataclass(frozen=True, eq=False)
class Record:
    """An object whose class or function the file names. Neither is ever looked up or called."""

    name: str
    """As the file has it, such as "dnnlib.tflib.network.Network"; old names of modules are brought up to date."""
    arguments: tuple[Any, ...] = ()
    """What it would have been called with: plain data. Empty too where the file only mentions the name."""
    state: Any = None
    """What the object's state would have been set to: plain data, or None."""


@dataclass(eq=False)
class Storage:
    """Numbers of one kind in a row, in the file."""

    dtype: torch.dtype
    """Of the numbers as they lie there."""
    count: int
    """How many there are."""
    where: Stretch | None = None
    """Where they lie: known only later in the legacy format, whose numbers follow the pickles."""
    swapped: bool = False
    """Whether the most significant byte comes first."""

    def read(self, start: int, count: int) -> Tensor:
        """The numbers from `start` on, (count,), in their own dtype; a copy.

        Raises:
            CheckpointError: the file has changed or cannot be read.
        """
        size = self.dtype.itemsize
        buffer = torch.empty(count * size, dtype=torch.uint8)
        if self.where is not None and count:
            self.where.part(start * size, count * size).fill(memoryview(buffer.numpy().data))
        if self.swapped:
            buffer = buffer.view(count, size).flip(1).flatten()
        return buffer.ne(0) if self.dtype == torch.bool else buffer.view(self.dtype)


@dataclass(frozen=True, eq=False)
class Stored:
    """A tensor or numpy array that lies in the file, not read yet."""

    shape: tuple[int, ...]
    """Its shape."""
    dtype: torch.dtype
    """Of its numbers as they lie in the file."""
    storage: Storage
    """The row of numbers that it is a view of."""
    offset: int
    """Where in that row it begins, in numbers."""
    strides: tuple[int, ...]
    """Steps in the row along each axis, in numbers."""

    def read(self) -> Tensor:
        """A fresh contiguous copy: float32 where it is floating point, else in its own dtype.

        Raises:
            CheckpointError: the file has changed or cannot be read.
        """
        numbers = self.storage.read(self.offset, extent(self.shape, self.strides))
        view = numbers.as_strided(self.shape, self.strides)
        return (view.float() if self.dtype.is_floating_point else view).contiguous()


def extent(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """How many numbers of its row a view spans."""
    if 0 in shape:
        return 0
    return 1 + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))


def is_size(value: Any) -> bool:
    """Whether a value is a whole number that a size, an offset or a stride may be."""
    return type(value) is int and 0 <= value < LARGEST


def view(storage: Storage, offset: Any, shape: Any, strides: Any, guard: Guard) -> Stored:
    """A view of a storage, once it is found to lie within it.

    Raises:
        CheckpointError: sizes that are none, a view beyond its storage, or one that repeats numbers.
    """
    if not (is_size(offset) and _are_sizes(shape) and _are_sizes(strides) and len(shape) == len(strides)):
        raise guard.damaged("a tensor's shape and strides are no sizes")
    spanned = extent(shape, strides)
    if offset + spanned > storage.count or math.prod(shape) > storage.count:
        raise guard.damaged(f"a tensor of shape {shape} does not fit its storage of {storage.count} numbers")
    width = storage.dtype.itemsize
    guard.declare(max(math.prod(shape) * (4 if storage.dtype.is_floating_point else width), spanned * width))
    if storage.where is not None and storage.where.packed:
        guard.declare(len(storage.where))  # to read any part of a compressed member, all of it is unpacked
    return Stored(shape, storage.dtype, storage, offset, strides)


def _are_sizes(values: Any) -> bool:
    return type(values) is tuple and len(values) <= 16 and all(is_size(value) for value in values)
