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

    @property
    def fits_axes(self) -> bool:
        """Whether the pair can be a rotation of z: its hidden layers carry z, and zeta is as long as z."""
        return min(self.dim_a, self.dim_b) >= 2 * self.dim_z and self.dim_zeta == self.dim_z

    def __post_init__(self) -> None:
        if min(self.dim_z, self.dim_a, self.dim_zeta, self.dim_b) < 1:
            raise InputError(f"An auxiliary pair needs positive widths; got {self}.")


class Auxiliary(nn.Module):
    """A: z -> zeta and B: zeta -> z, with one learned step size for each unit of zeta.

    The layers start with the original's Chainer initialisation, LeCun normal and PReLU slopes of 0.25, unless they are
    aligned with the generator (`align`).
    """

    RATE = 2e-4  # initial step size of every unit (original configuration)
    GAIN = 20.0
    """Of z over zeta on given axes: Adam's 0.015 on zeta, the original's, is 0.3 on z, about its best rate there."""

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

    @torch.no_grad()
    def align(self, axes: Tensor) -> None:
        """Start on axes of z, the orthonormal columns of (D, D): each unit of zeta is one coordinate.

        Then B(A(z)) = z, but for rounding, and Adam on zeta is Adam along the axes. Pairs of ReLUs carry the numbers
        through the hidden layers, x = relu(x) - relu(-x), and the PReLUs have slope 1; hidden units beyond the pairs
        keep their weights and are not listened to, until training finds a use for them. A longer zeta would hold each
        coordinate several times, which descends the same and costs more.

        Raises:
            InputError: a hidden layer is too narrow to carry z, or zeta is not as long as z.
        """
        own, z = self.config, self.config.dim_z
        if not own.fits_axes:
            raise InputError(
                f"To start on axes, dim_a and dim_b must be at least {2 * z}, twice the latent, and dim_zeta {z}, as "
                f"the latent; got {own}. Change the widths, or start from random weights (axes 0)."
            )
        unit = torch.eye(z, device=axes.device, dtype=axes.dtype)
        for linear in (self.a1, self.a2, self.b1, self.b2):
            linear.bias.zero_()
        _pairs(self.a1, self.a2, unit, axes.T / self.GAIN)
        _pairs(self.b1, self.b2, self.GAIN * axes, unit)
        self.a_prelu.weight.fill_(1.0)
        self.b_prelu.weight.fill_(1.0)

    def to_zeta(self, z: Tensor) -> Tensor:
        """A: z (N, D) -> zeta (N, Z)."""
        return self.a_prelu(self.a2(torch.relu(self.a1(z))))

    def to_z(self, zeta: Tensor) -> Tensor:
        """B: zeta (N, Z) -> z (N, D)."""
        return self.b_prelu(self.b2(torch.relu(self.b1(zeta))))

    def forward(self, z: Tensor) -> Tensor:
        """B(A(z)): (N, D) -> (N, D), near z once trained."""
        return self.to_z(self.to_zeta(z))


def _pairs(first: nn.Linear, second: nn.Linear, into: Tensor, out: Tensor) -> None:
    """Make `second(relu(first(x)))` the map `out @ into` (O, H) x (H, I), by two hidden units for each of H."""
    used = len(into)
    first.weight[: 2 * used] = torch.cat([into, -into]).to(first.weight)
    second.weight.zero_()
    second.weight[:, : 2 * used] = torch.cat([out, -out], 1).to(second.weight)
