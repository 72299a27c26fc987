"""SNGAN-projection: the paper's own generator (Miyato & Koyama 2018; paper appendix A), and its kin in PyTorch.

The discriminators are in `sngan_discriminator.py` and `resnet_discriminator.py`, the encoder in `sngan_encoder.py`.

Shapes: N images, C channels, h w space, K labels in use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from ..latent import Latent
from ..style import Style, spread
from .attention import SelfAttention
from .batch_statistics import BatchNorm2d, SharedStatistics, batch_norm
from .generator import Generator, State
from .initialisation import initialise

__all__ = [
    "GENERATOR_CHANNELS",
    "ConditionalBatchNorm",
    "GeneratorConfig",
    "PyramidConfig",
    "ResNetConfig",
    "SNGANGenerator",
]

EPS = 2e-5
"""Added to variances: Chainer's default, which the authors' weights were trained with."""
GENERATOR_CHANNELS = {
    # layout: width of the first map and of each block's output, as multiples of ch
    "64": (16, 8, 4, 2, 1),
    "128": (8, 8, 4, 4, 2, 1),
    "128-wide": (16, 16, 8, 4, 2, 1),
    "256": (16, 16, 8, 8, 4, 2, 1),
}


@dataclass(frozen=True)
class PyramidConfig:
    """Everything that fixes the shape of a network between a small map and a picture, whichever way it goes."""

    channels: tuple[int, ...]
    """Width of the first map, then of each block's output; each block doubles or halves the size."""
    n_classes: int
    """Number of classes; 1 for a model without classes."""
    dim_z: int = 128
    """Length of the latent."""
    bottom: int = 4
    """Side of the smallest map, in pixels."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        if len(self.channels) < 2 or min((*self.channels, self.n_classes, self.dim_z, self.bottom)) < 1:
            raise InputError(f"An SNGAN network needs two or more widths and positive sizes; got {self}.")

    @property
    def resolution(self) -> int:
        """Side of the picture, in pixels."""
        return self.bottom * 2 ** (len(self.channels) - 1)


@dataclass(frozen=True)
class GeneratorConfig(PyramidConfig):
    """Shape of the original's generator: from the small map up."""

    eps: ClassVar[float] = EPS
    """Added to the variances."""
    upsampling: ClassVar[str] = "nearest"
    """How a map is doubled: "nearest" or "bilinear"."""
    attention: ClassVar[tuple[int, ...]] = ()
    """Numbers of the blocks, from 1, whose output goes through attention."""


