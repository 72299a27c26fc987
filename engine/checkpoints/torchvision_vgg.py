"""torchvision's VGG16 weights (`vgg16-397923af.pth`): `features.N.weight` and `.bias`; the classifier is left out."""

from __future__ import annotations

import re

from torch import Tensor

from ..errors import CheckpointError
from ..networks.vgg16 import STAGES, VGG16Config
from .contents import Contents, some
from .outline import Outline

__all__ = ["MARKS", "outline", "states"]

MARKS = ("features.0.weight", "features.28.weight")
DEAD = r"classifier\.\d\.(weight|bias)"
"""The fully connected layers behind the features; a distance has no use for them."""


def _names() -> dict[str, str]:
    """Name in the file -> canonical name. torchvision counts convolutions, ReLUs and poolings alike."""
    names, number = {}, 0
    for stage, count in enumerate(STAGES):
        for conv in range(count):
            for end in ("weight", "bias"):
                names[f"features.{number}.{end}"] = f"stages.{stage}.{conv}.{end}"
            number += 2
        number += 1
    return names


def outline(contents: Contents) -> Outline:
    """What the file holds: VGG16 at the widths found.

    Raises:
        CheckpointError: names that VGG16 does not have (VGG19 or batch norm, for example), or lacks.
    """
    names = _names()
    alive = {name for name in contents.shapes if not re.fullmatch(DEAD, name)}
    if alive != names.keys():
        raise CheckpointError(
            f"torchvision's VGG16 without batch norm is needed (vgg16-397923af.pth); {contents.path.name} lacks "
            f"{some(names.keys() - alive) or 'nothing'} and also has {some(alive - names.keys()) or 'nothing'}."
        )
    first = [next(name for name, ours in names.items() if ours == f"stages.{i}.0.weight") for i in range(len(STAGES))]
    config = VGG16Config(tuple(contents.shapes[name][0] for name in first))
    return Outline("vgg16", {"perception": config}, facts={"provenance": f"torchvision's {contents.path.name}"})


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """Its weights under canonical names."""
    names = _names()
    return {"perception": {names[name]: tensor for name, tensor in contents.tensors(set(names)).items()}}
