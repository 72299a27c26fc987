"""StyleGAN 2: styles modulate the convolutions themselves (Karras et al. 2020; also StyleGAN2-ADA).

A convolution's input channels are multiplied by the style, its output channels brought back to unit variance
(demodulation). Where several styles meet, both factors are spread over the picture: the styles on the input, their
demodulation on the output. Each style is first brought to a root mean square of one, which demodulation undoes: else
two styles that draw the same picture at other scales would outweigh one another along their border. Run-time factors
of the original are multiplied into the weights when a file is read.

The discriminator is in `stylegan2_discriminator.py`.

Shapes: N images, K styles in use, L layers that are told one, V length of w, C channels, h w space, r size of a layer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from ..latent import Latent
from ..style import Style, resize, spread
from .generator import State
from .mapping import SLOPE, MappingConfig
from .noise import noise_maps
from .resample import doubled, smooth
from .styled import StyledGenerator

__all__ = ["ARCHITECTURES", "StyleGAN2Config", "StyleGAN2Generator", "activate", "bounded"]

ARCHITECTURES = ("skip", "resnet", "orig")
"""How pictures come about: summed up over the blocks; made by the last, with side paths; made by the last, without."""
GAIN = math.sqrt(2)
"""Of a convolution's outputs before its leaky ReLU, which then leaves a variance of about one."""
HALF = math.sqrt(0.5)
"""Multiplies both paths of a residual block, for the same end."""
LAYOUT = torch.channels_last
"""How features lie in memory: smoothing goes channel by channel, and is three times as fast so."""
EPS = 1e-8
TINY = 1e-24
"""Mean square below which a style counts as zero."""
HEAVY = 2**12
"""Pixels from which a layer's weights are fewer than its features, and it is the weights that are multiplied."""


