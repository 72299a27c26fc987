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

TOGETHER = 16
"""Pictures drawn in one forward."""


def slopes(gan: Gan, data: ImageSet, count: int, draws: Draws) -> Tensor:
    """Gradients of eq. 4 with respect to z, at random latents towards pictures of the set: (count, D).

    The sets' pictures are as large as the model's. Slopes at the encoder's answers, and along whole descents, gave axes
    that were no better.
    """
    found = []
    for start in range(0, count, TOGETHER):
        images, labels = data.draw(min(TOGETHER, count - start), draws, flips=False, size=gan.resolution)
        measure = Reconstruction(gan, images.to(gan.device, gan.dtype), pixel_weight=0.0)
        z = draws.normal(len(images), gan.dim_z).to(gan.device, gan.dtype).requires_grad_()
        made = gan.generator.generate(z, labels.to(gan.device))
        found.append(torch.autograd.grad(measure.perceptual_distance(made).sum(), z)[0])
    return torch.cat(found)


def principal_axes(gradients: Tensor) -> Tensor:
    """Orthonormal axes along which gradients (N, D) do not depend on one another: columns of (D, D), steepest first.

    In double precision: the steepest axis may have 1e5 times the variance of the flattest.
    """
    _, axes = torch.linalg.eigh(gradients.double().T @ gradients.double())
    return axes.flip(1)
