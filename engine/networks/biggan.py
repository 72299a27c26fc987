"""BigGAN's generator (Brock, Donahue & Simonyan 2019, appendix B, figure 15), as ajbrock's and StudioGAN's code has it.

The latent is hierarchical: it is cut into slots, one for the first map and one for each block, whose norms are told the
class embedding and their slot. Without it (SNGAN's and SAGAN's settings of the same code) the whole latent makes the
first map. BigGAN-deep is in `biggan_deep.py`, the discriminators in `biggan_discriminator.py`.

Shapes: N images, D latent size, C channels, h w space, V length of a condition.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from ..latent import Latent
from ..style import Style
from .affine_norm import ConditionalNorm, OutputNorm
from .attention import SelfAttention
from .conditioned import ConditionedGenerator, affine, laid_out
from .doubling import DoublingConv2d, double
from .generator import State

__all__ = ["BigGANConfig", "BigGANGenerator"]


@dataclass(frozen=True)
class BigGANConfig:
    """Everything that fixes the shape of a BigGAN generator, and the constants of its norms."""

    channels: tuple[int, ...]
    """Width of the first map, then of each block's output; each block doubles the size."""
    n_classes: int
    """Number of classes."""
    dim_z: int
    """Length of the latent."""
    shared_dim: int
    """Length of the class embedding; 0 where each norm has class tables of its own instead."""
    hierarchical: bool
    """Whether each block's norms are told a slot of z."""
    attention: tuple[int, ...]
    """Numbers of the blocks, from 0, that end with self-attention."""
    eps: float
    """Added to the variance in the conditional norms."""
    last_eps: float
    """Added to the variance in the last norm."""
    bottom: int = 4
    """Side of the first map, in pixels."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "attention", tuple(self.attention))
        blocks = len(self.channels) - 1
        if blocks < 1 or min(*self.channels, self.n_classes, self.dim_z, self.bottom) < 1:
            raise InputError(f"A BigGAN needs two or more widths and positive sizes; got {self}.")
        if self.hierarchical and (self.dim_z % (blocks + 1) or not self.shared_dim):
            raise InputError(
                "A hierarchical latent is cut into equal slots, one more than there are blocks, and goes with a shared "
                f"class embedding; got {self}."
            )
        if any(not 0 <= block < blocks or self.channels[block + 1] < 8 for block in self.attention):
            raise InputError(f"Attention belongs to blocks of eight or more channels; got {self}.")
        if not all(0 < eps < math.inf for eps in (self.eps, self.last_eps)):
            raise InputError(f"What is added to a variance must be positive; got {self}.")

    @property
    def resolution(self) -> int:
        """Side of the picture, in pixels."""
        return self.bottom * 2 ** (len(self.channels) - 1)

    @property
    def slot(self) -> int:
        """Length of the part of z that makes the first map, and of each block's part if it is told one."""
        return self.dim_z // len(self.channels) if self.hierarchical else self.dim_z


class BigGANBlock(nn.Module):
    """Residual block that doubles the size: norm, ReLU, double, conv, norm, ReLU, conv, plus a 1x1 side path."""

    n_norms = 2

    def __init__(self, config: BigGANConfig, number: int) -> None:
        super().__init__()
        width_in, width_out = config.channels[number : number + 2]
        told = config.shared_dim + (config.slot if config.hierarchical else 0)
        self.norm1 = ConditionalNorm(width_in, affine(config.n_classes, told, width_in), 1, config.eps)
        self.conv1 = DoublingConv2d(width_in, width_out)
        self.norm2 = ConditionalNorm(width_out, affine(config.n_classes, told, width_out), 1, config.eps)
        self.conv2 = nn.Conv2d(width_out, width_out, 3, padding=1)
        self.side = nn.Conv2d(width_in, width_out, 1)
        self.attention = SelfAttention(width_out) if number in config.attention else nn.Identity()

    def forward(self, state: State, styles: Sequence[Style]) -> State:
        """(N, Cin, h, w) -> (N, Cout, 2h, 2w)."""
        x = laid_out(state[0])
        h = self.conv1(F.relu(self.norm1(x, styles[0]), inplace=True))  # (N, Cout, 2h, 2w)
        h = self.conv2(F.relu(self.norm2(h, styles[1]), inplace=True))
        # A 1x1 convolution commutes with repeating pixels, and is four times cheaper before it.
        return (self.attention(h.add_(double(self.side(x)))),)


class BigGANGenerator(ConditionedGenerator):
    """Slots of z and a shared class embedding to a picture; a label collage acts on two norms of each block."""

    def __init__(self, config: BigGANConfig) -> None:
        super().__init__()
        self.config, self.bottom = config, config.bottom
        self.dim_z, self.n_classes, self.resolution = config.dim_z, config.n_classes, config.resolution
        if config.shared_dim:
            self.shared = nn.Embedding(config.n_classes, config.shared_dim)
        self.first = nn.Linear(config.slot, config.channels[0] * config.bottom**2)
        self.layers = nn.ModuleList(BigGANBlock(config, number) for number in range(len(config.channels) - 1))
        self.last_norm = OutputNorm(config.channels[-1], 1, config.last_eps)
        self.last_conv = nn.Conv2d(config.channels[-1], 3, 3, padding=1)
        self.feature_sizes = tuple(config.bottom * 2**i for i in range(len(config.channels)))
        # Norm 1 of a block works before its doubling, norm 2 after it.
        self.norm_sizes = tuple(
            size for pair in zip(self.feature_sizes[:-1], self.feature_sizes[1:], strict=True) for size in pair
        )

    def start(self, latent: Latent) -> Tensor:
        """The first slot of z, or the whole of it."""
        assert latent.z is not None  # a family without w: `Gan.check` has seen to it
        return latent.z[:, : self.config.slot]

    def conditions(self, latent: Latent) -> list[Tensor]:
        """For each block the class embedding and the block's slot of z; or the class number, for tables."""
        blocks, labels = len(self.layers), latent.labels
        if not self.config.shared_dim:
            return [labels] * blocks
        embedded = self.shared(labels)
        if not self.config.hierarchical:
            return [embedded] * blocks
        assert latent.z is not None
        return [torch.cat([embedded, slot], dim=1) for slot in latent.z.split(self.config.slot, dim=1)[1:]]
