"""Spaces that a projection can move in, and the way between them and latents.

`z`      the latent itself
`zeta`   A(z) of the auxiliary pair, where descent is faster (paper appendix B)
`w`      one style for all layers of a StyleGAN, measured from the mean style in units of its own spread
`w+`     a style for each layer, likewise

Shapes: N images, D latent size, L layers that are told a style, V length of a style.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .errors import InputError, ModelError
from .gan import Gan
from .latent import Latent
from .networks.auxiliary import Auxiliary

__all__ = ["RATES", "Space", "style_statistics"]

RATES = {"z": 0.075, "zeta": 0.015, "w": 0.05, "w+": 0.05}
"""Adam's rate in each space: for z and zeta the original's defaults, for w hundredths of its spread."""
DRAWS = 512
"""How many latents tell the mean and the spread of w."""


@dataclass(frozen=True)
class Space:
    """Where a descent moves."""

    adopt: Callable[[Latent], Latent]
    """A latent of any kind as one of this space: the same picture (for w: with the mean of its layers' styles)."""
    enter: Callable[[Latent], Tensor]
    """The point (N, ...) of a latent of this space."""
    leave: Callable[[Tensor, Latent], Latent]
    """The latent at a point; what else it holds is that of the latent given."""

    @classmethod
    def named(cls, gan: Gan, name: str) -> Space:
        """The space of that name.

        Raises:
            InputError: no such space.
            ModelError: the model has no auxiliary pair, or no w.
        """
        if name not in RATES:
            raise InputError(f"The space must be one of {', '.join(RATES)}; got {name!r}.")
        if name in ("w", "w+"):
            return _styles(gan, each=name == "w+")
        if name == "z":
            return cls(_with_z, lambda latent: _z(latent), lambda point, like: like.at(point))
        pair = gan.part("auxiliary")
        assert isinstance(pair, Auxiliary)
        return cls(_with_z, lambda latent: pair.to_zeta(_z(latent)), lambda point, like: like.at(pair.to_z(point)))


def _with_z(latent: Latent) -> Latent:
    """A latent as it is, refused where it is given by w: w has no way back to z."""
    if latent.z is None:
        raise InputError("To move in z, a start that has z is needed; this one is given by w. Project in w instead.")
    return latent


def _z(latent: Latent) -> Tensor:
    assert latent.z is not None
    return latent.z


def _styles(gan: Gan, each: bool) -> Space:
    if gan.generator.w_shape is None:
        raise ModelError('This model draws from z and has no styles; project in "z".')
    mean, spread = style_statistics(gan, None)  # (1, V), scalar

    def adopt(latent: Latent) -> Latent:
        styles = gan.mapped(latent).w  # (N, L, V), truncated already
        assert styles is not None
        return replace(latent, z=None, w=styles if each else styles.mean(1), truncation=1.0)

    def enter(latent: Latent) -> Tensor:
        return (latent.point - mean) / spread

    def leave(point: Tensor, like: Latent) -> Latent:
        return like.at(mean + spread * point)

    return Space(adopt, enter, leave)


@torch.no_grad()
def style_statistics(gan: Gan, label: int | None) -> tuple[Tensor, Tensor]:
    """The mean style (1, V) of one class, or over classes, and the mean deviation of its numbers, a scalar.

    Always of the same `DRAWS` latents.
    """
    latents = gan.sample(0 if label is None else label, seed=0, count=DRAWS)
    if label is None:
        latents = replace(latents, labels=torch.arange(DRAWS, device=gan.device) % gan.n_classes)
    styles = gan.mapped(latents).w
    assert styles is not None
    styles = styles[:, 0]  # without truncation all layers have the same
    return styles.mean(0, keepdim=True), styles.std(0).mean()
