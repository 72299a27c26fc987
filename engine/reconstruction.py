"""How far a picture is from its target: the cosine between discriminator features (paper eq. 4), and pixels.

Shapes: N images, L length of a feature vector, R picture size.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from .errors import InputError
from .gan import Gan
from .ranges import expect, real

__all__ = ["Reconstruction", "reconstruction_loss"]


class Reconstruction:
    """The distance to fixed targets, whose features are computed once.

    Images are measured in the targets' order, N of them or several rounds of N.

    `loss = 1 - cos(Psi(image), Psi(target)) + pixel_weight * mean((image - target)^2)` for each image.
    """

    def __init__(self, gan: Gan, targets: Tensor, pixel_weight: float = 0.2) -> None:
        """Measure against `targets` (N, 3, R, R) in [-1, 1].

        Raises:
            ModelError: the model has no discriminator.
            InputError: targets of another shape, or a negative weight.
        """
        expect(gan, Gan, "The model to measure with").part("discriminator")
        _check_pictures(gan, targets, "Targets")
        self.pixel_weight = real(pixel_weight, "The weight of the pixel term", 0)
        self.discriminator, self.targets = gan.discriminator, targets.to(gan.device, gan.dtype)
        with torch.no_grad():
            self.features = self._features(self.targets)  # (N, L)

    def _features(self, images: Tensor) -> Tensor:
        assert self.discriminator is not None
        return self.discriminator.features(images)

    def cosine_distance(self, images: Tensor) -> Tensor:
        """Eq. 4 alone, from 0 (same direction) to 2: (N, 3, R, R) -> (N,)."""
        features = self._features(images).unflatten(0, (-1, len(self.targets)))
        # Single precision at least, under autocast too: bf16 knows only steps of 1/256 near one.
        precise = torch.promote_types(features.dtype, torch.float32)
        return 1 - cosine_similarity(features.to(precise), self.features.to(precise), dim=-1).flatten()

    def pixel_distance(self, images: Tensor) -> Tensor:
        """Mean squared difference of pixels in [-1, 1]: (N, 3, R, R) -> (N,)."""
        rounds = images.unflatten(0, (-1, len(self.targets)))
        return (rounds - self.targets).square().mean((2, 3, 4)).flatten()

    def loss(self, images: Tensor) -> Tensor:
        """The whole distance, differentiable in `images`: (N, 3, R, R) -> (N,)."""
        return self.cosine_distance(images) + self.pixel_weight * self.pixel_distance(images)


def _check_pictures(gan: Gan, pictures: Tensor, what: str) -> None:
    size = gan.resolution
    got = tuple(pictures.shape) if isinstance(pictures, Tensor) else type(pictures).__name__
    if not isinstance(pictures, Tensor) or pictures.dim() != 4 or got[1:] != (3, size, size) or len(pictures) == 0:
        raise InputError(f"{what} must be (N, 3, {size}, {size}) in [-1, 1], the model's own size; got {got}.")


def reconstruction_loss(gan: Gan, images: Tensor, targets: Tensor, pixel_weight: float = 0.2) -> Tensor:
    """(N,): `1 - cosine + pixel_weight * MSE` of images and targets, both (N, 3, R, R) in [-1, 1] (paper eq. 4).

    Raises:
        ModelError, InputError: as `Reconstruction`; or images of another size or number than the targets.
    """
    measure = Reconstruction(gan, targets, pixel_weight)
    _check_pictures(gan, images, "Images")
    if len(images) != len(targets):
        raise InputError(f"There must be one target for each image; got {len(images)} images, {len(targets)} targets.")
    return measure.loss(images.to(measure.targets))
