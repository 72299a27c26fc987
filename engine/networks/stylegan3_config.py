"""What fixes the shape of a StyleGAN3 generator, checked.

All of it is read off a file; nothing is computed anew from the few numbers that the original derives it from, so that
other plans (StyleGAN-XL's, with its stem and its heads) need nothing of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from ..errors import InputError
from .filtered import Filtering
from .mapping import MappingConfig

__all__ = ["StyleGAN3Config"]

LARGEST_MARGIN, LARGEST_FACTOR = 256, 16
"""Nothing is larger; it keeps nonsense from being allocated."""


@dataclass(frozen=True)
class StyleGAN3Config(MappingConfig):
    """Shape of a StyleGAN3 generator of L layers, the last of which makes the picture.

    Tuples have one entry for each layer; those of maps have one more, and begin with the waves of the input.
    """

    channels: tuple[int, ...]
    """Maps: their widths; the last is 3."""
    sizes: tuple[int, ...]
    """Maps: side of each canvas, in pixels."""
    rates: tuple[int, ...]
    """Maps: side of the picture on that canvas, in pixels: the sampling rate."""
    kernels: tuple[int, ...]
    """Side of the convolution."""
    ups: tuple[int, ...]
    """How much finer than its input the canvas is on which the slope works."""
    downs: tuple[int, ...]
    """How much coarser than that the output is."""
    up_taps: tuple[int, ...]
    """Length of the filter on the way up; 1 for none."""
    down_taps: tuple[int, ...]
    """Length of the filter on the way down; 1 for none."""
    radial: tuple[bool, ...]
    """Whether that filter is a disc, and not one filter for each axis."""
    clamps: tuple[float, ...]
    """No value after the slope is larger; 0 for no limit."""
    bandwidth: float
    """Highest frequency of the waves, per side of the picture; faster ones fade."""
    output_scale: float
    """What the last map is multiplied with."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            if isinstance(value := getattr(self, entry.name), list):
                object.__setattr__(self, entry.name, tuple(value))
        super().__post_init__()
        self._check_lengths()
        for layer in range(len(self.kernels)):
            self._check_layer(layer)
        if self.channels[-1] != 3 or self.sizes[-1] != self.rates[-1] or not math.isfinite(self.output_scale):
            raise InputError(f"A StyleGAN3 network must end in a picture of 3 colours without a margin; got {self}.")
        if not (0 < 2 * self.bandwidth < self.rates[0] and all(0 <= number < math.inf for number in self.clamps)):
            raise InputError(f"The first canvas must hold waves of its bandwidth, and clamps be 0 or more; got {self}.")

    def _check_lengths(self) -> None:
        layers, maps = len(self.kernels), len(self.channels)
        ways = (self.ups, self.downs, self.up_taps, self.down_taps)
        if layers < 1 or any(len(each) != layers for each in (*ways, self.radial, self.clamps)):
            raise InputError(f"A StyleGAN3 network needs every number for each of its layers; got {self}.")
        if maps != layers + 1 or len(self.sizes) != maps or len(self.rates) != maps:
            raise InputError(f"A StyleGAN3 network needs every size for each of its maps; got {self}.")
        if min(min(each) for each in (*ways, self.kernels, self.channels, self.sizes, self.rates)) < 1:
            raise InputError(f"A StyleGAN3 network needs positive sizes; got {self}.")

    def _check_layer(self, layer: int) -> None:
        way, margin = self.filtering(layer), self.sizes[layer] - self.rates[layer]
        filtered = all(taps > 1 or factor == 1 for taps, factor in ((way.up_taps, way.up), (way.down_taps, way.down)))
        if (
            self.rates[layer] * way.up != self.rates[layer + 1] * way.down
            or not filtered
            or self.kernels[layer] % 2 == 0
            or max(way.up, way.down) > LARGEST_FACTOR
            or margin % 2
            or not 0 <= margin <= 2 * LARGEST_MARGIN
        ):
            raise InputError(f"Layer {layer} of a StyleGAN3 network must lead from one canvas to the next; got {self}.")

    @property
    def resolution(self) -> int:
        """Side of the picture, in pixels."""
        return self.sizes[-1]

    def filtering(self, layer: int) -> Filtering:
        """How layer number `layer` goes up and down."""
        told = (self.ups, self.downs, self.up_taps, self.down_taps)
        up, down, up_taps, down_taps = (each[layer] for each in told)
        return Filtering(up, down, up_taps, down_taps, self.radial[layer])
