"""The encoder E(x, y) -> z that gives projection its start (paper section 4.2; appendix B.1).

Shapes: N images, C channels, D latent size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from ..style import Style, resize
from .initialisation import initialise
from .sngan import ConditionalBatchNorm, PyramidConfig
from .sngan_discriminator import down

__all__ = ["ENCODER_CHANNELS", "EncoderConfig", "SNGANEncoder"]

ENCODER_CHANNELS = {
    # layout: width of the first convolution and of each block's output, as multiples of ch
    "64": (1, 2, 4, 8, 8),
    "128": (1, 2, 4, 4, 8, 8),
    "256": (1, 2, 4, 8, 8, 16, 16),
}


@dataclass(frozen=True)
class EncoderConfig(PyramidConfig):
    """Shape of an SNGAN encoder: from the picture down. Its first width is that of the first convolution."""


class EncoderBlock(nn.Module):
    """norm, ReLU, down, conv, norm, ReLU, conv; side path down, 1x1 conv."""

    def __init__(self, width_in: int, width_out: int, n_classes: int) -> None:
        super().__init__()
        self.norm1 = ConditionalBatchNorm(width_in, n_classes)
        self.conv1 = nn.Conv2d(width_in, width_in, 3, padding=1)
        self.norm2 = ConditionalBatchNorm(width_in, n_classes)
        self.conv2 = nn.Conv2d(width_in, width_out, 3, padding=1)
        self.side = nn.Conv2d(width_in, width_out, 1)

    def forward(self, x: Tensor, style: Style) -> Tensor:
        """(N, Cin, h, w) -> (N, Cout, h/2, w/2)."""
        h = self.conv1(down(F.relu(self.norm1(x, style))))  # (N, Cin, h/2, w/2)
        h = self.conv2(F.relu(self.norm2(h, style)))  # (N, Cout, h/2, w/2)
        return h + self.side(down(x))


class SNGANEncoder(nn.Module):
    """3x3 convolution, residual blocks that halve the size, linear layer, PReLU with one slope a unit."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.resolution = config.resolution
        self.first = nn.Conv2d(3, config.channels[0], 3, padding=1)
        widths = zip(config.channels[:-1], config.channels[1:], strict=True)
        self.blocks = nn.ModuleList(EncoderBlock(a, b, config.n_classes) for a, b in widths)
        self.last = nn.Linear(config.channels[-1] * config.bottom**2, config.dim_z)
        self.prelu = nn.PReLU(config.dim_z)
        self.apply(initialise)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """z (N, D) of images (N, 3, H, W) in [-1, 1] (brought to the encoder's own size) and labels (N,)."""
        style = Style.uniform(labels)
        h = self.first(resize(images, (self.resolution, self.resolution)))
        for block in self.blocks:
            h = block(h, style)
        return self.prelu(self.last(h.flatten(1)))
