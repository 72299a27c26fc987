"""Latent: what a generator starts from. A frozen value that knows no networks.

Shapes: N images, D latent size, L layers that are told a style, V length of a style, r size of a layer in pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .errors import InputError
from .ranges import real

__all__ = ["Latent"]

_WHOLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


@dataclass(frozen=True, eq=False)
class Latent:
    """What a generator starts from: z, or, for the StyleGAN families, the styles w in its place."""

    z: Tensor | None
    """(N, D) numbers, standard normal where they were drawn; None where w is given."""
    labels: Tensor
    """(N,) class numbers, from 0."""
    truncation: float = 1.0
    """What `Gan.sample` was asked for. Families that truncate z have z drawn so; StyleGANs pull w towards its mean by
    it when they draw; BigGAN-deep chooses its batch statistics by it."""
    w: Tensor | None = None
    """(N, V), one style for all layers, or (N, L, V), a style for each ("w+")."""
    noise: Tensor | tuple[Tensor, ...] | None = None
    """For StyleGANs. (N,) whole numbers: each picture's own seed. A tuple of maps (1 or N, 1, r, r): the noise itself,
    one for each layer or one for each size; an empty tuple: none. None: the noise stored in the model's file."""

    def __post_init__(self) -> None:
        given = [tensor for tensor in (self.z, self.w) if tensor is not None]
        if len(given) != 1:
            raise InputError("A latent holds either z or w, the styles that stand in its place; got both or neither.")
        if self.z is not None:
            _check_numbers(self.z, "z", "(N, D)", (2,))
        if self.w is not None:
            _check_numbers(self.w, "w", "(N, V) or (N, L, V)", (2, 3))
        if not isinstance(self.labels, Tensor) or self.labels.dim() != 1 or self.labels.dtype not in _WHOLE:
            raise InputError(
                f"A latent's labels must be a tensor (N,) of whole class numbers; got {_told(self.labels)}."
            )
        if len(self.labels) != len(self.point):
            raise InputError(
                f"A latent needs one label for each z; got {len(self.point)} z and {len(self.labels)} labels."
            )
        _check_noise(self.noise, len(self.point))
        real(self.truncation, "A latent's truncation", -math.inf)

    def __len__(self) -> int:
        return len(self.point)

    @property
    def point(self) -> Tensor:
        """z, or w where it stands in its place: where the picture is, and what a projection moves."""
        point = self.z if self.z is not None else self.w
        assert point is not None
        return point

    def at(self, point: Tensor) -> Latent:
        """The same latent at another z (or w, where it is given by w)."""
        return replace(self, z=point) if self.z is not None else replace(self, w=point)

    def to(self, device: torch.device, dtype: torch.dtype) -> Latent:
        """The same numbers on `device` in precision `dtype`; labels become int64, seeds stay on the CPU."""
        noise = tuple(maps.to(device, dtype) for maps in self.noise) if isinstance(self.noise, tuple) else self.noise
        moved = self.at(self.point.to(device, dtype))
        return replace(moved, labels=self.labels.to(device, torch.int64), noise=noise)

    def repeated(self, count: int) -> Latent:
        """One latent repeated to `count` (views, not copies); a batch of `count` as it is.

        Raises:
            InputError: any other batch length.
        """
        if len(self) not in (1, count):
            raise InputError(f"Latents must come singly or {count} at a time, one for each picture; got {len(self)}.")
        if len(self) == count:
            return self
        noise = self.noise.expand(count) if isinstance(self.noise, Tensor) else self.noise
        expanded = self.point.expand(count, *self.point.shape[1:])
        z, w = (expanded, None) if self.z is not None else (None, expanded)
        return replace(self, z=z, w=w, labels=self.labels.expand(count), noise=noise)


def _check_numbers(tensor: Tensor, name: str, shape: str, axes: tuple[int, ...]) -> None:
    if (
        not isinstance(tensor, Tensor)
        or tensor.dim() not in axes
        or 0 in tensor.shape
        or not tensor.is_floating_point()
    ):
        raise InputError(f"A latent's {name} must be a float tensor {shape}; got {_told(tensor)}.")
    if not torch.isfinite(tensor).all():
        raise InputError(
            f"A latent's {name} must hold finite numbers; got NaN or infinity. Was the projection rate too high?"
        )


def _check_noise(noise: object, count: int) -> None:
    if noise is None:
        return
    if isinstance(noise, tuple):
        wrong = [
            one
            for one in noise
            if not isinstance(one, Tensor)
            or one.dim() != 4
            or one.shape[1] != 1
            or len(one) not in (1, count)
            or not one.is_floating_point()
        ]
    else:
        wrong = [] if isinstance(noise, Tensor) and noise.shape == (count,) and noise.dtype in _WHOLE else [noise]
    if wrong:
        raise InputError(
            f"A latent's noise must be a tensor (N,) of whole seeds, a tuple of maps (1 or N, 1, r, r), or None; got "
            f"{_told(wrong[0])} for {count} images."
        )


def _told(value: object) -> str:
    return f"{tuple(value.shape)} of {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
