"""StyleGAN3, configurations T and R (Karras et al. 2021), and StyleGAN-XL, whose synthesis network is the same.

Waves of fixed frequencies, turned and moved by the first style, go through layers of one kind: modulated convolution,
then the filtered nonlinearity of `filtered.py`. Every canvas but the last ones extends beyond the picture by a margin.

Constant factors of the original (equalised learning rate, gain of the slope, size of a layer's input as training has
seen it) are in the weights: they are multiplied into them when a file is read.

Shapes: N images, C channels, K labels in use, L layers, S side of a canvas, V length of a style.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..latent import Latent
from ..style import Style, spread
from .filtered import Filtering, downsample, upsample
from .generator import State
from .mapping import pixel_norm
from .styled import StyledGenerator
from .stylegan2 import activate, bounded
from .stylegan3_config import StyleGAN3Config

__all__ = ["FilteredLayer", "FourierInput", "StyleGAN3Generator"]

EPS = 1e-8
LAYOUT = torch.channels_last
"""How features lie in memory: filters go channel by channel, and are several times as fast so."""


class FourierInput(nn.Module):
    """Waves of fixed frequencies, turned and moved as a style asks (section 3.2, "Fourier features", and 3.3)."""

    transform: Tensor
    """(3, 3): where the picture's points come from, as the user wants it; the identity in files."""
    frequencies: Tensor
    """(C, 2): (right, down), in waves per side of the picture."""
    phases: Tensor
    """(C,), in waves."""

    def __init__(self, config: StyleGAN3Config) -> None:
        super().__init__()
        self.size, self.rate, self.bandwidth = config.sizes[0], config.rates[0], config.bandwidth
        channels = config.channels[0]
        self.affine = nn.Linear(config.dim_w, 4)
        self.mix = nn.Parameter(torch.zeros(channels, channels))
        self.register_buffer("transform", torch.eye(3))
        self.register_buffer("frequencies", torch.zeros(channels, 2))
        self.register_buffer("phases", torch.zeros(channels))

    def forward(self, w: Tensor) -> Tensor:
        """The first style (N, V) -> waves (N, C, S, S)."""
        told = self.affine(w)
        told = told.to(torch.promote_types(told.dtype, torch.float32))  # weights may be in half
        points = self._points(told)  # (N, 2, 3)
        fixed = self.frequencies.to(told.dtype)
        frequencies = fixed @ points[:, :, :2]  # (N, C, 2)
        phases = self.phases + (fixed @ points[:, :, 2:])[:, :, 0]  # (N, C)
        # A transform that shrinks the picture makes waves faster; those that the canvas does not carry fade.
        excess = (frequencies.norm(dim=2) - self.bandwidth) / (self.rate / 2 - self.bandwidth)
        amplitudes = (1 - excess).clamp(0, 1)
        places = (torch.arange(self.size, device=w.device, dtype=told.dtype) + 0.5 - self.size / 2) / self.rate
        across = (frequencies[:, :, :1] * places + phases[:, :, None])[:, :, None]  # (N, C, 1, S)
        along = (frequencies[:, :, 1:] * places)[:, :, :, None]  # (N, C, S, 1)
        waves = torch.sin(2 * math.pi * (across + along)) * amplitudes[:, :, None, None]
        return F.conv2d(waves.to(self.mix.dtype), self.mix[:, :, None, None])

    def _points(self, told: Tensor) -> Tensor:
        """Where each point (x, y, 1) of the picture comes from, (N, 2, 3), for cosine, sine, right and down (N, 4)."""
        told = told / told[:, :2].norm(dim=1, keepdim=True)
        cosine, sine, *_ = told.unbind(1)
        turn = torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2)
        return torch.cat([turn, -turn @ told[:, 2:, None]], dim=2) @ self.transform.to(told.dtype)


