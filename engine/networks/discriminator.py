"""Discriminator: what every family's discriminator offers, whatever it is made of.

Shapes: N images, C channels of the last map, R picture size, L length of a feature vector.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Discriminator", "ProjectionDiscriminator"]


class Discriminator(nn.Module, ABC):
    """Tells real pictures from made ones. Its features measure how far two pictures are from one another (eq. 4)."""

    resolution: int
    """Side R of the pictures that it reads, in pixels."""

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """Psi of paper eq. 4, before its normalisation: (N, 3, R, R) -> (N, L)."""

    @abstractmethod
    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N, 1) of images (N, 3, R, R) in [-1, 1] under labels (N,)."""


class ProjectionDiscriminator(Discriminator):
    """logit = linear of the last map's sum over pixels, plus the class row times that sum (Miyato & Koyama 2018)."""

    blocks: nn.ModuleList
    """Each called with a map and giving the next."""
    linear: nn.Module
    """(N, C) -> (N, 1)."""
    embed: nn.Module | None
    """Class numbers (N,) -> (N, C); None for a discriminator that knows no classes."""

    def feature_map(self, images: Tensor) -> Tensor:
        """Output of the last block after ReLU: (N, 3, R, R) -> (N, C, r, r)."""
        h = images
        for block in self.blocks:
            h = block(h)
        return F.relu(h)

    def features(self, images: Tensor) -> Tensor:
        """The feature map, flattened to (N, C r r)."""
        return self.feature_map(images).flatten(1)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits (N, 1) of images (N, 3, R, R) in [-1, 1]; without labels (N,) the class term is left out."""
        h = self.feature_map(images).sum((2, 3))  # (N, C)
        logits = self.linear(h)  # (N, 1)
        if labels is not None and self.embed is not None:
            logits = logits + (self.embed(labels) * h).sum(1, keepdim=True)
        return logits
