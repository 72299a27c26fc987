"""The axes that the auxiliary pair starts on: those in which Adam's step for each number of its point is worth most.

Adam measures the slope of each number by itself. That evens out how differently eq. 4 depends on its numbers, but only
where they are not mixed: along the principal axes of the slopes, as Shampoo and SOAP (Vyas et al. 2024) turn the
gradients of weights. A generator's z lies across them, and so does a zeta of random weights, however wide.

Shapes: N gradients, D latent size.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..gan import Gan
from ..reconstruction import Reconstruction
from .data import ImageSet
from .draws import Draws

__all__ = ["principal_axes", "slopes"]


DRAWN = 16
"""Pictures that are drawn at a time, however many go through the networks together: so the numbers are the same."""


def slopes(gan: Gan, data: ImageSet, count: int, draws: Draws, together: int = DRAWN) -> Tensor:
    """Gradients of eq. 4 with respect to z, at random latents towards pictures of the set: (count, D).

    At most `together` pictures, and no more than are drawn at a time, go through the networks at once. The set's
    pictures are as large as the model's. Slopes at the encoder's answers, and along whole descents, gave axes that were
    no better.
    """
    found = []
    for start in range(0, count, DRAWN):
        images, labels = data.draw(min(DRAWN, count - start), draws, flips=False, size=gan.resolution)
        rows = (images, labels, draws.normal(len(images), gan.dim_z))
        found += [_slopes_at(gan, *part) for part in zip(*(each.split(together) for each in rows), strict=True)]
    return torch.cat(found)


def _slopes_at(gan: Gan, images: Tensor, labels: Tensor, z: Tensor) -> Tensor:
    measure = Reconstruction(gan, images.to(gan.device, gan.dtype), pixel_weight=0.0)
    z = z.to(gan.device, gan.dtype).requires_grad_()
    made = gan.generator.generate(z, labels.to(gan.device))
    return torch.autograd.grad(measure.perceptual_distance(made).sum(), z)[0]


def principal_axes(gradients: Tensor) -> Tensor:
    """Orthonormal axes along which gradients (N, D) do not depend on one another: columns of (D, D), steepest first.

    In double precision, which not every device has: the steepest axis may have 1e5 times the variance of the flattest.
    """
    _, axes = torch.linalg.eigh(gradients.double().T @ gradients.double())
    return axes.flip(1)
