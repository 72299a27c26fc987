"""How far two pictures are from one another: by a network's features, or by their pixels where there is no network.

`discriminator`  1 - cosine of the family's own discriminator's features (paper eq. 4)
`vgg16`          1 - cosine of VGG16's features, whose weights the user brings
`pixels`         pixels and their gradients at several scales: for a model that has neither

Shapes: N images, R picture size, L length of a feature vector.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import InputError
from .gan import Gan

__all__ = ["DISTANCES", "CosineDistance", "Distance", "PyramidDistance", "choose_distance"]

DISTANCES = ("auto", "discriminator", "vgg16", "pixels")
COARSEST = 8
"""Side in pixels of the smallest scale that pixels are compared at."""


class Distance(ABC):
    """The distance to fixed targets (N, 3, R, R) in [-1, 1]. Images come in their order, N or several rounds of N."""

    @abstractmethod
    def __init__(self, targets: Tensor) -> None: ...

    @abstractmethod
    def __call__(self, images: Tensor) -> Tensor:
        """(K N, 3, R, R) -> (K N,), differentiable in `images`; 0 for the target itself."""


class CosineDistance(Distance):
    """1 - cos(Psi(image), Psi(target)), from 0 (same direction) to 2 (paper eq. 4)."""

    def __init__(self, targets: Tensor, psi: Callable[[Tensor], Tensor]) -> None:
        self.psi = psi
        with torch.no_grad():
            self.features = psi(targets)  # (N, L)

    def __call__(self, images: Tensor) -> Tensor:
        """As `Distance`."""
        features = self.psi(images).unflatten(0, (-1, len(self.features)))
        # Single precision at least, under autocast too: bf16 knows only steps of 1/256 near one.
        precise = torch.promote_types(features.dtype, torch.float32)
        return 1 - F.cosine_similarity(features.to(precise), self.features.to(precise), dim=-1).flatten()


class PyramidDistance(Distance):
    """Mean absolute difference of pixels and of their gradients, averaged over scales from R px down to 8 px.

    Coarse scales pull from afar, where pixels alone have no slope; gradients keep edges where means would blur them.
    """

    def __init__(self, targets: Tensor) -> None:
        self.scales = [_contents(scale) for scale in _pyramid(targets)]

    def __call__(self, images: Tensor) -> Tensor:
        """As `Distance`."""
        found = [
            (ours.unflatten(0, (-1, len(theirs))) - theirs).abs().mean((2, 3, 4)).flatten()
            for scale, targets in zip(_pyramid(images), self.scales, strict=True)
            for ours, theirs in zip(_contents(scale), targets, strict=True)
        ]
        return torch.stack(found).sum(0) / len(self.scales)


def _pyramid(images: Tensor) -> list[Tensor]:
    """The images and their halves by area, down to `COARSEST` pixels."""
    scales = [images]
    while scales[-1].shape[-1] >= 2 * COARSEST:
        scales.append(F.avg_pool2d(scales[-1], 2))
    return scales


def _contents(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels, and their differences to the right and down."""
    return images, images.diff(dim=-1), images.diff(dim=-2)


def choose_distance(gan: Gan, targets: Tensor, name: str = "auto") -> tuple[str, Distance]:
    """A distance by its name, and which one it is.

    Args:
        gan: the model, whose discriminator or VGG16 is measured with.
        targets: (N, 3, R, R) in [-1, 1].
        name: one of `DISTANCES`. "auto" takes the discriminator, else VGG16 where it was loaded, else pixels.

    Raises:
        ModelError: the model lacks the network that was asked for.
        InputError: another name.
    """
    if name not in DISTANCES:
        raise InputError(f"The distance must be one of {', '.join(DISTANCES)}; got {name!r}.")
    if name == "auto":
        name = "discriminator" if gan.discriminator else "vgg16" if gan.perception else "pixels"
    if name == "pixels":
        return name, PyramidDistance(targets)
    network = gan.part("discriminator" if name == "discriminator" else "perception")
    return name, CosineDistance(targets, network.features)  # type: ignore[arg-type]
