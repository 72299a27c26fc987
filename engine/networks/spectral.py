"""Spectral normalisation by Chainer's rule, which the paper's models were trained with (Miyato et al. 2018).

There are the raw weight W and one vector u. Every forward pass, in training or not, takes one power step from the
stored u and divides W by the sigma it finds; training then keeps the new u. (torch's own `spectral_norm` takes no
step in evaluation, so its numbers differ.) ajbrock's BigGAN has the same rule. The step costs two matrix-vector
products, which vanish beside a convolution, so nothing is cached and nothing can go stale.

Two ways to have it: layers that keep W and u for good, in their files too; and, for the time of a training, over the
weights of any plain network (`normalise`), divided out at its end (`fold`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

__all__ = [
    "SpectralConv2d",
    "SpectralEmbedding",
    "SpectralLinear",
    "find_vectors",
    "fold",
    "normalise",
    "plain_name",
    "power_step",
    "raw_weights",
    "spectral_weight",
]

Network = TypeVar("Network", bound=nn.Module)


def power_step(weight: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """One step of power iteration on `weight` flattened to (rows, rest).

    Args:
        weight: (rows, ...).
        u: (1, rows).

    Returns:
        sigma, a scalar differentiable in `weight` (u and v are constants), and the next u (1, rows).
    """
    matrix = weight.flatten(1)
    with torch.no_grad():
        v = _unit(u @ matrix)  # (1, rest)
        u = _unit(v @ matrix.T)  # (1, rows)
    return (u @ matrix @ v.T).squeeze(), u


def _unit(vector: Tensor) -> Tensor:
    return vector / (vector.norm() + 1e-12)


def spectral_weight(module: SpectralConv2d | SpectralLinear | SpectralEmbedding) -> Tensor:
    """The weight in use, W / sigma; in training mode the module's u moves on."""
    with torch.autocast(module.weight.device.type, enabled=False):
        sigma, u = power_step(module.weight, module.u)
        if module.training:
            module.u.copy_(u)
        return module.weight / sigma


class SpectralConv2d(nn.Conv2d):
    """Convolution with a spectrally normalised weight."""

    u: Tensor

    def __init__(self, width_in: int, width_out: int, kernel: int) -> None:
        super().__init__(width_in, width_out, kernel, padding=kernel // 2)
        self.register_buffer("u", torch.randn(1, width_out))

    def forward(self, input: Tensor) -> Tensor:
        """(N, Cin, h, w) -> (N, Cout, h, w)."""
        return F.conv2d(input, spectral_weight(self), self.bias, padding=self.padding)  # type: ignore[arg-type]


class SpectralLinear(nn.Linear):
    """Linear layer with a spectrally normalised weight."""

    u: Tensor

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__(width_in, width_out)
        self.register_buffer("u", torch.randn(1, width_out))

    def forward(self, input: Tensor) -> Tensor:
        """(N, Cin) -> (N, Cout)."""
        return F.linear(input, spectral_weight(self), self.bias)


class SpectralEmbedding(nn.Embedding):
    """Embedding table with a spectrally normalised weight; rows of the table are the rows of the matrix."""

    u: Tensor

    def __init__(self, count: int, width: int) -> None:
        super().__init__(count, width)
        self.register_buffer("u", torch.randn(1, count))

    def forward(self, input: Tensor) -> Tensor:
        """Class numbers (N,) -> (N, C)."""
        return F.embedding(input, spectral_weight(self))


class SpectralDivision(nn.Module):
    """W -> W / sigma for one matrix, or for several that lie below one another in W, each by its own sigma."""

    u: Tensor

    def __init__(self, rows: int, matrices: int = 1) -> None:
        super().__init__()
        self.matrices = matrices
        self.register_buffer("u", torch.randn(1, rows))

    def forward(self, weight: Tensor) -> Tensor:
        """(rows, ...) -> (rows, ...); in training mode u moves on."""
        with torch.autocast(weight.device.type, enabled=False):
            parts = weight.chunk(self.matrices)
            found = [power_step(*pair) for pair in zip(parts, self.u.chunk(self.matrices, dim=1), strict=True)]
            if self.training:
                self.u.copy_(torch.cat([u for _, u in found], dim=1))
            return torch.cat([part / sigma for part, (sigma, _) in zip(parts, found, strict=True)])


def normalise(module: nn.Module, matrices: int = 1) -> None:
    """Put spectral norm over a module's weight, in place: whoever asks for `module.weight` gets W / sigma.

    Args:
        module: a convolution, linear layer or embedding, whatever reads its weight.
        matrices: of how many, below one another, the weight is made. Each must have as many rows.
    """
    rows = module.get_parameter("weight").shape[0]
    parametrize.register_parametrization(module, "weight", SpectralDivision(rows, matrices))


def fold(network: Network) -> Network:
    """Divide the norms out, in place: every weight becomes what is used of it in evaluation, W / sigma.

    The network is a plain one again, in evaluation mode. Layers with W and u of their own stay as they are.
    """
    network.eval()
    for module in list(network.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
    return network


@torch.no_grad()
def find_vectors(network: nn.Module, steps: int = 50) -> None:
    """Bring the vectors u, which know nothing of weights that were put there since, near to where they belong."""
    for module in network.modules():
        if parametrize.is_parametrized(module, "weight"):
            (division,), weight = _norm_and_raw(module)
            mode = division.training
            division.train()
            for _ in range(steps):
                division(weight)
            division.train(mode)


def raw_weights(network: nn.Module) -> Iterator[tuple[nn.Parameter, int]]:
    """W of every convolution and linear layer, normalised or not, and of how many matrices it is made."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            if parametrize.is_parametrized(module, "weight"):
                (division,), weight = _norm_and_raw(module)
                yield weight, division.matrices
            else:
                yield module.get_parameter("weight"), 1


def _norm_and_raw(module: Any) -> tuple[Any, nn.Parameter]:
    return module.parametrizations.weight, module.parametrizations.weight.original


def plain_name(name: str) -> str | None:
    """What the plain network calls an entry of a normalised one's state; None for a vector u, which it has not."""
    if name.endswith("parametrizations.weight.0.u"):
        return None
    return name.replace("parametrizations.weight.original", "weight")