@dataclass(frozen=True)
class StyleGAN2Config(MappingConfig):
    """Shape of a StyleGAN 2 generator."""

    channels: tuple[int, ...]
    """Width of each block's features, at 4, 8, 16 ... pixels."""
    architecture: str
    """One of `ARCHITECTURES`."""
    clamp: float
    """Bound of every convolution's output; 0 for none."""
    taps: int
    """T: length of the smoothing filter."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "channels", tuple(self.channels))
        if len(self.channels) < 2 or min(self.channels) < 1 or self.architecture not in ARCHITECTURES:
            raise InputError(
                f"A StyleGAN 2 needs two or more widths and one of the architectures {ARCHITECTURES}; got {self}."
            )
        if self.taps < 2 or self.taps % 2 or not 0 <= self.clamp < math.inf:
            raise InputError(f"A StyleGAN 2 needs an even number of filter taps and a positive bound; got {self}.")

    @property
    def resolution(self) -> int:
        """Side of the picture, in pixels."""
        return 4 * 2 ** (len(self.channels) - 1)


def spare(x: Tensor) -> Tensor | None:
    """x itself, to be overwritten by what is made from it; None, for memory of its own, where gradients are tracked."""
    return None if torch.is_grad_enabled() else x


def activate(x: Tensor, clamp: float) -> Tensor:
    """Leaky ReLU and bound (0 for none), in place where no gradients are tracked."""
    return bounded(F.leaky_relu(x, SLOPE, inplace=spare(x) is not None), clamp)


def bounded(x: Tensor, clamp: float) -> Tensor:
    """x within +-clamp, likewise; 0 for no bound."""
    return torch.clamp(x, -clamp, clamp, out=spare(x)) if clamp else x


def joined(pieces: Sequence[Tensor]) -> Tensor:
    """Pieces of a batch as one; a single one as it is."""
    return torch.cat(list(pieces)) if len(pieces) > 1 else pieces[0]


class ModulatedConv(nn.Module):
    """3x3 convolution under styles, noise, leaky ReLU; the size is doubled on the way where asked for."""

    noise: Tensor
    taps: Tensor

    def __init__(self, width_in: int, width_out: int, config: StyleGAN2Config, size: int, *, up: bool) -> None:
        """`size`: r, of the output."""
        super().__init__()
        self.up, self.clamp = up, config.clamp
        self.affine = nn.Linear(config.dim_w, width_in)
        self.weight = nn.Parameter(torch.empty(width_out, width_in, 3, 3))
        self.bias = nn.Parameter(torch.zeros(width_out))
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.zeros(1, 1, size, size))
        if up:
            self.register_buffer("taps", torch.zeros(config.taps, config.taps))

    def forward(self, x: Tensor, style: Style) -> Tensor:
        """(N, Cin, h, w) -> (N, Cout, r, r), under styles (N, K, Cin) with weights at r px."""
        unit, restore = self._balanced(style.vectors)  # (N, K, Cin), (N, K, Cout)
        uniform = style.vectors.shape[1] == 1
        if uniform and x.shape[-1] ** 2 >= HEAVY:
            x = self._weighted(x, unit[:, 0], restore[:, 0])
        else:
            weights = style.weights if uniform else resize(style.weights, (x.shape[-2], x.shape[-1]))
            x = self._convolved(x * spread(unit, weights, LAYOUT).to(x.dtype), self.weight)
            factors = spread(restore, style.weights, LAYOUT).to(x.dtype)
            x = torch.addcmul(self.bias[:, None, None], x, factors, out=spare(x))
        if style.noise is not None:
            added = (style.noise * self.strength).to(x.dtype)
            x = torch.add(x, added, out=spare(x))
        return activate(x, self.clamp)

    def _balanced(self, styles: Tensor) -> tuple[Tensor, Tensor]:
        """Styles of unit root mean square (N, K, Cin), and what brings their outputs to unit variance (N, K, Cout)."""
        with torch.autocast(styles.device.type, enabled=False):
            precise = torch.promote_types(styles.dtype, torch.float32)
            styles, weight = styles.to(precise), self.weight.to(precise)
            square = styles.square().mean(-1, keepdim=True) + TINY
            unit = styles * square.rsqrt()
            power = torch.linalg.vector_norm(weight, dim=(2, 3)).square()  # (Cout, Cin)
            return unit, GAIN * torch.rsqrt(unit.square() @ power.T + EPS / square)

    def _weighted(self, x: Tensor, unit: Tensor, restore: Tensor) -> Tensor:
        """The same for one style (N, Cin) for each picture, multiplied into the weights."""
        factors = (restore[:, :, None] * unit[:, None]).to(x.dtype)  # (N, Cout, Cin)
        weights = (self.weight * factor[:, :, None, None] for factor in factors)
        return joined(
            [self._convolved(one, weight, self.bias) for one, weight in zip(x.split(1), weights, strict=True)]
        )

    def _convolved(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if not self.up:
            return F.conv2d(x, weight, bias, padding=1)
        x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)  # (N, Cout, 2h + 1, 2w + 1)
        return smooth(x, self.taps, len(self.taps) // 2 - 1, gain=4, bias=bias)


class ToPicture(nn.Module):
    """1x1 convolution of features to red, green and blue under styles, without demodulation."""

    def __init__(self, width: int, config: StyleGAN2Config) -> None:
        super().__init__()
        self.clamp = config.clamp
        self.affine = nn.Linear(config.dim_w, width)
        self.weight = nn.Parameter(torch.empty(3, width, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, style: Style) -> Tensor:
        """(N, C, r, r) -> (N, 3, r, r), under styles (N, K, C).

        Nothing but a product with the style happens here, so it is the K pictures that are mixed at every pixel, of
        three channels each, and not the styles of C.
        """
        weights = (self.weight * style.vectors[:, :, None, :, None, None].to(x.dtype)).flatten(1, 2)  # (N, 3K, C, 1, 1)
        made = joined([F.conv2d(one, weight) for one, weight in zip(x.split(1), weights, strict=True)])
        made = made.unflatten(1, (-1, 3))  # (N, K, 3, r, r)
        mixed = made[:, 0] if made.shape[1] == 1 else (made * style.weights[:, :, None].to(x.dtype)).sum(1)
        return bounded(mixed + self.bias[:, None, None], self.clamp)


class Side(nn.Module):
    """What a residual block adds: 1x1 convolution, twice the size."""

    taps: Tensor

    def __init__(self, width_in: int, width_out: int, config: StyleGAN2Config) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width_out, width_in, 1, 1))
        self.register_buffer("taps", torch.zeros(config.taps, config.taps))

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, h, w) -> (N, Cout, 2h, 2w)."""
        return doubled(F.conv2d(x, self.weight), self.taps)


