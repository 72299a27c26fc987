"""ConditionedGenerator: what BigGAN and BigGAN-deep share. Their norms are told a vector of class embedding and z.

Shapes: N images, D latent size, V length of a condition, S rows of statistics, R picture size.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..latent import Latent
from .affine_norm import ConditionalNorm, OutputNorm
from .generator import Generator, State

__all__ = ["ConditionedGenerator", "affine", "laid_out"]

WIDE = 32
"""From this side of the map on, pixels, convolutions on a CPU are faster with the channels innermost (measured)."""


def laid_out(x: Tensor) -> Tensor:
    """The map in the memory layout that is fastest for its size: the same numbers."""
    return x.contiguous(memory_format=torch.channels_last) if x.shape[-1] >= WIDE else x


def affine(n_classes: int, length: int, channels: int) -> nn.Linear | nn.Embedding:
    """Gain and shift of `channels` channels: of a condition of `length` numbers, or of the class where it is 0."""
    return nn.Linear(length, 2 * channels, bias=False) if length else nn.Embedding(n_classes, 2 * channels)


class ConditionedGenerator(Generator):
    """Linear layer to a 4x4 map, residual blocks, norm, ReLU, 3x3 convolution, tanh."""

    first: nn.Linear
    """Start of the latent -> the first map, channels slowest."""
    last_norm: OutputNorm
    last_conv: nn.Conv2d
    bottom: int
    """Side of the first map, in pixels."""

    @abstractmethod
    def start(self, latent: Latent) -> Tensor:
        """What the first map is made of, (N, V)."""

    @abstractmethod
    def conditions(self, latent: Latent) -> list[Tensor]:
        """What the norms of each layer are told: (N, V) vectors, or class numbers (N,)."""

    def shares(self, latent: Latent) -> Tensor:
        """How much each row of the statistics counts at the latent's truncation, (S,), summing to one."""
        return self.last_norm.weight.new_ones(1)

    def begin(self, latent: Latent) -> State:
        """The first map (N, C0, 4, 4)."""
        with torch.autocast(latent.labels.device.type, enabled=False):
            start = self.start(self._precise(latent))
            return (self.first(start).unflatten(1, (-1, self.bottom, self.bottom)),)

    def vectors(self, latent: Latent) -> list[Tensor]:
        """Scale and shift (N, 2C) of every conditional norm, the statistics folded in."""
        # Also under autocast in full precision: there are few of these numbers, and every pixel hangs on them.
        with torch.autocast(latent.labels.device.type, enabled=False):
            shares, conditions = self.shares(latent), self.conditions(self._precise(latent))
            return [
                norm.project(condition, shares)
                for layer, condition in zip(self.layers, conditions, strict=True)
                for norm in layer.children()
                if isinstance(norm, ConditionalNorm)
            ]

    def _precise(self, latent: Latent) -> Latent:
        """In the weights' precision, whatever made z: an encoder under autocast gives it in half."""
        return latent.to(latent.labels.device, self.last_norm.weight.dtype)

    def end(self, state: State, latent: Latent) -> Tensor:
        """(N, C, R, R) -> pictures (N, 3, R, R) in [-1, 1]."""
        (x,) = state
        h = F.relu(self.last_norm(x, self.shares(latent)), inplace=True)
        return torch.tanh(self.last_conv(h))
