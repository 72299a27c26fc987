"""ClassMap: labelled regions with strengths, painted over the picture's own label (W of paper eq. 2).

A class map keeps its labels as they were given; `render` resolves them against a model. It knows no networks.

Shapes: N images, K labels in this map, H W size of the largest mask.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .errors import LabelError, MaskError
from .pictures import as_mask
from .ranges import real
from .style import over, resize

__all__ = ["ClassMap"]

SUM_TOLERANCE = 1e-4
"""How far exact weights may sum away from one; 8-bit pictures, divided and added up in float32, stay far below it."""


@dataclass(frozen=True, eq=False)
class ClassMap:
    """Regions painted one over the other; what no region covers keeps the picture's own label."""

    labels: tuple[Hashable, ...] = ()
    """Each a class number, a class name, or a `Collage` whose style is meant; every entry once."""
    weights: Tensor = field(default_factory=lambda: torch.zeros(1, 0, 1, 1))
    """(N, K, H, W): how much of each label is at each pixel; the rest, 1 - sum, is the picture's own label."""

    def __post_init__(self) -> None:
        """Raise MaskError for weights that are not one map a label. (`from_weights` checks what they hold.)"""
        shape = tuple(self.weights.shape) if isinstance(self.weights, Tensor) else ()
        if not isinstance(self.labels, tuple) or len(shape) != 4 or shape[1] != len(self.labels):
            raise MaskError(
                f"A class map holds a tuple of K labels and weights (N, K, H, W); got {self.labels!r:.80} and {shape}. "
                f"Make it with `ClassMap().paint(label, mask)` or `ClassMap.from_weights`."
            )

    def paint(self, label: Hashable, mask: Tensor, strength: float = 1.0) -> ClassMap:
        """Paint `label` over what is there: `w <- w * (1 - m s)`, new map `m s`. A label painted twice is one entry.

        Args:
            label: class number, class name, or a `Collage` whose style is meant.
            mask: (H, W), (N, H, W) or (N, 1, H, W), 0 to 1.
            strength: 0 to 1.

        Raises:
            LabelError: a label that can be none of these.
            MaskError: a mask of the wrong shape, range or batch size.
            InputError: a strength outside 0 to 1.
        """
        _check_label(label)
        return self.under(ClassMap((label,), as_mask(mask) * real(strength, "Strength", 0, 1)))

    def under(self, above: ClassMap) -> ClassMap:
        """Paint a whole class map over this one. A label of both is one entry.

        Raises:
            MaskError: masks of another aspect or batch size.
        """
        below, top = _together(self.weights.to(above.weights.device), above.weights)
        painted, every = over(below, top), (*self.labels, *above.labels)
        labels = tuple(dict.fromkeys(every))
        places = torch.tensor([labels.index(label) for label in every], dtype=torch.long, device=painted.device)
        merged = painted.new_zeros(len(painted), len(labels), *painted.shape[-2:])
        return ClassMap(labels, merged.index_add_(1, places, painted))

    @classmethod
    def from_weights(cls, labels: Sequence[Hashable], weights: Tensor) -> ClassMap:
        """Exact weights W of eq. 2: the picture's own label is left with nothing.

        Args:
            labels: K of them; repeated ones are added up.
            weights: (N, K, H, W) or (K, H, W), non-negative, summing to one over K at every pixel.

        Raises:
            LabelError: a label that can be none, or a single one instead of a list.
            MaskError: another shape, negative or non-finite weights, or sums that differ from one.
        """
        if isinstance(labels, str) or not isinstance(labels, Sequence):
            raise LabelError(f"Labels must be a list with one for each map; got {labels!r}. Write [{labels!r}].")
        for label in labels:
            _check_label(label)
        weights = _as_weights(weights, len(labels))
        unique = tuple(dict.fromkeys(labels))
        maps = [sum(weights[:, i] for i, other in enumerate(labels) if other == label) for label in unique]
        stacked = torch.stack(maps, dim=1).clamp(min=0)  # type: ignore[arg-type]
        return cls(unique, stacked / stacked.sum(1, keepdim=True))

    def faded(self, strength: float) -> ClassMap:
        """The same regions at `strength`, 0 to 1: what their maps lose is left to what lies below.

        Raises:
            InputError: a strength outside 0 to 1.
        """
        return ClassMap(self.labels, self.weights * real(strength, "Strength", 0, 1))

    @property
    def coverage(self) -> Tensor:
        """(N, 1, H, W): how much of each pixel is painted, 0 to 1."""
        return self.weights.sum(1, keepdim=True).clamp(0, 1)


def _check_label(label: Hashable) -> None:
    """Refuse what can never be a label. (Which numbers and names a model has, `render` finds out.)"""
    if not isinstance(label, Hashable) or isinstance(label, (bool, float, Tensor)) or label is None:
        raise LabelError(f"A label must be a class number, a class name or a Collage; got {label!r}.")


def _as_weights(weights: Tensor, count: int) -> Tensor:
    """Exact weights as (N, K, H, W) in float32, checked: `count` is the K wanted."""
    if not isinstance(weights, Tensor) or weights.is_complex():
        raise MaskError(f"Weights must be a tensor of numbers from 0 to 1; got {type(weights).__name__}.")
    shape = tuple(weights.shape)
    weights = (weights[None] if weights.dim() == 3 else weights).float()
    if weights.dim() != 4 or weights.shape[1] != count or 0 in shape:
        raise MaskError(
            f"Weights must have shape (N, K, H, W) with one map for each of the {count} labels; got {shape}."
        )
    astray = (weights.sum(1) - 1).abs().max().item()  # NaN where any weight is
    if not astray <= SUM_TOLERANCE or weights.min() < -SUM_TOLERANCE:
        raise MaskError(
            f"Weights must be non-negative and sum to one over the labels at every pixel; they miss one by up to "
            f"{astray:g} and go down to {weights.min().item():g}. Divide them by their sum, or paint the regions."
        )
    return weights


def _together(below: Tensor, above: Tensor) -> tuple[Tensor, Tensor]:
    """Bring two stacks of maps to the larger size and to one batch length."""
    height, width = max(below.shape[-2:], above.shape[-2:], key=lambda hw: hw[0] * hw[1])
    # Maps of different aspect cannot both fit one picture; a pixel of rounding is allowed, and an empty map fits all.
    slack = max(*below.shape[-2:], *above.shape[-2:])
    astray = abs(below.shape[-2] * above.shape[-1] - below.shape[-1] * above.shape[-2])
    if below.shape[1] and above.shape[1] and astray > slack:
        raise MaskError(
            f"All masks of a class map must have one aspect; got {tuple(below.shape[-2:])} and "
            f"{tuple(above.shape[-2:])} (height, width). Resize or crop the mask to the picture."
        )
    if len(below) != len(above) and 1 not in (len(below), len(above)):
        raise MaskError(
            f"All masks of a class map must come in one batch length, or singly; got {len(below)} and {len(above)}."
        )
    count = max(len(below), len(above))
    below, above = resize(below, (height, width)), resize(above, (height, width))
    return below.expand(count, -1, -1, -1), above.expand(count, -1, -1, -1)
