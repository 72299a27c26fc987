"""VGG16's convolutions (Simonyan & Zisserman 2015): a perceptual distance for models without a discriminator.

The weights are the user's to bring: torchvision's `vgg16-397923af.pth` (trained on ImageNet), or a file with its names.

Shapes: N images, C channels, h w space, L length of a feature vector.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError

__all__ = ["STAGES", "VGG16", "VGG16Config"]

STAGES = (2, 2, 3, 3, 3)
"""Convolutions between the poolings."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""What torchvision's weights expect of pictures in [0, 1]: R, G, B."""
LARGEST = 256
"""Pictures are shrunk to this many pixels first: the network was trained on 224, and sees larger ones as texture."""


@dataclass(frozen=True)
class VGG16Config:
    """Everything that fixes the shape."""

    channels: tuple[int, ...]
    """Width of each of the five stages; 64, 128, 256, 512, 512 in the published network."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        if len(self.channels) != len(STAGES) or min(self.channels) < 1:
            raise InputError(f"VGG16 has {len(STAGES)} stages of positive width; got {self.channels}.")


class VGG16(nn.Module):
    """The features of five stages as one vector, whose cosine distance is the mean over stages and places of LPIPS'
    unweighted form (Zhang et al. 2018, eq. 1 with w = 1), halved."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: VGG16Config) -> None:
        super().__init__()
        self.config = config
        widths = (3, *config.channels)
        self.stages = nn.ModuleList(
            nn.ModuleList(
                nn.Conv2d(widths[i] if j == 0 else widths[i + 1], widths[i + 1], 3, padding=1) for j in range(count)
            )
            for i, count in enumerate(STAGES)
        )
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(3, 1, 1), persistent=False)

    def features(self, images: Tensor) -> Tensor:
        """(N, 3, R, R) in [-1, 1] -> (N, L): unit vectors of the channels at every place of every stage."""
        h = images if images.shape[-1] <= LARGEST else F.interpolate(images, size=(LARGEST, LARGEST), mode="area")
        h = ((h + 1) / 2 - self.mean) / self.deviation
        kept = []
        for number, stage in enumerate(self.stages):
            h = F.max_pool2d(h, 2) if number and min(h.shape[-2:]) > 1 else h  # (N, C, h, w)
            for conv in stage:  # type: ignore[union-attr]
                h = F.relu(conv(h))
            unit = h / (h.square().sum(1, keepdim=True) + 1e-10).sqrt()
            kept.append(unit.flatten(1) / (h.shape[-2] * h.shape[-1]) ** 0.5)  # each stage counts the same
        return torch.cat(kept, dim=1)