class FilteredLayer(nn.Module):
    """Modulated convolution, bias, filtered slope. The layer that makes the picture has neither demodulation nor slope.

    Styles are spread on the input of the convolution, and what brings each back to its size on the output.
    """

    n_norms = 1
    gain: Tensor
    """(): what the convolution's result is multiplied with."""
    up_filter: Tensor
    down_filter: Tensor

    def __init__(self, config: StyleGAN3Config, number: int) -> None:
        super().__init__()
        width_in, width_out = config.channels[number : number + 2]
        self.kernel = config.kernels[number]
        self.colours = number == len(config.kernels) - 1
        self.filtering, self.clamp = config.filtering(number), config.clamps[number]
        self.padding = self.filtering.padding(config.sizes[number] + self.kernel - 1, config.sizes[number + 1])
        self.affine = nn.Linear(config.dim_w, width_in)
        self.weight = nn.Parameter(torch.zeros(width_out, width_in, self.kernel, self.kernel))
        self.bias = nn.Parameter(torch.zeros(width_out))
        self.register_buffer("gain", torch.ones(()))
        for name, shape in _filters(self.filtering).items():
            self.register_buffer(name, torch.zeros(shape))

    def style(self, w: Tensor) -> Tensor:
        """What the layer is told for styles w (N, V): (N, Cin).

        Before demodulation a style's size means nothing: it is 1 (root mean square), or else two styles that draw the
        same picture would leave a seam where they meet.
        """
        style = self.affine(w)
        return style if self.colours else pixel_norm(style)

    def forward(self, state: State, styles: Sequence[Style]) -> State:
        """(N, Cin, S, S) -> (N, Cout, S', S')."""
        (x,), (style,) = state, styles
        x = x.contiguous(memory_format=LAYOUT) * spread(style.vectors, style.weights, LAYOUT).to(x.dtype)
        x = F.conv2d(x, self.weight, padding=self.kernel - 1)  # a ring wider than x on each side, for kernels of 3
        scale = self.gain if self.colours else spread(self.demodulation(style.vectors), self._widened(style), LAYOUT)
        x = torch.addcmul(self.bias[:, None, None].to(x.dtype), x, scale.to(x.dtype))
        return (self._filtered(x),)

    def demodulation(self, styles: Tensor) -> Tensor:
        """What brings the result of each style (N, K, Cin) back to its size: (N, K, Cout)."""
        with torch.autocast(styles.device.type, enabled=False):
            energy = self.weight.square().sum((2, 3))  # (Cout, Cin)
            return self.gain * torch.rsqrt(styles.square() @ energy.T + EPS)

    def _widened(self, style: Style) -> Tensor:
        """The weights of each style on the canvas that the convolution gives."""
        ring = (self.kernel - 1) // 2
        several = style.vectors.shape[1] > 1
        return F.pad(style.weights, (ring,) * 4, mode="replicate") if several and ring else style.weights

    def _filtered(self, x: Tensor) -> Tensor:
        way = self.filtering
        if way.up_taps > 1:
            x = upsample(x, self.up_filter, way.up, self.padding)
        elif any(self.padding):
            x = F.pad(x, self.padding * 2)
        x = bounded(x, self.clamp) if self.colours else activate(x, self.clamp)
        return downsample(x, self.down_filter, way.down) if way.down_taps > 1 else x


def _filters(way: Filtering) -> dict[str, tuple[int, ...]]:
    """Shapes of the filters that a layer has."""
    shapes = {"up_filter": (way.up_taps,), "down_filter": (way.down_taps,) * (2 if way.radial else 1)}
    return {name: shape for name, shape in shapes.items() if shape[0] > 1}


class StyleGAN3Generator(StyledGenerator):
    """Waves, layers, pictures. The waves are a map of their own picture, and so the first that can be blended.

    They are turned and moved by the picture's own first style, whatever is painted: a class or style painted everywhere
    gives that picture's look on these waves, and not that picture.
    """

    half_is_right = True

    def __init__(self, config: StyleGAN3Config) -> None:
        layers = len(config.kernels)
        super().__init__(config, layers + 1)
        self.config, self.resolution = config, config.resolution
        self.waves = FourierInput(config)
        self.layers = nn.ModuleList(FilteredLayer(config, number) for number in range(layers))
        margins = tuple((size - rate) // 2 for size, rate in zip(config.sizes, config.rates, strict=True))
        self.feature_sizes, self.feature_margins = config.rates, margins
        self.norm_sizes, self.norm_margins = config.rates[:-1], margins[:-1]

    def begin(self, latent: Latent) -> State:
        """Waves (N, C0, S, S), turned and moved as the first of the picture's own styles asks."""
        w = self.ws(latent)[:, 0]
        with torch.autocast(w.device.type, enabled=False):  # half precision has too few phases
            return (self.waves(w),)

    def end(self, state: State, latent: Latent) -> Tensor:
        """(N, 3, R, R) -> pictures, about [-1, 1]."""
        (x,) = state
        return x * self.config.output_scale

    def vectors(self, latent: Latent) -> list[Tensor]:
        """What each layer is told: (N, Cin) for each."""
        ws = self.ws(latent)[:, 1:]
        with torch.autocast(ws.device.type, enabled=False):
            told = zip(self.layers, ws.unbind(1), strict=True)
            return [layer.style(w) for layer, w in told]  # type: ignore[operator]
