"""What generator and discriminator descend on: the paper's hinge loss, the non-saturating one, and two penalties.

Shapes: N images, R picture size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..networks.spectral import raw_weights

__all__ = ["LOSSES", "Loss", "add_orthogonality", "discriminator_loss", "generator_loss", "r1_penalty"]


@dataclass(frozen=True)
class Loss:
    """A pair of losses."""

    generator: Callable[[Tensor], Tensor]
    """Logits (N, 1) of made pictures -> a scalar."""
    discriminator: Callable[[Tensor, Tensor], Tensor]
    """Logits (N, 1) of real and of made pictures -> a scalar."""


def generator_loss(logits: Tensor) -> Tensor:
    """Hinge loss of the generator from the discriminator's logits (N, 1) of made pictures: a scalar."""
    return -_precise(logits).mean()


def discriminator_loss(real: Tensor, made: Tensor) -> Tensor:
    """Hinge loss of the discriminator from its logits (N, 1) of real and of made pictures: a scalar."""
    return F.relu(1 - _precise(real)).mean() + F.relu(1 + _precise(made)).mean()


def _softplus_generator(logits: Tensor) -> Tensor:
    return F.softplus(-_precise(logits)).mean()


def _softplus_discriminator(real: Tensor, made: Tensor) -> Tensor:
    return F.softplus(-_precise(real)).mean() + F.softplus(_precise(made)).mean()


LOSSES = {
    "hinge": Loss(generator_loss, discriminator_loss),  # Miyato & Koyama 2018, the paper's
    "softplus": Loss(_softplus_generator, _softplus_discriminator),  # Goodfellow et al. 2014, non-saturating
}


def r1_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """Mean squared norm of the logits' gradient in the images: R1 without its half (Mescheder et al. 2018).

    Args:
        logits: (N, 1), made from `images`.
        images: (N, 3, R, R), real pictures that need a gradient.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


@torch.no_grad()
def add_orthogonality(network: nn.Module, strength: float) -> None:
    """Add BigGAN's orthogonal regularisation to the gradients of a network's weights, in place.

    `2 strength (W W^T * (1 - I)) W` for every matrix W (rows, rest) of convolutions and linear layers, as ajbrock's
    code adds it; embeddings are left out. It drives rows apart and leaves their length alone (Brock et al. 2019, 3.1).
    """
    for weight, matrices in raw_weights(network):
        if weight.grad is not None:
            rows = weight.flatten(1).unflatten(0, (matrices, -1))  # (matrices, rows, rest)
            products = rows @ rows.transpose(1, 2)
            products.diagonal(dim1=1, dim2=2).zero_()
            weight.grad.add_((products @ rows).view(weight.shape), alpha=2 * strength)


def _precise(values: Tensor) -> Tensor:
    """Single precision at least."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
