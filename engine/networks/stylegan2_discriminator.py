"""StyleGAN 2's discriminator, as NVIDIA's snapshots carry it: residual blocks down to 4x4 pixels (Karras et al. 2020).

It is read to measure pictures with (paper eq. 4). Run-time factors of the original are multiplied into the weights.

Shapes: N images, R picture size, C channels, h w space, M length of a mapped class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from .discriminator import Discriminator
from .mapping import SLOPE, pixel_norm
from .resample import halved, smooth
from .stylegan2 import ARCHITECTURES, HALF, activate

__all__ = ["StyleGAN2Discriminator", "StyleGAN2DiscriminatorConfig"]

BOTTOM = 4
SPREAD_EPS = 1e-8


@dataclass(frozen=True)
class StyleGAN2DiscriminatorConfig:
    """Shape of a StyleGAN 2 discriminator."""

    channels: tuple[int, ...]
    """Width of the features at R, R/2, ... 4 pixels."""
    architecture: str
    """How pictures come in, one of `ARCHITECTURES`: "skip" shows them to every block, the others to the first."""
    clamp: float
    """Bound of every convolution's output; 0 for none."""
    taps: int
    """T: length of the smoothing filter."""
    n_classes: int
    """Number of classes; 0 for a discriminator that looks at no labels."""
    mapping_widths: tuple[int, ...]
    """Width of the class vector, then after each of its dense layers, M last; empty where there are no classes."""
    deviations: int
    """How many maps the last convolution is told beside the features: how widely they spread among pictures."""

    def __post_init__(self) -> None:
        for name in ("channels", "mapping_widths"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.channels) < 2 or min(self.channels) < 1 or self.architecture not in ARCHITECTURES:
            raise InputError(
                f"A StyleGAN 2 discriminator needs two or more widths and one of {ARCHITECTURES}; got {self}."
            )
        if self.taps < 2 or self.taps % 2 or not 0 <= self.clamp < math.inf or self.deviations < 0:
            raise InputError(f"A StyleGAN 2 discriminator needs an even number of filter taps; got {self}.")
        if (self.n_classes > 0) != (len(self.mapping_widths) > 1):
            raise InputError(f"Classes of a discriminator need dense layers, and none go without; got {self}.")

    @property
    def resolution(self) -> int:
        """Side of the pictures, in pixels."""
        return BOTTOM * 2 ** (len(self.channels) - 1)


class DiscriminatorBlock(nn.Module):
    """Halves the size: two 3x3 convolutions, beside them a 1x1 convolution where the architecture is residual."""

    taps: Tensor

    def __init__(self, width_in: int, width_out: int, config: StyleGAN2DiscriminatorConfig) -> None:
        super().__init__()
        self.clamp = config.clamp
        self.conv0 = nn.Conv2d(width_in, width_in, 3, padding=1)
        self.conv1 = nn.Conv2d(width_in, width_out, 3, stride=2)
        self.side = nn.Conv2d(width_in, width_out, 1, bias=False) if config.architecture == "resnet" else None
        self.register_buffer("taps", torch.zeros(config.taps, config.taps))

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, h, w) -> (N, Cout, h/2, w/2)."""
        # A 3x3 convolution of every second pixel reaches one pixel beyond what it keeps: h + 1 pixels come in.
        h = smooth(activate(self.conv0(x), self.clamp), self.taps, len(self.taps) // 2)
        h = activate(self.conv1(h), self.clamp)
        return h if self.side is None else (h + self.side(halved(x, self.taps))) * HALF


class ClassMapping(nn.Module):
    """Class numbers (N,) -> vectors (N, M)."""

    def __init__(self, config: StyleGAN2DiscriminatorConfig) -> None:
        super().__init__()
        self.classes = nn.Embedding(config.n_classes, config.mapping_widths[0])
        self.dense = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(config.mapping_widths))

    def forward(self, labels: Tensor) -> Tensor:
        """(N,) -> (N, M)."""
        x = pixel_norm(self.classes(labels))
        for dense in self.dense:
            x = F.leaky_relu(dense(x), SLOPE)
        return x


class StyleGAN2Discriminator(Discriminator):
    """Pictures -> logits, with classes by projection on a mapped class vector."""

    def __init__(self, config: StyleGAN2DiscriminatorConfig) -> None:
        super().__init__()
        self.config, self.resolution = config, config.resolution
        last = config.channels[-1]
        shown = config.channels if config.architecture == "skip" else config.channels[:1]
        self.from_picture = nn.ModuleList(nn.Conv2d(3, width, 1) for width in shown)
        self.blocks = nn.ModuleList(DiscriminatorBlock(a, b, config) for a, b in pairwise(config.channels))
        self.last_conv = nn.Conv2d(last + config.deviations, last, 3, padding=1)
        self.last_dense = nn.Linear(last * BOTTOM**2, last)
        self.mapping = ClassMapping(config) if config.n_classes else None
        self.out = nn.Linear(last, config.mapping_widths[-1] if config.n_classes else 1)

    def feature_map(self, images: Tensor) -> Tensor:
        """The last block's output, what the final layers judge: (N, 3, R, R) -> (N, C, 4, 4)."""
        x = activate(self.from_picture[0](images), self.config.clamp)
        for number, block in enumerate(cast(list[DiscriminatorBlock], self.blocks), start=1):
            x = block(x)
            if number < len(self.from_picture):
                images = halved(images, block.taps)
                x = x + activate(self.from_picture[number](images), self.config.clamp)
        return x

    def features(self, images: Tensor) -> Tensor:
        """The last block's output, before the final layers compare the pictures of a batch: flattened to (N, 16 C)."""
        return self.feature_map(images).flatten(1)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N, 1) of images (N, 3, R, R) in [-1, 1] under labels (N,), which a model with classes needs.

        In training the final layers are told how widely the features of a few pictures spread. Here each picture is
        judged by itself, as the original judges a single one, so its logit does not depend on the others.

        Raises:
            InputError: no labels for a model with classes.
        """
        x = self.feature_map(images)
        if self.config.deviations:
            none = x.new_full((1,), math.sqrt(SPREAD_EPS)).expand(len(x), self.config.deviations, *x.shape[2:])
            x = torch.cat([x, none], dim=1)
        x = activate(self.last_conv(x), self.config.clamp)
        x = self.out(F.leaky_relu(self.last_dense(x.flatten(1)), SLOPE))
        if self.mapping is None:
            return x
        if labels is None:
            raise InputError("This discriminator judges pictures under their classes; give it labels.")
        return (x * self.mapping(labels)).sum(1, keepdim=True) / math.sqrt(x.shape[1])
