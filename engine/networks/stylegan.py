"""StyleGAN (Karras et al. 2019): a constant, doubled block by block; every layer's norm is told a style (AdaIN).

The run-time scales of the originals are constant factors and are multiplied into the weights when a file is read, as is
the 1 that is added to a style's multiplier. What is left of the difference between implementations is in the
configuration.

Shapes: N images, C channels, h w space, K styles in use, V length of a style w, r size of a layer in pixels.
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
from ..style import Style, spread
from .generator import State
from .mapping import SLOPE, MappingConfig
from .noise import noise_maps
from .styled import StyledGenerator

__all__ = ["BOTTOM", "StyleGANConfig", "StyleGANGenerator"]

BOTTOM = 4
"""Side of the constant, in pixels."""
BLUR = (1, 2, 1)
PIECE = 2**18
"""How many numbers are squared at a time: what a processor's cache holds."""


@dataclass(frozen=True)
class StyleGANConfig(MappingConfig):
    """Shape of a StyleGAN generator, and where implementations differ."""

    channels: tuple[int, ...]
    """Width of each block, from 4 px on; each but the first doubles the size."""
    eps: float
    """Added to the variance in each norm."""
    bias_before_blur: bool
    """Whether an upsampling layer adds its bias before the blur, which differs at the border; else after it."""
    shared_noise: bool
    """Whether the two layers of a block have one noise; else each its own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "channels", tuple(self.channels))
        if not self.channels or min(self.channels) < 1 or not 0 < self.eps < math.inf:
            raise InputError(f"A StyleGAN needs the widths of its blocks and a positive eps; got {self}.")

    @property
    def resolution(self) -> int:
        """Side of the picture, in pixels."""
        return BOTTOM * 2 ** (len(self.channels) - 1)


def centred(x: Tensor) -> tuple[Tensor, Tensor]:
    """x (N, C, h, w) minus the mean of every map, and their population variances (N, C), in float32 at least.

    Without gradients x is written over.
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    if torch.is_grad_enabled() or x.device.type != "cpu":
        x = x - x.mean((2, 3), keepdim=True)
        return x, x.to(wide).square().mean((2, 3))
    # On a processor a large map is slow to fetch: each piece is centred and squared while it is in the cache.
    pixels = x.permute(0, 2, 3, 1).view(len(x), -1, x.shape[1])  # (N, h w, C)
    mean = pixels.mean(1, keepdim=True)
    pieces = pixels.split(max(PIECE // (len(x) * x.shape[1]), 1), dim=1)
    squares = torch.stack([piece.sub_(mean).to(wide).square().sum(1) for piece in pieces])
    return x, squares.sum(0) / pixels.shape[1]


def _order(x: Tensor) -> torch.memory_format:
    """The order of memory that suits a device; all maps have that of the constant they come from.

    Channels last makes the convolutions of a processor up to four times as fast; so it is meant for 16-bit numbers on a
    GPU, but not for 32-bit ones.
    """
    wide = x.device.type != "cpu" and x.dtype.itemsize >= 4
    return torch.contiguous_format if wide else torch.channels_last


class StyledNorm(nn.Module):
    """Noise, slope, instance norm, and the style spread over the picture: the conditional norm (AdaIN).

    `out = gamma * (y - mean(y)) / sqrt(var(y) + eps) + beta` with `y = leaky_relu(x + strength * noise)`.
    """

    noise: Tensor
    """(1, 1, r, r): what is added where the latent says nothing else."""

    def __init__(self, channels: int, size: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.strength = nn.Parameter(torch.zeros(channels))
        self.register_buffer("noise", torch.zeros(1, 1, size, size))

    def forward(self, x: Tensor, style: Style) -> Tensor:
        """x (N, C, h, w), which is written over; the style's vectors are K pairs gamma, beta: (N, K, 2C)."""
        if style.noise is not None:
            x = x.addcmul_(style.noise.to(x.dtype), self.strength[:, None, None])
        x = F.leaky_relu_(x, SLOPE)
        # The deviation goes into the K multipliers, which is exact (weights sum to one) and costs nothing per pixel. So
        # would the mean, but where it is large beside the deviation their difference would be lost in rounding.
        x, var = centred(x)
        gamma, beta = style.vectors.chunk(2, dim=2)  # (N, K, C) each
        gamma = gamma * torch.rsqrt(var + self.eps)[:, None]
        layout = torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
        scale, shift = (spread(values, style.weights, layout).to(x.dtype) for values in (gamma, beta))
        return torch.addcmul(shift, x, scale) if torch.is_grad_enabled() else torch.addcmul(shift, x, scale, out=x)


class Doubling(nn.Module):
    """Twice the size, a convolution and a blur: a transposed convolution, then [1 2 1] / 4 along both axes."""

    blur: Tensor

    def __init__(self, width_in: int, width_out: int, bias_before_blur: bool) -> None:
        super().__init__()
        self.bias_before_blur = bias_before_blur
        self.weight = nn.Parameter(torch.empty(width_in, width_out, 4, 4).normal_(std=1 / (2 * width_in**0.5)))
        self.bias = nn.Parameter(torch.zeros(width_out))
        row = torch.tensor(BLUR, dtype=torch.float32) / sum(BLUR)
        self.register_buffer("blur", torch.outer(row, row).expand(width_out, 1, 3, 3).contiguous(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, h, w) -> (N, Cout, 2h, 2w)."""
        before, after = (self.bias, None) if self.bias_before_blur else (None, self.bias)
        x = F.conv_transpose2d(x, self.weight, before, stride=2, padding=1)
        return F.conv2d(x, self.blur, after, padding=1, groups=len(self.blur))


class StyleBlock(nn.Module):
    """Doubling (or, at first, the constant), norm, convolution, norm."""

    n_norms = 2

    def __init__(self, width_in: int | None, width: int, size: int, config: StyleGANConfig) -> None:
        super().__init__()
        self.up = None if width_in is None else Doubling(width_in, width, config.bias_before_blur)
        self.norm1 = StyledNorm(width, size, config.eps)
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.norm2 = StyledNorm(width, size, config.eps)

    def forward(self, state: State, styles: Sequence[Style]) -> State:
        """(N, Cin, h, w) -> (N, C, 2h, 2w); the first block keeps the size."""
        (x,) = state
        x = x.clone(memory_format=torch.preserve_format) if self.up is None else self.up(x)
        x = self.norm1(x, styles[0])
        return (self.norm2(self.conv(x), styles[1]),)


class StyleGANGenerator(StyledGenerator):
    """Mapping network; constant, blocks that double it, and a 1x1 convolution to the picture, which is not bounded."""

    def __init__(self, config: StyleGANConfig) -> None:
        super().__init__(config, 2 * len(config.channels))
        self.config, self.resolution = config, config.resolution
        self.feature_sizes = tuple(BOTTOM * 2**i for i in range(len(config.channels)))
        self.norm_sizes = tuple(size for size in self.feature_sizes for _ in range(StyleBlock.n_norms))
        self.constant = nn.Parameter(torch.zeros(1, config.channels[0], BOTTOM, BOTTOM))
        widths = zip((None, *config.channels), config.channels, self.feature_sizes, strict=False)
        self.layers = nn.ModuleList(StyleBlock(*shape, config) for shape in widths)
        pairs = [width for width in config.channels for _ in range(StyleBlock.n_norms)]
        self.pairs = nn.ModuleList(nn.Linear(config.dim_w, 2 * width) for width in pairs)
        self.picture = nn.Conv2d(config.channels[-1], 3, 1)

    def begin(self, latent: Latent) -> State:
        """The constant, once for each picture: (N, C0, 4, 4)."""
        return (self.constant.contiguous(memory_format=_order(self.constant)).expand(len(latent), -1, -1, -1),)

    def end(self, state: State, latent: Latent) -> Tensor:
        """(N, C, R, R) -> pictures (N, 3, R, R), about [-1, 1]."""
        return self.picture(state[0]).contiguous()

    def vectors(self, latent: Latent) -> list[Tensor]:
        """Gamma and beta of every norm: (N, 2C) each."""
        # Also under autocast in full precision: there are few of these numbers, and every pixel hangs on them.
        with torch.autocast(latent.labels.device.type, enabled=False):
            styles = self.ws(latent).unbind(1)
            return [pair(w) for pair, w in zip(self.pairs, styles, strict=True)]

    def noise(self, latent: Latent) -> list[Tensor | None]:
        """Every norm's noise, (1 or N, 1, r, r)."""
        norms = [norm for layer in self.layers for norm in (layer.norm1, layer.norm2)]
        return noise_maps(latent.noise, [norm.noise for norm in norms], shared=self.config.shared_noise)  # type: ignore[misc]
