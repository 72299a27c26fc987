"""Differentiable augmentation: the discriminator sees real and made pictures through the same random changes.

After Zhao et al. 2020 (arXiv 2006.10738). Each entry of `AUGMENTATIONS` is a small function of images (N, 3, R, R) in
[-1, 1], a strength from 0 (no change) to 1 (the usual amount), and random draws. Gradients flow through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from .draws import Draws

__all__ = ["AUGMENTATIONS", "augment", "parse_augmentations"]

Augmentation = Callable[[Tensor, float, Draws], Tensor]


def _uniform(images: Tensor, draws: Draws) -> Tensor:
    """One number in [-1, 1) for each image: (N, 1, 1, 1)."""
    return (draws.uniform(len(images), 1, 1, 1) * 2 - 1).to(images.device)


def colour(images: Tensor, strength: float, draws: Draws) -> Tensor:
    """Random brightness (up to a quarter of the range), saturation (x 0..2) and contrast (x 0.5..1.5)."""
    images = images + 0.5 * strength * _uniform(images, draws)
    grey = images.mean(1, keepdim=True)  # (N, 1, R, R)
    images = images + strength * _uniform(images, draws) * (images - grey)
    middle = images.mean((1, 2, 3), keepdim=True)  # (N, 1, 1, 1)
    return images + 0.5 * strength * _uniform(images, draws) * (images - middle)


def translation(images: Tensor, strength: float, draws: Draws) -> Tensor:
    """Random shift by up to an eighth of the side, each way; the border pixel is repeated into what opens up."""
    size = images.shape[-1]
    reach = round(size * strength / 8)
    padded = F.pad(images, (reach, reach, reach, reach), mode="replicate")
    corners = draws.whole(2 * reach + 1, len(images), 2).tolist()
    shifted = [one[:, y : y + size, x : x + size] for one, (y, x) in zip(padded, corners, strict=True)]
    return torch.stack(shifted)


def cutout(images: Tensor, strength: float, draws: Draws) -> Tensor:
    """A random square of half the side turned grey (0); it may hang over the border."""
    size = images.shape[-1]
    half = size * strength / 4
    centres = draws.uniform(len(images), 2, 1) * size  # (N, 2, 1)
    inside = ((torch.arange(size) + 0.5) - centres).abs() < half  # (N, 2, R): rows, then columns
    square = inside[:, 0, :, None] & inside[:, 1, None, :]  # (N, R, R)
    return images.masked_fill(square[:, None].to(images.device), 0)


AUGMENTATIONS: dict[str, Augmentation] = {"colour": colour, "translation": translation, "cutout": cutout}


def augment(images: Tensor, strengths: Mapping[str, float], draws: Draws) -> Tensor:
    """Apply the named augmentations, in the table's order: (N, 3, R, R) -> (N, 3, R, R)."""
    for name, change in AUGMENTATIONS.items():
        if strengths.get(name):
            images = change(images, strengths[name], draws)
    return images


def parse_augmentations(text: str) -> dict[str, float]:
    """`"colour:0.5,translation"` -> `{"colour": 0.5, "translation": 1.0}`; `"none"` -> `{}`.

    Raises:
        InputError: a name that is not in the table, or a strength that is not a number from 0 to 1.
    """
    strengths: dict[str, float] = {}
    for entry in text.split(",") if text != "none" else []:
        name, _, strength = entry.partition(":")
        if name not in AUGMENTATIONS:
            raise InputError(f"Augmentations are {', '.join(AUGMENTATIONS)}, or none alone; got {name!r}.")
        strengths[name] = _strength(strength or "1", entry)
    return strengths


def _strength(text: str, entry: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise InputError(f"The strength of an augmentation is a number from 0 to 1; got {entry!r}.")
    return value
