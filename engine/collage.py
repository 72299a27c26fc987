"""Collage: a latent and the ordered edits made to it. Frozen values, no networks.

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
from .latent import Latent
from .pictures import as_mask
from .ranges import expect, real, whole

__all__ = ["Collage", "FeatureEdit", "LabelEdit", "mix"]


def _told(value: object) -> str:
    return f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


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
    """From the first collage's latent towards the second's: slerp for z, lerp for w; the first's labels and edits stay.

    Spherical interpolation keeps the length that a normal z has (White 2016), which plain averaging would shorten;
    styles w lie in a space made for straight lines (Karras et al. 2019, section 4).

    Args:
        first: its edits, labels, truncation and noise are kept.
        second: only its z (or w) is used; one image, or as many as the first.
        amount: 0 is the first, 1 the second.

    Raises:
        InputError: no collages, one with z and one with w, latents of different length, batches that do not fit, or an
            amount outside 0 to 1.
    """
    first, second = expect(first, Collage, "The first to mix"), expect(second, Collage, "The second to mix")
    a, b = first.latent.point, second.latent.point.to(first.latent.point)
    if (first.latent.z is None) != (second.latent.z is None):
        raise InputError(
            "Both collages must start from z, or both from w; got one of each. Project or draw both alike."
        )
    if a.shape[-1] != b.shape[-1] or (a.dim() == b.dim() and a.shape[1:] != b.shape[1:]):
        raise InputError(
            f"Both collages must come from one model; their latents have {_size(a)} and {_size(b)} numbers."
        )
    if len(a) != len(b) and 1 not in (len(a), len(b)):
        raise InputError(f"Batches must be of one length, or one of them single; got {len(a)} and {len(b)}.")
    amount = real(amount, "Amount", 0, 1)
    latent = first.latent.repeated(max(len(a), len(b)))
    if latent.z is not None:
        point = {0.0: a, 1.0: b}.get(amount, _slerp(a, b, amount))  # the ends are exact
    else:
        a, b = (w[:, None] if a.dim() != b.dim() and w.dim() == 2 else w for w in (a, b))
        point = torch.lerp(a, b, amount)
    return replace(first, latent=latent.at(point.expand(len(latent), *point.shape[1:]).clone()))


def _size(point: Tensor) -> str:
    return " x ".join(str(side) for side in point.shape[1:])


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
