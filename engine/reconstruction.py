"""How far a picture is from its target: by features (paper eq. 4; `distances.py`), and by pixels.

Shapes: N images, L length of a feature vector, R picture size.
"""

from __future__ import annotations

from torch import Tensor

from .distances import choose_distance
from .errors import InputError
from .gan import Gan
from .ranges import expect, real

__all__ = ["Reconstruction", "reconstruction_loss"]


class Reconstruction:
    """The distance to fixed targets, whose features are computed once.

    Images are measured in the targets' order, N of them or several rounds of N.

    `loss = distance(image, target) + pixel_weight * mean((image - target)^2)` for each image; with the discriminator's
    distance this is eq. 4 and the original's pixel term.
    """

    def __init__(self, gan: Gan, targets: Tensor, pixel_weight: float = 0.2, distance: str = "discriminator") -> None:
        """Measure against `targets` (N, 3, R, R) in [-1, 1] by one of `distances.DISTANCES`.

        Raises:
            ModelError: the model lacks the network that the distance needs.
            InputError: targets of another shape, a negative weight, or an unknown distance.
        """
        expect(gan, Gan, "The model to measure with")
        _check_pictures(gan, targets, "Targets")
        self.pixel_weight = real(pixel_weight, "The weight of the pixel term", 0)
        self.targets = targets.to(gan.device, gan.dtype)
        self.name, self._distance = choose_distance(gan, self.targets, distance)

    def perceptual_distance(self, images: Tensor) -> Tensor:
        """The distance without the pixel term; by the discriminator it is eq. 4 alone: (N, 3, R, R) -> (N,)."""
        return self._distance(images)

    def pixel_distance(self, images: Tensor) -> Tensor:
        """Mean squared difference of pixels in [-1, 1]: (N, 3, R, R) -> (N,)."""
        rounds = images.unflatten(0, (-1, len(self.targets)))
        return (rounds - self.targets).square().mean((2, 3, 4)).flatten()

    def loss(self, images: Tensor) -> Tensor:
        """The whole distance, differentiable in `images`: (N, 3, R, R) -> (N,)."""
        return self.perceptual_distance(images) + self.pixel_weight * self.pixel_distance(images)


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
