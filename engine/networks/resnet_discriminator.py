"""The discriminators of PyTorch's collections of GANs: SNGAN, cGAN-PD and SAGAN, as mimicry has them.

They follow the original but for one thing. Their ReLU works in place, so that in every block but the first the side
path too reads the rectified map. Weights of trained discriminators were made with that, and are used with it here.

Spectral norm is divided out when the file is read, so these are plain convolutions, for measuring and not for training.

Shapes: N images, C channels, R picture size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from .attention import SelfAttention
from .discriminator import ProjectionDiscriminator

__all__ = ["ResNetDiscriminator", "ResNetDiscriminatorConfig"]


@dataclass(frozen=True)
class ResNetDiscriminatorConfig:
    """Everything that fixes the shape of such a discriminator."""

    channels: tuple[int, ...]
    """Width of each block's output."""
    shrinking: int
    """How many blocks, from the first on, halve the size."""
    n_classes: int
    """Number of classes; 0 for a discriminator that knows none."""
    resolution: int
    """Side of the pictures it was made for, in pixels."""
    attention: tuple[int, ...] = ()
    """Numbers of the blocks, from 1, whose output goes through attention."""

    def __post_init__(self) -> None:
        for name in ("channels", "attention"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        blocks = len(self.channels)
        if blocks < 2 or not 1 <= self.shrinking <= blocks or not set(self.attention) <= set(range(1, blocks + 1)):
            raise InputError(
                f"A discriminator needs two or more blocks, 1 to all shrinking, attention after some; got {self}."
            )
        if min(*self.channels, self.resolution) < 1 or self.n_classes < 0:
            raise InputError(f"A discriminator needs positive widths and a positive size; got {self}.")

    def has_side(self, number: int) -> bool:
        """Whether block `number`, from 1, has a convolution on its side path: where it changes size or width."""
        return number <= self.shrinking or self.channels[number - 2] != self.channels[number - 1]


class ResNetDiscriminatorBlock(nn.Module):
    """conv, ReLU, conv, down where it shrinks; side path down, 1x1 conv. All but the first block begin with a ReLU."""

    def __init__(self, config: ResNetDiscriminatorConfig, number: int) -> None:
        """Block `number`, from 1."""
        super().__init__()
        width_in, width_out = (3, *config.channels)[number - 1 : number + 1]
        hidden = width_out if number == 1 else width_in
        self.rectifies, self.shrinks = number > 1, number <= config.shrinking
        self.conv1 = nn.Conv2d(width_in, hidden, 3, padding=1)
        self.conv2 = nn.Conv2d(hidden, width_out, 3, padding=1)
        self.side = nn.Conv2d(width_in, width_out, 1) if config.has_side(number) else nn.Identity()
        self.attention = SelfAttention(width_out) if number in config.attention else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, h, w) -> (N, Cout, h/2, w/2), or of the same size where the block does not shrink."""
        x = F.relu(x) if self.rectifies else x  # for both paths
        h = self.conv2(F.relu(self.conv1(x)))
        # A 1x1 convolution commutes with the mean of pixels, and is four times cheaper after it.
        h, x = (F.avg_pool2d(h, 2), F.avg_pool2d(x, 2)) if self.shrinks else (h, x)
        return self.attention(h + self.side(x))


class ResNetDiscriminator(ProjectionDiscriminator):
    """Residual blocks down to a small map; logit = linear of its sum over pixels, plus the class row times that sum."""

    def __init__(self, config: ResNetDiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        self.resolution = config.resolution
        numbers = range(1, len(config.channels) + 1)
        self.blocks = nn.ModuleList(ResNetDiscriminatorBlock(config, number) for number in numbers)
        self.linear = nn.Linear(config.channels[-1], 1)
        self.embed = nn.Embedding(config.n_classes, config.channels[-1]) if config.n_classes else None
