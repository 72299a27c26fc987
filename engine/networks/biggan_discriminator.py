"""The discriminators of BigGAN and BigGAN-deep (Brock, Donahue & Simonyan 2019, appendix B) in ajbrock's layout.

Spectral norm is divided out when the file is read, so these are plain convolutions; `biggan_training.py` puts it back.

Shapes: N images, C channels, R picture size, h w space.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from .attention import SelfAttention
from .discriminator import ProjectionDiscriminator

__all__ = [
    "BigGANDeepDiscriminator",
    "BigGANDeepDiscriminatorConfig",
    "BigGANDiscriminator",
    "BigGANDiscriminatorConfig",
]


@dataclass(frozen=True)
class BigGANDiscriminatorConfig:
    """Everything that fixes the shape of a BigGAN discriminator."""

    channels: tuple[int, ...]
    """Width of each block's output; in BigGAN-deep of each stage's."""
    hidden: tuple[int, ...]
    """Width inside each block: its output's, or in "narrow" ones its input's; in BigGAN-deep a quarter."""
    shrinking: int
    """How many blocks (stages), from the first on, halve the size."""
    attention: tuple[int, ...]
    """Numbers of the blocks (stages), from 0, that end with self-attention."""
    n_classes: int
    """Number of classes; 0 for a discriminator that knows none."""
    resolution: int
    """Side of the pictures it was made for, in pixels."""

    def __post_init__(self) -> None:
        for name in ("channels", "hidden", "attention"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        blocks = len(self.channels)
        if blocks < 2 or len(self.hidden) != blocks or not 1 <= self.shrinking <= blocks:
            raise InputError(f"A discriminator needs two or more blocks, of which 1 to all shrink; got {self}.")
        if min(*self.channels, *self.hidden, self.resolution) < 1 or self.n_classes < 0:
            raise InputError(f"A discriminator needs positive widths and a positive size; got {self}.")
        if any(not 0 <= block < blocks or self.channels[block] < 8 for block in self.attention):
            raise InputError(f"Attention belongs to blocks of eight or more channels; got {self}.")


@dataclass(frozen=True)
class BigGANDeepDiscriminatorConfig(BigGANDiscriminatorConfig):
    """And of a BigGAN-deep one."""

    stem: int
    """Width of the first convolution."""
    depth: int
    """Blocks a stage; only the first of them changes size or width."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.stem, self.depth) < 1 or (self.stem, *self.channels) != tuple(sorted((self.stem, *self.channels))):
            raise InputError(f"Stages of BigGAN-deep are one or more blocks deep and never narrower; got {self}.")


def down(x: Tensor, shrinks: bool) -> Tensor:
    """Mean of 2x2 pixels, (N, C, h, w) -> (N, C, h/2, w/2), where the block shrinks."""
    return F.avg_pool2d(x, 2) if shrinks else x


class BigGANDiscriminatorBlock(nn.Module):
    """conv, ReLU, conv, down; side path down, 1x1 conv. All but the first block begin with a ReLU on the main path."""

    def __init__(self, config: BigGANDiscriminatorConfig, number: int) -> None:
        super().__init__()
        width_in, width_out = (3, *config.channels)[number : number + 2]
        self.rectifies, self.shrinks = number > 0, number < config.shrinking
        self.conv1 = nn.Conv2d(width_in, config.hidden[number], 3, padding=1)
        self.conv2 = nn.Conv2d(config.hidden[number], width_out, 3, padding=1)
        has_side = self.shrinks or width_in != width_out
        self.side = nn.Conv2d(width_in, width_out, 1) if has_side else nn.Identity()
        self.attention = SelfAttention(width_out) if number in config.attention else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, h, w) -> (N, Cout, h/2, w/2), or of the same size where the block does not shrink."""
        h = self.conv2(F.relu(self.conv1(F.relu(x) if self.rectifies else x)))
        # A 1x1 convolution commutes with the mean of pixels, and is four times cheaper after it.
        return self.attention(down(h, self.shrinks) + self.side(down(x, self.shrinks)))


class BigGANDiscriminator(ProjectionDiscriminator):
    """Residual blocks down to a small map; logit = linear of its sum over pixels, plus the class row times that sum."""

    def __init__(self, config: BigGANDiscriminatorConfig) -> None:
        super().__init__()
        self.config, self.resolution = config, config.resolution
        self.blocks = nn.ModuleList(BigGANDiscriminatorBlock(config, i) for i in range(len(config.channels)))
        self.linear = nn.Linear(config.channels[-1], 1)
        self.embed = nn.Embedding(config.n_classes, config.channels[-1]) if config.n_classes else None


class BigGANDeepDiscriminatorBlock(nn.Module):
    """Bottleneck: 1x1, 3x3, 3x3, down, 1x1, ReLU before each; the side path gets new channels by a 1x1 convolution."""

    def __init__(self, widths: tuple[int, int, int], shrinks: bool, attends: bool) -> None:
        """`widths` of the input, of the inside and of the output."""
        super().__init__()
        (width_in, hidden, width_out), self.shrinks = widths, shrinks
        self.conv1 = nn.Conv2d(width_in, hidden, 1)
        self.conv2 = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.conv3 = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.conv4 = nn.Conv2d(hidden, width_out, 1)
        self.side = nn.Conv2d(width_in, width_out - width_in, 1) if width_in != width_out else None
        self.attention = SelfAttention(width_out) if attends else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, h, w) -> (N, Cout, h/2, w/2), or of the same size where the block does not shrink."""
        h = x
        for convolution in (self.conv1, self.conv2, self.conv3):
            h = convolution(F.relu(h))
        h = self.conv4(down(F.relu(h), self.shrinks))
        x = down(x, self.shrinks)
        return self.attention(h + (x if self.side is None else torch.cat([x, self.side(x)], dim=1)))


class BigGANDeepDiscriminator(ProjectionDiscriminator):
    """A first convolution, stages of bottleneck blocks, and the same end as BigGAN's."""

    def __init__(self, config: BigGANDeepDiscriminatorConfig) -> None:
        super().__init__()
        self.config, self.resolution = config, config.resolution
        self.blocks = nn.ModuleList([nn.Conv2d(3, config.stem, 3, padding=1)])
        for stage, (width_in, width_out) in enumerate(pairwise((config.stem, *config.channels))):
            for number in range(config.depth):
                shrinks = number == 0 and stage < config.shrinking
                attends = number == config.depth - 1 and stage in config.attention
                widths = (width_out if number else width_in, config.hidden[stage], width_out)
                self.blocks.append(BigGANDeepDiscriminatorBlock(widths, shrinks, attends))
        self.linear = nn.Linear(config.channels[-1], 1)
        self.embed = nn.Embedding(config.n_classes, config.channels[-1]) if config.n_classes else None
