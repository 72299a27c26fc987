"""Batches in pieces: a long batch is worked on a few items at a time, and fewer where memory runs out.

No picture depends on its batch-mates, so a batch may be cut anywhere. What is cut is a value made of values (a collage,
a latent): every tensor in it has one item for each picture, or a single one for all.

Shapes: N items of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from .collage import Collage, FeatureEdit
from .errors import InputError
from .latent import Latent
from .ranges import expect, whole

__all__ = ["count_pictures", "cut_batch", "in_pieces", "join_latents"]

T = TypeVar("T")
Result = TypeVar("Result")

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "status_alloc_failed")
"""What PyTorch says when memory runs out on a device that has no error class for it."""


def count_pictures(collage: Collage) -> int:
    """How many pictures a collage makes: the longest batch of its latent, maps, painted styles, masks, references.

    Raises:
        InputError: it is no collage.
    """
    return _count(expect(collage, Collage, "What is to be drawn"), {})


def _count(collage: Collage, known: dict[int, int]) -> int:
    """`known` keeps the counts found, by identity: a reference that is used twice is counted once."""
    if id(collage) not in known:
        counts = [len(collage)]
        for edit in collage.edits:
            if isinstance(edit, FeatureEdit):
                counts += [len(edit.mask), _count(edit.reference, known)]
            else:
                painted = [label for label in edit.class_map.labels if isinstance(label, Collage)]
                counts += [len(edit.class_map.weights), *map(len, painted)]
        known[id(collage)] = max(counts)
    return known[id(collage)]


def cut_batch(value: T, count: int, piece: slice) -> T:
    """Some items of a batch: the same value with every tensor of `count` items cut to `piece`.

    Args:
        value: a tensor (N, ...), or a frozen value made of such tensors, such as a `Collage` or a `Latent`. What occurs
            twice inside is still one value afterwards, so that a reference used twice is drawn once.
        count: N. Single tensors are for all items and stay as they are.
        piece: which items.

    Returns:
        `value` itself where the piece is the whole batch.

    Raises:
        InputError: a tensor inside has neither one item nor N.
    """
    return value if len(range(count)[piece]) == count else _cut(value, count, piece, {})


def _cut(value: Any, count: int, piece: slice, known: dict[int, Any]) -> Any:
    if id(value) not in known:
        if isinstance(value, Tensor):
            known[id(value)] = _cut_tensor(value, count, piece)
        elif isinstance(value, tuple):
            known[id(value)] = tuple(_cut(each, count, piece, known) for each in value)
        elif is_dataclass(value) and not isinstance(value, type):
            parts = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
            known[id(value)] = replace(value, **{key: _cut(part, count, piece, known) for key, part in parts.items()})
        else:
            known[id(value)] = value
    return known[id(value)]


def _cut_tensor(tensor: Tensor, count: int, piece: slice) -> Tensor:
    if len(tensor) not in (1, count):
        raise InputError(
            f"Latents, masks and references must come singly or {count} at a time, one for each picture; "
            f"got {len(tensor)}."
        )
    return tensor[piece] if len(tensor) == count else tensor


def join_latents(latents: Sequence[Latent]) -> Latent:
    """The latents of the pieces of a batch as one again: what undoes `cut_batch`.

    Args:
        latents: at least one, all of one family.
    """
    counts = [len(latent) for latent in latents]
    parts = {field.name: [getattr(latent, field.name) for latent in latents] for field in fields(Latent)}
    return latents[0] if len(latents) == 1 else Latent(**{key: _joined(each, counts) for key, each in parts.items()})


def _joined(values: Sequence[Any], counts: list[int]) -> Any:
    """What belongs to the items is put together; what is single, and for all, is the same in every piece."""
    if isinstance(values[0], tuple):
        return tuple(_joined(each, counts) for each in zip(*values, strict=True))
    if isinstance(values[0], Tensor) and [len(value) for value in values] == counts:
        return torch.cat(list(values))
    return values[0]


def in_pieces(
    count: int, work: Callable[[slice], Result], at_most: int, halved: Callable[[int], None] | None = None
) -> Iterator[tuple[int, Result]]:
    """Do the work on `at_most` items at a time; where memory runs out, on half as many from there on.

    Args:
        count: how many items there are.
        work: does some of them: gets the slice, gives the result.
        at_most: how many items to begin with.
        halved: told the new number of items whenever memory ran out, before the next try.

    Yields:
        how many items are done, and the result of the last piece.

    Raises:
        InputError: a count that is no whole number from 1 on.
        RuntimeError: PyTorch's own, where memory does not suffice for a single item.
    """
    count, size = whole(count, "The number of items", 1), whole(at_most, "The number of items at a time", 1)
    done = 0
    while done < count:
        piece = slice(done, min(done + size, count))
        finished = _unless_out_of_memory(work, piece)
        if finished:
            done = piece.stop
            yield done, finished[0]
        else:
            size = (piece.stop - piece.start) // 2
            if halved is not None:
                halved(size)


def _unless_out_of_memory(work: Callable[[slice], Result], piece: slice) -> list[Result]:
    """The result, or nothing where memory ran out and fewer items may do.

    The error is let go here: while it is held, so are all tensors of the calls that it passed through.
    """
    try:
        return [work(piece)]
    except RuntimeError as error:
        if piece.stop - piece.start == 1 or not _is_out_of_memory(error):
            raise
        return []


def _is_out_of_memory(error: RuntimeError) -> bool:
    """CUDA and Intel GPUs have an error class for it; Apple's GPU, the CPU and CUDA's libraries only say so."""
    said = str(error).lower()
    return isinstance(error, torch.cuda.OutOfMemoryError) or any(words in said for words in OUT_OF_MEMORY)
