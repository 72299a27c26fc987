"""From the label edits of a collage to the Style that each conditional norm is told.

For every norm the label edits active there are painted one over the other, at the size of the largest mask, and only
then resized to the norm. Equal labels are merged, labels that cover nothing are dropped: what remains is K small, and
K = 1 is the ordinary generator, bit for bit.

Shapes: N images, K labels in use, D latent size, h w size of a norm.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from .collage import Collage, LabelEdit
from .errors import InputError, LabelError, MaskError
from .gan import Gan
from .latent import Latent
from .layers import parse_layers
from .networks.generator import frame
from .style import Style, over, resize

__all__ = ["LabelStyles", "check_aspect", "repeat"]

NOTHING = 1e-6
"""A map that never rises above this covers nothing: it is what float32 leaves of exact weights."""

Key = Hashable  # a class number, or a Collage whose style is meant; None is the pictures' own labels where they differ


def repeat(tensor: Tensor, count: int, what: str) -> Tensor:
    """A batch of one repeated to `count`; a batch of `count` as it is.

    Raises:
        InputError: any other batch length.
    """
    if len(tensor) not in (1, count):
        raise InputError(f"The {what} must come singly or {count} at a time, one for each picture; got {len(tensor)}.")
    return tensor.expand(count, *tensor.shape[1:])


def check_aspect(maps: Tensor, what: str) -> None:
    """Refuse maps (N, K, H, W) that are not square, as the picture is (a pixel of rounding is allowed).

    Raises:
        MaskError: another aspect.
    """
    height, width = maps.shape[-2:]
    if abs(height - width) > 1:
        raise MaskError(
            f"The {what} must be as square as the picture; got {width} x {height} pixels. Crop it to the same square "
            f"as the picture first (Crop for Collage does both)."
        )


@dataclass(eq=False)
class LabelStyles:
    """The label edits of one collage, resolved against a model: asked once for each conditional norm."""

    gan: Gan
    collage: Collage
    count: int
    """N: how many pictures there are."""
    _composed: dict[frozenset[int], tuple[list[Key], Tensor]] = field(default_factory=dict)
    _resized: dict[tuple[frozenset[int], int, int], tuple[list[Key], Tensor]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        norm_sizes = self.gan.generator.norm_sizes
        self.latent = _fitted(self.gan, self.collage.latent, self.count, "")
        self.edits: list[LabelEdit] = [edit for edit in self.collage.edits if isinstance(edit, LabelEdit)]
        self.layers = [parse_layers(edit.layers, norm_sizes) for edit in self.edits]
        for edit in self.edits:
            check_aspect(edit.class_map.weights, "masks of a class map")
        # Pictures that share one label are told it by its number, so that painting it again is the same entry.
        labels = self.latent.labels
        self.own: Key = int(labels[0]) if (labels == labels[0]).all() else None
        self._vectors: dict[Key, list[Tensor]] = {}
        self._noise = self.gan.generator.noise(self.latent)

    def at(self, norm: int) -> Style:
        """What conditional norm number `norm` (from 0) is told: K vectors for each picture, and their maps."""
        active = frozenset(i for i, layers in enumerate(self.layers) if norm in layers)
        margins = self.gan.generator.norm_margins
        keys, weights = self._maps(active, self.gan.generator.norm_sizes[norm], margins[norm] if margins else 0)
        return Style(torch.stack([self._told(key)[norm] for key in keys], dim=1), weights, self._noise[norm])

    def _maps(self, active: frozenset[int], size: int, margin: int) -> tuple[list[Key], Tensor]:
        """Keys and their weights (N, K, h, w) on a norm's canvas, or (N, 1, 1, 1) where one label holds everywhere."""
        if (active, size, margin) not in self._resized:
            if active not in self._composed:
                self._composed[active] = self._compose(active)
            keys, weights = self._composed[active]
            resized = weights if len(keys) == 1 else frame(weights, size, margin)
            self._resized[active, size, margin] = keys, resized
        return self._resized[active, size, margin]

    def _compose(self, active: frozenset[int]) -> tuple[list[Key], Tensor]:
        """Paint the active edits over the picture's own label, in their order, at the size of the largest mask."""
        maps = [self.edits[i].class_map.weights.to(self.gan.device) for i in sorted(active)]
        side = max((map.shape[-1] for map in maps), default=1)
        keys: list[Key] = [self.own]
        weights = torch.ones(self.count, 1, side, side, device=self.gan.device)
        for i, above in zip(sorted(active), maps, strict=True):
            above = repeat(resize(above, (side, side)), self.count, "masks of a class map")
            weights = over(weights, above)
            keys += [self._key(label) for label in self.edits[i].class_map.labels]
        return _merge(keys, weights)

    def _key(self, label: Hashable) -> Key:
        return label if isinstance(label, Collage) else self.gan.label(label)

    def _told(self, key: Key) -> list[Tensor]:
        """One vector a norm for the label that `key` stands for."""
        if key not in self._vectors:
            latent = self.latent
            if isinstance(key, Collage):
                latent = _fitted(self.gan, key.latent, self.count, " of a painted collage")
            elif key is not None:
                latent = _relabelled(latent, int(key))  # type: ignore[call-overload]
            self._vectors[key] = self.gan.generator.vectors(latent)
        return self._vectors[key]


def _relabelled(latent: Latent, label: int) -> Latent:
    """The same pictures under another class. Styles w have a class in them already, and nothing to map again."""
    if latent.w is not None and (latent.labels != label).any():
        raise LabelError(
            f"To paint a class, the picture must start from z, which is mapped again under class {label}; this one "
            "starts from w, the styles themselves. Paint another collage in place of the class, or project on z."
        )
    return replace(latent, labels=torch.full_like(latent.labels, label))


def _fitted(gan: Gan, latent: Latent, count: int, whose: str) -> Latent:
    """The latent on the model's device and in its precision, `count` long, refused where the model cannot draw it."""
    gan.check(latent, whose)
    return latent.to(gan.device, gan.dtype).repeated(count)


def _merge(keys: list[Key], weights: Tensor) -> tuple[list[Key], Tensor]:
    """Add up the maps of equal keys and drop those that cover nothing: (N, K, H, W) -> (N, K', H, W)."""
    totals: dict[Key, Tensor] = {}
    for index, key in enumerate(keys):
        totals[key] = totals[key] + weights[:, index] if key in totals else weights[:, index]
    kept = {key: total for key, total in totals.items() if total.max() > NOTHING}
    if len(kept) == 1:  # it holds everywhere: the weights sum to one
        return list(kept), torch.ones(len(weights), 1, 1, 1, device=weights.device)
    return list(kept), torch.stack(list(kept.values()), dim=1)
