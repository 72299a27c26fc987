"""The authors' Chainer files (.npz): which part a file holds, and its sizes, read off names and shapes alone.

The layout of `chainer_names.py` whose names fit best is taken, and then they must fit exactly, but for the dead keys.
Any depth, width and class count is read, not only the published ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isqrt

import torch
from torch import Tensor

from ..errors import CheckpointError, InputError
from ..networks.auxiliary import AuxiliaryConfig
from ..networks.sngan import GeneratorConfig
from ..networks.sngan_discriminator import DiscriminatorConfig
from ..networks.sngan_encoder import EncoderConfig
from .chainer_names import DEAD_KEYS, LAYOUTS, OPTIONAL, Layout
from .contents import Contents, some
from .outline import Config, Outline

__all__ = ["outline", "states"]

FIXED_RATE = 0.01
"""Where the original's step size ends when it is not learned (`limit_fast_alpha`) and so is not in the file."""

Shape = Callable[[str, int], tuple[int, ...]]
"""Gives the shape of a named tensor, which must have that many axes."""


def outline(contents: Contents) -> Outline:
    """What an authors' file holds.

    Raises:
        CheckpointError: names that no layout has (the nearest one is told), or shapes that contradict one another.
    """
    layout, last = _detect(contents)

    def shape(name: str, axes: int) -> tuple[int, ...]:
        if len(contents.shapes[name]) != axes:
            raise CheckpointError(
                f"{name} of the authors' {layout.title} has {axes} axes; in {contents.path.name} its shape is "
                f"{contents.shapes[name]}. Check the file."
            )
        return contents.shapes[name]

    readers = {"generator": _generator, "discriminator": _discriminator, "encoder": _encoder, "auxiliary": _auxiliary}
    try:
        configs = readers[layout.part](shape, last, set(contents.shapes))
    except InputError as error:
        raise CheckpointError(
            f"The shapes in {contents.path.name} must be those of a {layout.title}. {error} Check the file."
        ) from error
    return Outline("sngan", configs, facts={"provenance": f"the authors' Chainer file {contents.path.name}"})


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """For each part in the file, its weights under canonical names.

    Raises:
        CheckpointError: as `outline`; or damaged data.
    """
    layout, last = _detect(contents)
    names = layout.names(last)
    found: dict[str, dict[str, Tensor]] = {part: {} for part, _ in names.values()}
    for name, tensor in contents.tensors(names.keys() & contents.shapes.keys()).items():
        part, canonical = names[name]
        one_row = canonical.endswith((".gammas", ".betas")) and tensor.dim() == 1
        found[part][canonical] = tensor[None] if one_row else tensor
    if layout.part == "auxiliary":
        found["auxiliary"].setdefault("rates", torch.full_like(found["auxiliary"]["a2.bias"], FIXED_RATE))
    return found


def _detect(contents: Contents) -> tuple[Layout, int]:
    """The layout of a file, and the number of its last block."""
    present = set(contents.shapes)
    last = max((int(number) for name in present for number in re.findall(r"^block(\d{1,2})/", name)), default=0)

    def alive(layout: Layout) -> set[str]:
        return {name for name in present if not re.fullmatch(DEAD_KEYS[layout.part], name)}

    def likeness(layout: Layout) -> float:
        names = layout.names(last).keys()
        return len(names & present) / len(names | alive(layout))

    layout = max(LAYOUTS, key=likeness)
    names = layout.names(last).keys()
    missing, unknown = names - present - OPTIONAL, alive(layout) - names
    if last < 2 or missing or unknown:
        details = ["lacks residual blocks"] if last < 2 else []
        details += [f"lacks {some(missing)}"] * bool(missing) + [f"has the unknown {some(unknown)}"] * bool(unknown)
        raise CheckpointError(
            f"The names in {contents.path.name} must be those of one of the authors' networks. The nearest is their "
            f"{layout.title}, but the file {' and '.join(details)}. Give the .npz of one network, as the authors "
            "save it."
        )
    return layout, last


def _generator(shape: Shape, last: int, names: set[str]) -> dict[str, Config]:
    rows, dim_z = shape("l1/W", 2)
    blocks = range(2, last + 1)
    channels = (shape("block2/c1/W", 4)[1], *(shape(f"block{n}/c2/W", 4)[0] for n in blocks))
    n_classes = shape("block2/b1/gammas/W", 2)[0] if "block2/b1/gammas/W" in names else 1
    return {"generator": GeneratorConfig(channels, n_classes, dim_z, _side("l1/W", rows, channels[0]))}


def _auxiliary(shape: Shape, last: int, names: set[str]) -> dict[str, Config]:
    (dim_a, dim_z), (dim_zeta, _), (dim_b, _) = (shape(name, 2) for name in ("lA1/W", "lA2/W", "lB1/W"))
    pair = AuxiliaryConfig(dim_z, dim_a, dim_zeta, dim_b)
    return {**_generator(shape, last, names), "auxiliary": pair}


def _encoder(shape: Shape, last: int, names: set[str]) -> dict[str, Config]:
    first, linear = ("block1", f"l{last + 1}_enc") if "block1/W" in names else ("l1", f"l{last + 1}")
    dim_z, columns = shape(f"{linear}/W", 2)
    channels = (shape(f"{first}/W", 4)[0], *(shape(f"block{n}/c2/W", 4)[0] for n in range(2, last + 1)))
    n_classes = shape("block2/b1/gammas/W", 2)[0] if "block2/b1/gammas/W" in names else 1
    return {"encoder": EncoderConfig(channels, n_classes, dim_z, _side(f"{linear}/W", columns, channels[-1]))}


def _discriminator(shape: Shape, last: int, names: set[str]) -> dict[str, Config]:
    blocks = range(1, last + 1)
    channels = tuple(shape(f"block{n}/c2/W", 4)[0] for n in blocks)
    hidden = tuple(shape(f"block{n}/c1/W", 4)[0] for n in blocks)
    shrinking = sum(f"block{n}/c_sc/W" in names for n in blocks)
    n_classes = shape("l_y/W", 2)[0] if "l_y/W" in names else 0
    # No weight tells the picture's size. The original's end at 4x4 pixels, or at 2x2 where every block shrinks.
    resolution = (2 if shrinking == last else 4) * 2**shrinking
    return {"discriminator": DiscriminatorConfig(channels, hidden, shrinking, n_classes, resolution)}


def _side(name: str, length: int, channels: int) -> int:
    """Side of the square map that a linear layer makes or reads, from the length of its vector."""
    side = isqrt(length // channels)
    if side * side * channels != length:
        raise CheckpointError(
            f"{name} must belong to a square map of {channels} channels; {length} numbers do not make one. "
            "Check the file."
        )
    return side
