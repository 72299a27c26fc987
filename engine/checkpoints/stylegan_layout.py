"""How implementations of StyleGAN (1) lay out their weights: what a network is made from, and where each item lies.

A layout says where each item is (`Layout.place`) and how its implementation scales it (`Factors`). Items are

    dense.weight, dense.bias       dense layer n of the mapping network: (out, in), (out,)
    label, mean                    class vectors (classes, E); the mean style (1, V)
    constant                       (1, C, 4, 4)
    weight, bias                   convolution of layer n: (out, in, 3, 3), (out,); layer 0 has no convolution
    strength, noise                of the noise of layer n: C numbers, (1, 1, r, r)
    style.weight, style.bias       (2C, V), (2C,)
    picture.weight, picture.bias   to the picture, from block n: (3, C, 1, 1), (3,)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from ..networks.stylegan import BOTTOM, StyleGANConfig
from .contents import Contents

__all__ = ["TRUNCATED", "Factors", "Item", "Layout", "Place", "entry_of", "items_of", "left_out"]

Item = tuple[str, int]
"""What it is, and the number of its layer or block."""
TRUNCATED = 8
"""How many layers the original truncates unless told otherwise (`truncation_cutoff`)."""


@dataclass(frozen=True)
class Place:
    """Where a weight lies in a file."""

    name: str
    axes: tuple[int, ...] = ()
    """The order in which its axes are to be taken; empty for their own."""

    def turned(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of what lies here, its axes in that order."""
        return tuple(shape[axis] for axis in self.axes or range(len(shape)))


@dataclass(frozen=True)
class Factors:
    """What an implementation multiplies its weights with when it runs, and what else it does in its own way. The
    defaults are the original's.

    Weights are divided by the root of their fan-in everywhere (equalised learning rate, Karras et al. 2018, section
    4.1), and dense layers and convolutions multiplied by sqrt(2)."""

    mapping: float = 0.01
    """Learning-rate multiplier of the mapping network: for weights and biases."""
    style: float = 1.0
    """Gain of style and picture layers."""
    noise: float | None = None
    """Gain of the strengths of noise, which are then divided by the root of the fan-in too; None: as they are."""
    added: float = 1.0
    """What is added to a style's multiplier."""
    fused_from: int = 128
    """The size in pixels from which on doubling is a transposed convolution, not a repetition and a convolution."""
    fused: float = 1.0
    """Factor of those transposed convolutions."""
    eps: float = 1e-8
    bias_before_blur: bool = False
    shared_noise: bool = False


@dataclass(frozen=True)
class Layout:
    """How one implementation lays its weights out."""

    title: str
    """For messages: whose."""
    entry: str
    """What stands before every name: where the generator is among the networks of the file."""
    place: Callable[[str, int], Place | None]
    """Where an item of layer (or block) n lies, without `entry`; None for what such files never have."""
    dead: str
    """Pattern of the names, without `entry`, that are not needed."""
    factors: Factors = field(default_factory=Factors)
    untrained: int = 0
    """How many blocks at the end are not used, because training has not come to them."""
    truncated_layers: int | None = TRUNCATED
    """None for all."""


def entry_of(contents: Contents, landmark: str, averaged: str) -> str:
    """What stands before `landmark`, a name that the generator has; of several networks the `averaged` one's."""
    found = [name.removesuffix(landmark) for name in contents.shapes if name.endswith(landmark)]
    return next((entry for entry in found if entry.startswith(averaged)), found[0])


def left_out(lod: float) -> int:
    """How many blocks at the end training has not come to, at a level of detail (Karras et al. 2018, section 2): each
    halves the picture. A fraction tells that a block is being faded in, and counts as done."""
    return int(lod) if 0 <= lod < 10 else 0


def items_of(config: StyleGANConfig, channels: tuple[int, ...]) -> Iterator[tuple[Item, tuple[int, ...]]]:
    """Everything that a network is made from, with its shape."""
    for number, (before, width) in enumerate(pairwise((config.dim_z + config.dim_class, *config.mapping_widths))):
        yield ("dense.weight", number), (width, before)
        yield ("dense.bias", number), (width,)
    if config.dim_class:
        yield ("label", 0), (config.n_classes, config.dim_class)
    yield ("mean", 0), (1, config.dim_w)
    yield ("constant", 0), (1, channels[0], BOTTOM, BOTTOM)
    for layer in range(2 * len(channels)):
        width, before, size = channels[layer // 2], channels[(layer - 1) // 2], BOTTOM << layer // 2
        if layer:
            yield ("weight", layer), (width, before, 3, 3)
        yield ("bias", layer), (width,)
        yield ("strength", layer), (width,)
        yield ("noise", layer), (1, 1, size, size)
        yield ("style.weight", layer), (2 * width, config.dim_w)
        yield ("style.bias", layer), (2 * width,)
    last = len(channels) - 1
    yield ("picture.weight", last), (3, channels[last], 1, 1)
    yield ("picture.bias", last), (3,)
