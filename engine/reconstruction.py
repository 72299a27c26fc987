"""How far a picture is from its target: the cosine between discriminator features (paper eq. 4), and pixels.

Shapes: N images, L length of a feature vector, R picture size.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from .errors import InputError
from .gan import Gan

__all__ = ["Reconstruction", "reconstruction_loss"]


class Reconstruction:
    """The distance to fixed targets, whose features are computed once.

    `loss = 1 - cos(Psi(image), Psi(target)) + pixel_weight * mean((image - target)^2)` for each image.
    """

    def __init__(self, gan: Gan, targets: Tensor, pixel_weight: float = 0.2) -> None:
        """Measure against `targets` (N, 3, R, R) in [-1, 1].

        Raises:
            ModelError: the model has no discriminator.
            InputError: targets of another shape, or a negative weight.
        """
        gan.part("discriminator")
        size = gan.resolution
        if targets.dim() != 4 or tuple(targets.shape[1:]) != (3, size, size):
            raise InputError(f"Targets must be (N, 3, {size}, {size}) in [-1, 1]; got {tuple(targets.shape)}.")
        if not pixel_weight >= 0:
            raise InputError(f"The weight of the pixel term must be 0 or more; got {pixel_weight!r}.")
        self.discriminator, self.targets, self.pixel_weight = gan.discriminator, targets, pixel_weight
        with torch.no_grad():
            self.features = self._features(targets)  # (N, L)

    def _features(self, images: Tensor) -> Tensor:
        assert self.discriminator is not None
        return self.discriminator.features(images)

    def cosine_distance(self, images: Tensor) -> Tensor:
        """Eq. 4 alone, from 0 (same direction) to 2: (N, 3, R, R) -> (N,)."""
        return 1 - cosine_similarity(self._features(images), self.features, dim=1)

    def pixel_distance(self, images: Tensor) -> Tensor:
        """Mean squared difference of pixels in [-1, 1]: (N, 3, R, R) -> (N,)."""
        return (images - self.targets).square().mean((1, 2, 3))

    def loss(self, images: Tensor) -> Tensor:
        """The whole distance, differentiable in `images`: (N, 3, R, R) -> (N,)."""
        return self.cosine_distance(images) + self.pixel_weight * self.pixel_distance(images)


def reconstruction_loss(gan: Gan, images: Tensor, targets: Tensor, pixel_weight: float = 0.2) -> Tensor:
    """(N,): `1 - cosine + pixel_weight * MSE` of images and targets, both (N, 3, R, R) in [-1, 1] (paper eq. 4).

    Raises:
        ModelError, InputError: as `Reconstruction`.
    """
    return Reconstruction(gan, targets, pixel_weight).loss(images)
