"""Latent and Collage: what a picture is made from, and the ordered edits made to it. Frozen values, no networks.

Edits belong to the picture, not to the model: a changed mask re-runs only the render, and one collage can be drawn by
any model of its family. An edit returns a new collage; tensors inside are never written to.

Shapes: N images, D latent size, H W size of a mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .class_map import ClassMap
from .errors import InputError
from .pictures import as_mask
from .ranges import expect, real, whole

__all__ = ["Collage", "FeatureEdit", "LabelEdit", "Latent", "mix"]


_WHOLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


@dataclass(frozen=True, eq=False)
class Latent:
    """What a generator starts from."""

    z: Tensor
    """(N, D) numbers, standard normal where they were drawn."""
    labels: Tensor
    """(N,) class numbers, from 0."""
    truncation: float = 1.0
    """How z was drawn: 1 for the plain normal, below 1 for `Gan.sample`'s truncated one."""

    def __post_init__(self) -> None:
        if not isinstance(self.z, Tensor) or self.z.dim() != 2 or 0 in self.z.shape or not self.z.is_floating_point():
            raise InputError(f"A latent's z must be a float tensor (N, D); got {_told(self.z)}.")
        if not isinstance(self.labels, Tensor) or self.labels.dim() != 1 or self.labels.dtype not in _WHOLE:
            raise InputError(
                f"A latent's labels must be a tensor (N,) of whole class numbers; got {_told(self.labels)}."
            )
        if len(self.labels) != len(self.z):
            raise InputError(f"A latent needs one label for each z; got {len(self.z)} z and {len(self.labels)} labels.")
        if not torch.isfinite(self.z).all():
            raise InputError(
                "A latent's z must hold finite numbers; got NaN or infinity. Was the projection rate too high?"
            )

    def __len__(self) -> int:
        return len(self.z)


def _told(value: object) -> str:
    return f"{tuple(value.shape)} of {value.dtype}" if isinstance(value, Tensor) else type(value).__name__


@dataclass(frozen=True, eq=False)
class LabelEdit:
    """One label collage: a class map at chosen layers (paper section 3.1, sCBN)."""

    class_map: ClassMap
    """The regions."""
    layers: str
    """Which conditional norms, in the grammar of `layers.py`."""


@dataclass(frozen=True, eq=False)
class FeatureEdit:
    """One feature collage: features of a reference at chosen layers (paper section 3.2, eq. 3)."""

    reference: Collage
    """Where the features come from; it keeps its own label and edits."""
    mask: Tensor
    """(N, 1, H, W), 0 to 1: where the features land."""
    layers: str
    """Which feature maps, in the grammar of `layers.py`."""
    strength: float
    """0 to 1."""
    shift: tuple[float, float]
    """How far the reference's map is moved before it is blended: fractions of the picture, (right, down)."""
    units: tuple[int, ...] | None
    """Channels that are blended; None for all."""


@dataclass(frozen=True, eq=False)
class Collage:
    """A latent and the ordered edits made to it; also what a reference is."""

    latent: Latent
    """What the picture starts from."""
    edits: tuple[LabelEdit | FeatureEdit, ...] = ()
    """In the order they were made; on one layer, later ones paint over earlier ones of the same kind."""

    def __post_init__(self) -> None:
        if not isinstance(self.latent, Latent):
            raise InputError(
                f"A collage starts from a Latent; got {_told(self.latent)}. Draw one with `gan.sample` or project one."
            )

    def __len__(self) -> int:
        return len(self.latent)

    def label(self, class_map: ClassMap, layers: str = "all") -> Collage:
        """Add a label collage: `class_map` painted over the labels of every conditional norm in `layers`."""
        if not isinstance(class_map, ClassMap):
            raise InputError(f"A label collage needs a ClassMap; got {type(class_map).__name__}.")
        return replace(self, edits=(*self.edits, LabelEdit(class_map, layers)))

    def feature(
        self,
        reference: Collage,
        mask: Tensor,
        layers: str = "all",
        strength: float = 1.0,
        shift: tuple[float, float] = (0.0, 0.0),
        units: Sequence[int] | None = None,
    ) -> Collage:
        """Add a feature collage: at every feature map in `layers`, `h <- h + m s (shifted reference - h)` (eq. 3).

        Args:
            reference: another collage, with its own label and edits; one image, or as many as this one.
            mask: (H, W), (N, H, W) or (N, 1, H, W), 0 to 1: where the features land.
            layers: feature maps, in the grammar of `layers.py`.
            strength: 0 to 1.
            shift: fractions of the picture, (right, down), each from -1 to 1; the exposed border is replicated.
            units: channels to blend, from 0; None for all. Every chosen layer must have them.

        Raises:
            InputError: an argument of the wrong type or range. (Layers and sizes are checked by `render`.)
        """
        if not isinstance(reference, Collage):
            raise InputError(f"The reference of a feature collage must be a Collage; got {type(reference).__name__}.")
        edit = FeatureEdit(
            reference, as_mask(mask), layers, real(strength, "Strength", 0, 1), _as_shift(shift), _as_units(units)
        )
        return replace(self, edits=(*self.edits, edit))


