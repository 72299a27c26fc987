"""The projection discriminator of SNGAN (Miyato & Koyama 2018), whose features measure reconstruction (paper eq. 4).

Shapes: N images, C channels, R picture size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from .discriminator import ProjectionDiscriminator
from .initialisation import initialise
from .spectral import SpectralConv2d, SpectralEmbedding, SpectralLinear

__all__ = ["DISCRIMINATOR_CHANNELS", "DiscriminatorConfig", "SNGANDiscriminator", "discriminator_config"]

DISCRIMINATOR_CHANNELS = {
    # layout: width of each block's output as multiples of ch, which of its two widths the first convolution of
    # blocks 2.. has, how many blocks shrink
    "64": ((1, 2, 4, 8, 16), "input", 5),
    "64-deep": ((1, 2, 4, 8, 8), "input", 4),
    "128": ((1, 2, 4, 4, 8, 8), "input", 5),
    "128-wide": ((1, 2, 4, 8, 16, 16), "input", 5),
    "256": ((1, 2, 4, 8, 8, 16, 16), "output", 6),
}


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Everything that fixes the shape of an SNGAN discriminator."""

    channels: tuple[int, ...]
    """Width of each block's output."""
    hidden: tuple[int, ...]
    """Width of the first convolution of each block."""
    shrinking: int
    """How many blocks, from the first on, halve the size; the others have no convolution on their side path."""
    n_classes: int
    """Number of classes; 0 for a discriminator that knows none."""
    resolution: int
    """Side of the pictures it was made for, in pixels."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "hidden", tuple(self.hidden))
        blocks = len(self.channels)
        if blocks < 2 or len(self.hidden) != blocks or not 1 <= self.shrinking <= blocks:
            raise InputError(
                "A discriminator needs two or more blocks, one hidden width for each, and 1 to all of them shrinking;"
                f" got {self}."
            )
        if min(*self.channels, *self.hidden, self.resolution) < 1 or self.n_classes < 0:
            raise InputError(f"A discriminator needs positive widths and a positive size; got {self}.")
        # From the last shrinking block on nothing changes the width.
        if len(set(self.channels[self.shrinking - 1 :])) > 1:
            raise InputError(f"A block that does not shrink must keep its width; got {self}.")


def discriminator_config(layout: str, ch: int, n_classes: int) -> DiscriminatorConfig:
    """The configuration of a layout of `DISCRIMINATOR_CHANNELS` at width ch."""
    multiples, hidden_width, shrinking = DISCRIMINATOR_CHANNELS[layout]
    channels = tuple(m * ch for m in multiples)
    hidden = (channels[0], *(channels[:-1] if hidden_width == "input" else channels[1:]))
    return DiscriminatorConfig(channels, hidden, shrinking, n_classes, resolution=int(layout.split("-")[0]))


def down(x: Tensor) -> Tensor:
    """Mean of 2x2 pixels: (N, C, h, w) -> (N, C, h/2, w/2)."""
    return F.avg_pool2d(x, 2)


class FirstBlock(nn.Module):
    """conv, ReLU, conv, down; side path down, 1x1 conv. No ReLU before the first convolution: it reads the picture."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.conv1 = SpectralConv2d(3, hidden, 3)
        self.conv2 = SpectralConv2d(hidden, width, 3)
        self.side = SpectralConv2d(3, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, h, w) -> (N, C, h/2, w/2)."""
        return down(self.conv2(F.relu(self.conv1(x)))) + self.side(down(x))


class ShrinkingBlock(nn.Module):
    """ReLU, conv, ReLU, conv, down; side path 1x1 conv and down of the raw input."""

    def __init__(self, width_in: int, hidden: int, width_out: int) -> None:
        super().__init__()
        self.conv1 = SpectralConv2d(width_in, hidden, 3)
        self.conv2 = SpectralConv2d(hidden, width_out, 3)
        self.side = SpectralConv2d(width_in, width_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, h, w) -> (N, Cout, h/2, w/2)."""
        h = self.conv2(F.relu(self.conv1(F.relu(x))))
        # A 1x1 convolution commutes with the mean of pixels, and is four times cheaper after it.
        return down(h) + self.side(down(x))


class FlatBlock(nn.Module):
    """ReLU, conv, ReLU, conv; side path is the raw input itself."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.conv1 = SpectralConv2d(width, hidden, 3)
        self.conv2 = SpectralConv2d(hidden, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w)."""
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class SNGANDiscriminator(ProjectionDiscriminator):
    """Residual blocks down to a small map; logit = linear of its sum over pixels, plus the class row times that sum."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        self.resolution = config.resolution
        self.blocks = nn.ModuleList([FirstBlock(config.channels[0], config.hidden[0])])
        for i in range(1, len(config.channels)):
            width_in, hidden, width_out = config.channels[i - 1], config.hidden[i], config.channels[i]
            shrinks = i < config.shrinking
            self.blocks.append(ShrinkingBlock(width_in, hidden, width_out) if shrinks else FlatBlock(width_out, hidden))
        self.linear = SpectralLinear(config.channels[-1], 1)
        self.embed = SpectralEmbedding(config.n_classes, config.channels[-1]) if config.n_classes else None
        self.apply(initialise)
