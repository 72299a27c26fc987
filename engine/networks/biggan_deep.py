"""BigGAN-deep's generator (Brock, Donahue & Simonyan 2019, appendix B, figure 16).

As DeepMind published it (Hugging Face's package has the weights), as ajbrock's `BigGANdeep.py` has it, and StudioGAN's
two kinds, of which one has convolutions on the side path. Class embedding and z make one condition, class first, for
the first map and for every norm.

Shapes: N images, D latent size, C channels, h w space, S rows of statistics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from ..latent import Latent
from ..style import Style
from .affine_norm import INTERPOLATIONS, ConditionalNorm, OutputNorm
from .attention import SelfAttention
from .conditioned import ConditionedGenerator, affine, laid_out
from .doubling import DoublingConv2d, double
from .generator import State

__all__ = ["BOTTOM", "BigGANDeepConfig", "BigGANDeepGenerator"]

BOTTOM = 4
"""Side of the first map, in pixels."""
RATIO = 4
"""How many times narrower the inside of a block is than its input."""


@dataclass(frozen=True)
class BigGANDeepConfig:
    """Everything that fixes the shape of a BigGAN-deep generator, and the constants of its norms."""

    channels: tuple[int, ...]
    """Width of the first map, then of each block's output."""
    doubling: tuple[bool, ...]
    """Which blocks double the size."""
    n_classes: int
    """Number of classes."""
    dim_z: int
    """Length of the latent."""
    shared_dim: int
    """Length of the class embedding."""
    attention: tuple[int, ...]
    """Numbers of the blocks, from 0, that end with self-attention."""
    side: bool
    """Whether the side path has a 1x1 convolution; without it, it keeps the first channels."""
    statistics: int
    """How many truncations from 0 to 1, in equal steps, there are statistics for; 1 for any."""
    eps: float
    """Added to the variance in the conditional norms."""
    last_eps: float
    """Added to the variance in the last norm."""
    interpolation: str = INTERPOLATIONS[0]
    """What holds between two of the truncations; one of `INTERPOLATIONS`."""

    def __post_init__(self) -> None:
        for name in ("channels", "doubling", "attention"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        blocks = len(self.channels) - 1
        if blocks < 1 or len(self.doubling) != blocks:
            raise InputError(f"A BigGAN-deep needs blocks, and for each whether it doubles the size; got {self}.")
        if min(*self.channels, self.n_classes, self.dim_z, self.shared_dim, self.statistics) < 1:
            raise InputError(f"A BigGAN-deep needs positive sizes; got {self}.")
        if any(width % RATIO for width in self.channels[:-1]):
            raise InputError(f"A block of BigGAN-deep is {RATIO} times narrower inside than its input; got {self}.")
        if not self.side and any(a < b for a, b in pairwise(self.channels)):
            raise InputError(f"Without a convolution on the side path no block can widen the map; got {self}.")
        if any(not 0 <= block < blocks or self.channels[block + 1] < 8 for block in self.attention):
            raise InputError(f"Attention belongs to blocks of eight or more channels; got {self}.")
        if not all(0 < eps < math.inf for eps in (self.eps, self.last_eps)):
            raise InputError(f"What is added to a variance must be positive; got {self}.")
        if self.interpolation not in INTERPOLATIONS:
            raise InputError(
                f"Statistics between two truncations are taken by one of {', '.join(INTERPOLATIONS)}; got "
                f"{self.interpolation!r}."
            )

    @property
    def resolution(self) -> int:
        """Side of the picture, in pixels."""
        return BOTTOM * 2 ** sum(self.doubling)


class BigGANDeepBlock(nn.Module):
    """Bottleneck: 1x1, 3x3, 3x3, 1x1 convolution, norm and ReLU before each; the size doubles before the first 3x3."""

    n_norms = 4

    def __init__(self, config: BigGANDeepConfig, number: int) -> None:
        super().__init__()
        width_in, width_out = config.channels[number : number + 2]
        hidden, self.doubles = width_in // RATIO, config.doubling[number]
        self.norm1, self.norm2, self.norm3, self.norm4 = (
            _norm(config, width) for width in (width_in, hidden, hidden, hidden)
        )
        self.conv1 = nn.Conv2d(width_in, hidden, 1)
        self.conv2 = DoublingConv2d(hidden, hidden) if self.doubles else nn.Conv2d(hidden, hidden, 3, padding=1)
        self.conv3 = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.conv4 = nn.Conv2d(hidden, width_out, 1)
        self.side = nn.Conv2d(width_in, width_out, 1) if config.side else Narrowing(width_out)
        self.attention = SelfAttention(width_out) if number in config.attention else nn.Identity()

    def forward(self, state: State, styles: Sequence[Style]) -> State:
        """(N, Cin, h, w) -> (N, Cout, 2h, 2w), or of the same size."""
        h = x = laid_out(state[0])
        norms = (self.norm1, self.norm2, self.norm3, self.norm4)
        convolutions = (self.conv1, self.conv2, self.conv3, self.conv4)
        for norm, convolution, style in zip(norms, convolutions, styles, strict=True):
            h = convolution(F.relu(norm(h, style), inplace=True))
        side = self.side(x)
        return (self.attention(h.add_(double(side) if self.doubles else side)),)


def _norm(config: BigGANDeepConfig, channels: int) -> ConditionalNorm:
    told = affine(config.n_classes, config.shared_dim + config.dim_z, channels)
    return ConditionalNorm(channels, told, config.statistics, config.eps)


class Narrowing(nn.Module):
    """Keeps the first channels of a map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, h, w) -> (N, C, h, w), a view."""
        return x[:, : self.channels]


class BigGANDeepGenerator(ConditionedGenerator):
    """Class and z to a picture; a label collage acts on four norms of each block, and not on the first map.

    So a class painted everywhere is not quite that class: the first map is made from the picture's own. And the last
    norm stands behind the last map, with the statistics of the picture's own truncation: a reference whose whole last
    map is copied is that reference's picture only where both have the same truncation, or there is one row of
    statistics for all of them.
    """

    def __init__(self, config: BigGANDeepConfig) -> None:
        super().__init__()
        self.config, self.bottom = config, BOTTOM
        self.dim_z, self.n_classes, self.resolution = config.dim_z, config.n_classes, config.resolution
        self.shared = nn.Embedding(config.n_classes, config.shared_dim)
        self.first = nn.Linear(config.shared_dim + config.dim_z, config.channels[0] * BOTTOM**2)
        self.layers = nn.ModuleList(BigGANDeepBlock(config, number) for number in range(len(config.channels) - 1))
        self.last_norm = OutputNorm(config.channels[-1], config.statistics, config.last_eps)
        self.last_conv = nn.Conv2d(config.channels[-1], 3, 3, padding=1)
        sizes = [BOTTOM * 2 ** sum(config.doubling[:number]) for number in range(len(config.channels))]
        self.feature_sizes = tuple(sizes)
        # The size doubles between the second norm and the third.
        self.norm_sizes = tuple(size for old, new in pairwise(sizes) for size in (old, old, new, new))

    def start(self, latent: Latent) -> Tensor:
        """Class embedding and z, (N, V)."""
        assert latent.z is not None  # a family without w: `Gan.check` has seen to it
        return torch.cat([self.shared(latent.labels), latent.z], dim=1)

    def conditions(self, latent: Latent) -> list[Tensor]:
        """The same for every block."""
        return [self.start(latent)] * len(self.layers)

    def shares(self, latent: Latent) -> Tensor:
        """Of the two truncations on either side of the latent's own, by how near each is."""
        rows = self.config.statistics
        if rows == 1:
            return super().shares(latent)
        if not 0 < latent.truncation <= 1:
            raise InputError(
                f"This model has statistics for truncations above 0 and up to 1; the latent's is {latent.truncation}."
            )
        # In double precision, and divided as the package divides: 0.58 must come out a hair below 29 steps of 0.02.
        part, number = math.modf(latent.truncation / (1.0 / (rows - 1)))
        shares = self.last_conv.weight.new_zeros(rows)
        below, above = int(number), min(int(number) + 1, rows - 1)
        if self.config.interpolation == "package" and part:
            part = 1 - part
        shares[below] += 1 - part
        shares[above] += part
        return shares