def _as_shift(shift: tuple[float, float]) -> tuple[float, float]:
    if not isinstance(shift, (tuple, list)) or len(shift) != 2:
        raise InputError(f"Shift must be two fractions of the picture, (right, down); got {shift!r}.")
    return real(shift[0], "Shift to the right", -1, 1), real(shift[1], "Shift down", -1, 1)


def _as_units(units: Sequence[int] | None) -> tuple[int, ...] | None:
    """Channel numbers in order, each once."""
    if units is None:
        return None
    if not isinstance(units, (tuple, list, range)) or len(units) == 0:
        raise InputError(f"Units must be a list of channel numbers, at least one, or None for all; got {units!r}.")
    return tuple(sorted({whole(unit, "A unit", 0) for unit in units}))


def mix(first: Collage, second: Collage, amount: float) -> Collage:
    """Slerp from the first collage's z to the second's; labels and edits of the first stay.

    Spherical interpolation keeps the length that a normal latent has (White 2016), which plain averaging would shorten.

    Args:
        first: its edits and labels are kept.
        second: only its z is used; one image, or as many as the first.
        amount: 0 is the first, 1 the second.

    Raises:
        InputError: no collages, latents of different length, batches that do not fit, or an amount outside 0 to 1.
    """
    first, second = expect(first, Collage, "The first to mix"), expect(second, Collage, "The second to mix")
    a, b = first.latent.z, second.latent.z.to(first.latent.z)
    if a.shape[1] != b.shape[1]:
        raise InputError(
            f"Both collages must come from one model; their latents have {a.shape[1]} and {b.shape[1]} numbers."
        )
    if len(a) != len(b) and 1 not in (len(a), len(b)):
        raise InputError(f"Batches must be of one length, or one of them single; got {len(a)} and {len(b)}.")
    amount = real(amount, "Amount", 0, 1)
    count = max(len(a), len(b))
    z = {0.0: a, 1.0: b}.get(amount, _slerp(a, b, amount)).expand(count, -1)  # the ends are exact
    labels = first.latent.labels.expand(count)
    return replace(first, latent=replace(first.latent, z=z.clone(), labels=labels.clone()))


def _slerp(a: Tensor, b: Tensor, amount: float) -> Tensor:
    """Along the great circle between directions; lengths are interpolated linearly."""
    length_a, length_b = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    unit_a, unit_b = a / length_a.clamp(min=1e-12), b / length_b.clamp(min=1e-12)
    angle = torch.acos((unit_a * unit_b).sum(1, keepdim=True).clamp(-1, 1))
    # Nearly parallel (or opposite) directions have no stable great circle: the straight line serves.
    flat = torch.sin(angle) < 1e-4
    sine = torch.where(flat, torch.ones_like(angle), torch.sin(angle))
    weight_a = torch.where(flat, 1 - amount + torch.zeros_like(angle), torch.sin((1 - amount) * angle) / sine)
    weight_b = torch.where(flat, amount + torch.zeros_like(angle), torch.sin(amount * angle) / sine)
    return (weight_a * unit_a + weight_b * unit_b) * ((1 - amount) * length_a + amount * length_b)