class SynthesisBlock(nn.Module):
    """Doubles the size (but for the first): one or two convolutions and, by the architecture, a picture."""

    taps: Tensor

    def __init__(self, number: int, config: StyleGAN2Config) -> None:
        """`number`: from 0, at 4 px."""
        super().__init__()
        size, width = 4 * 2**number, config.channels[number]
        self.conv0 = self.side = self.to_picture = None
        self.doubles_picture = number > 0 and config.architecture == "skip"
        if number:
            before = config.channels[number - 1]
            self.conv0 = ModulatedConv(before, width, config, size, up=True)
            self.side = Side(before, width, config) if config.architecture == "resnet" else None
        self.conv1 = ModulatedConv(width, width, config, size, up=False)
        if config.architecture == "skip" or size == config.resolution:
            self.to_picture = ToPicture(width, config)
        if self.doubles_picture:
            self.register_buffer("taps", torch.zeros(config.taps, config.taps))
        self.n_norms = len(self.modulated)

    @property
    def modulated(self) -> list[ModulatedConv | ToPicture]:
        """Everything in it that is told a style, in order."""
        return [module for module in (self.conv0, self.conv1, self.to_picture) if module is not None]

    def forward(self, state: State, styles: Sequence[Style]) -> State:
        """Features (N, Cin, h, w), and the picture so far (N, 3, h, w) where there is one -> the same at r px."""
        x, *pictures = state
        told = iter(styles)
        beside = self.side(x) if self.side is not None else None
        if self.conv0 is not None:
            x = self.conv0(x, next(told))
        x = self.conv1(x, next(told))
        if beside is not None:
            x = (x + beside) * HALF
        if self.to_picture is None:
            return (x,)
        picture = self.to_picture(x, next(told))
        return (x, picture + doubled(pictures[0], self.taps)) if pictures else (x, picture)


class StyleGAN2Generator(StyledGenerator):
    """A constant 4x4 map, blocks that double it, and the picture that they build."""

    half_is_right = True

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__(config, 2 * len(config.channels))
        self.config, self.resolution = config, config.resolution
        self.constant = nn.Parameter(torch.empty(1, config.channels[0], 4, 4))
        blocks = [SynthesisBlock(number, config) for number in range(len(config.channels))]
        self.layers = nn.ModuleList(blocks)
        self.feature_sizes = tuple(4 * 2**number for number in range(len(blocks)))
        self.norm_sizes = tuple(
            size for size, block in zip(self.feature_sizes, blocks, strict=True) for _ in block.modulated
        )

    @property
    def _modulated(self) -> list[tuple[int, ModulatedConv | ToPicture]]:
        """Everything that is told a style, and which of the L it is.

        Each convolution has its own, and a picture has that of the next block's first convolution.
        """
        # Block b has its first convolution's style at 2b - 1; the first block lacks that convolution.
        return [
            (2 * number - 1 + place, module)
            for number, block in enumerate(cast(list[SynthesisBlock], self.layers))
            for place, module in enumerate((block.conv0, block.conv1, block.to_picture))
            if module is not None
        ]

    def begin(self, latent: Latent) -> State:
        """The constant, once for each picture: (N, C, 4, 4)."""
        x = self.constant.expand(len(latent), -1, -1, -1)
        return (x.contiguous(memory_format=LAYOUT),)

    def end(self, state: State, latent: Latent) -> Tensor:
        """The picture that the last block has built: (N, 3, R, R)."""
        return state[1].contiguous()

    def vectors(self, latent: Latent) -> list[Tensor]:
        """The styles of every convolution, (N, Cin) each."""
        ws = self.ws(latent)
        return [module.affine(ws[:, number]) for number, module in self._modulated]

    def noise(self, latent: Latent) -> list[Tensor | None]:
        """What every convolution adds, (1 or N, 1, r, r); None for the pictures."""
        stored = [module.noise if isinstance(module, ModulatedConv) else None for _, module in self._modulated]
        return noise_maps(latent.noise, stored)