@dataclass(frozen=True)
class ResNetConfig(PyramidConfig):
    """Shape of the same generator in PyTorch's collections of GANs (SNGAN, cGAN-PD, SAGAN), which differ in these."""

    eps: float = 1e-5
    """Added to the variances."""
    upsampling: str = "nearest"
    """How a map is doubled: "nearest" or "bilinear"."""
    attention: tuple[int, ...] = ()
    """Numbers of the blocks, from 1, whose output goes through attention."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "attention", tuple(self.attention))
        if not 0 < self.eps < 1 or self.upsampling not in ("nearest", "bilinear"):
            raise InputError(f"A generator needs 0 < eps < 1 and nearest or bilinear upsampling; got {self}.")
        if wrong := set(self.attention) - set(range(1, len(self.channels))):
            raise InputError(f"Attention stands after a block, 1 to {len(self.channels) - 1}; got {sorted(wrong)}.")


class ConditionalBatchNorm(nn.Module, SharedStatistics):
    """Batch norm whose scale and shift are spread over the picture by class maps (paper eq. 2).

    `out = gamma * (x - mean) / sqrt(var + eps) + beta`, with gamma and beta mixed at every pixel from the class tables.
    Where several processes train together, mean and variance are those of all their pictures (`batch_statistics.py`):
    torch's SyncBatchNorm refuses the CPU.
    """

    MOMENTUM = 0.1  # new = 0.9 old + 0.1 batch

    mean: Tensor
    var: Tensor

    def __init__(self, channels: int, n_classes: int, eps: float = EPS) -> None:
        super().__init__()
        self.eps, self.momentum = eps, self.MOMENTUM
        self.gammas = nn.Parameter(torch.ones(n_classes, channels))
        self.betas = nn.Parameter(torch.zeros(n_classes, channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("var", torch.ones(channels))

    def forward(self, x: Tensor, style: Style) -> Tensor:
        """Normalise x (N, C, h, w) under `style`, whose vectors are class numbers (N, K)."""
        gamma, beta = self.gammas[style.vectors], self.betas[style.vectors]  # (N, K, C) each
        if self.training:
            x = batch_norm(x, self.mean, self.var, self.momentum, self.eps, self.across)
        else:
            # The statistics go into the K pairs, which is exact (weights sum to one) and costs nothing per pixel.
            gamma = gamma * torch.rsqrt(self.var + self.eps)
            beta = beta - gamma * self.mean
        # (N, C, h, w), or (N, C, 1, 1) where one class holds everywhere. Two maps of C channels and not one of 2C: a
        # smaller block of memory is used again by the next norm, where a large one is asked of the system each time.
        scale, shift = (spread(values, style.weights).to(x.dtype) for values in (gamma, beta))
        return torch.addcmul(shift, x, scale)

    def extra_repr(self) -> str:
        """Shape of the class tables, for `print(generator)`."""
        return f"classes={self.gammas.shape[0]}, channels={self.gammas.shape[1]}"


class GeneratorBlock(nn.Module):
    """Residual block that doubles the size: norm, ReLU, up, conv, norm, ReLU, conv, plus a 1x1 side path."""

    n_norms = 2

    def __init__(self, config: GeneratorConfig | ResNetConfig, number: int) -> None:
        """Block `number`, from 1."""
        super().__init__()
        width_in, width_out = config.channels[number - 1 : number + 1]
        self.upsampling = config.upsampling
        self.norm1 = ConditionalBatchNorm(width_in, config.n_classes, config.eps)
        self.conv1 = nn.Conv2d(width_in, width_out, 3, padding=1)
        self.norm2 = ConditionalBatchNorm(width_out, config.n_classes, config.eps)
        self.conv2 = nn.Conv2d(width_out, width_out, 3, padding=1)
        self.side = nn.Conv2d(width_in, width_out, 1)
        self.attention = SelfAttention(width_out) if number in config.attention else nn.Identity()

    def forward(self, state: State, styles: Sequence[Style]) -> State:
        """(N, Cin, h, w) -> (N, Cout, 2h, 2w)."""
        (x,) = state
        # Main path.
        h = self.up(F.relu(self.norm1(x, styles[0])))  # (N, Cin, 2h, 2w)
        h = self.conv1(h)  # (N, Cout, 2h, 2w)
        h = self.conv2(F.relu(self.norm2(h, styles[1])))
        # Side path: a 1x1 convolution commutes with doubling the size, and is four times cheaper before it.
        return (self.attention(h + self.up(self.side(x))),)

    def up(self, x: Tensor) -> Tensor:
        """Double the size: (N, C, h, w) -> (N, C, 2h, 2w)."""
        return F.interpolate(x, scale_factor=2, mode=self.upsampling)


class SNGANGenerator(Generator):
    """Linear layer to a small map, residual blocks that double it, norm, ReLU, 3x3 convolution, tanh."""

    def __init__(self, config: GeneratorConfig | ResNetConfig) -> None:
        super().__init__()
        self.config = config
        self.dim_z, self.n_classes, self.resolution = config.dim_z, config.n_classes, config.resolution
        self.first = nn.Linear(config.dim_z, config.channels[0] * config.bottom**2)
        self.layers = nn.ModuleList(GeneratorBlock(config, number) for number in range(1, len(config.channels)))
        self.last_norm = BatchNorm2d(config.channels[-1], config.eps, ConditionalBatchNorm.MOMENTUM)
        self.last_conv = nn.Conv2d(config.channels[-1], 3, 3, padding=1)
        self.feature_sizes = tuple(config.bottom * 2**i for i in range(len(config.channels)))
        # Norm 1 of a block works before its upsampling, norm 2 after it.
        self.norm_sizes = tuple(
            size for pair in zip(self.feature_sizes[:-1], self.feature_sizes[1:], strict=True) for size in pair
        )
        self.apply(initialise)

    def begin(self, latent: Latent) -> State:
        """z (N, D) -> (N, C0, 4, 4)."""
        return (self.first(latent.z).unflatten(1, (-1, self.config.bottom, self.config.bottom)),)

    def end(self, state: State, latent: Latent) -> Tensor:
        """(N, C, R, R) -> pictures (N, 3, R, R) in [-1, 1]."""
        (x,) = state
        return torch.tanh(self.last_conv(F.relu(self.last_norm(x))))

    def vectors(self, latent: Latent) -> list[Tensor]:
        """Every norm is told the class number: labels (N,) once for each."""
        return [latent.labels] * len(self.norm_sizes)
