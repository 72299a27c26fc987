"""The auxiliary pair A, B: projection descends faster on zeta = A(z) than on z itself (paper appendix B.1).

Shapes: N images, D latent size, Z zeta size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import InputError

__all__ = ["Auxiliary", "AuxiliaryConfig"]


@dataclass(frozen=True)
class AuxiliaryConfig:
    """Everything that fixes the shape of an auxiliary pair. The paper's: 128 -> 1000 -> 10000 -> 1000 -> 128."""

    dim_z: int
    """Length D of the latent."""
    dim_a: int
    """Width of A's hidden layer."""
    dim_zeta: int
    """Length Z of zeta."""
    dim_b: int
    """Width of B's hidden layer."""

    def __post_init__(self) -> None:
        if min(self.dim_z, self.dim_a, self.dim_zeta, self.dim_b) < 1:
            raise InputError(f"An auxiliary pair needs positive widths; got {self}.")


class Auxiliary(nn.Module):
    """A: z -> zeta and B: zeta -> z, with one learned step size for each unit of zeta.

    The layers keep the original's Chainer initialisation: LeCun normal, PReLU slopes of 0.25.
    """

    RATE = 2e-4  # initial step size of every unit (original configuration)

    def __init__(self, config: AuxiliaryConfig) -> None:
        super().__init__()
        self.config = config
        self.a1 = nn.Linear(config.dim_z, config.dim_a)
        self.a2 = nn.Linear(config.dim_a, config.dim_zeta)
        self.a_prelu = nn.PReLU(config.dim_zeta)
        self.b1 = nn.Linear(config.dim_zeta, config.dim_b)
        self.b2 = nn.Linear(config.dim_b, config.dim_z)
        self.b_prelu = nn.PReLU(config.dim_z)
        self.rates = nn.Parameter(torch.full((config.dim_zeta,), self.RATE))
        for linear in (self.a1, self.a2, self.b1, self.b2):
            nn.init.normal_(linear.weight, std=linear.in_features**-0.5)
            nn.init.zeros_(linear.bias)

    def to_zeta(self, z: Tensor) -> Tensor:
        """A: z (N, D) -> zeta (N, Z)."""
        return self.a_prelu(self.a2(torch.relu(self.a1(z))))

    def to_z(self, zeta: Tensor) -> Tensor:
        """B: zeta (N, Z) -> z (N, D)."""
        return self.b_prelu(self.b2(torch.relu(self.b1(zeta))))

    def forward(self, z: Tensor) -> Tensor:
        """B(A(z)): (N, D) -> (N, D), near z once trained."""
        return self.to_z(self.to_zeta(z))
