"""Weights files that are flat lists of named weights: where each lies, and taking it out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import CheckpointError
from .contents import some
from .records import Stored

__all__ = ["FlatWeights", "Place", "unchanged"]


def unchanged(tensor: Tensor) -> Tensor:
    """A weight that is stored as it is used."""
    return tensor


@dataclass(frozen=True)
class Place:
    """Where a weight lies in a file."""

    name: str
    change: Callable[[Tensor], Tensor] = unchanged
    """What makes it ours: axes turned, one added."""


@dataclass(frozen=True)
class FlatWeights:
    """The weights of one network in a file."""

    network: str
    """For messages: which, such as "StyleGAN2 generator"."""
    title: str
    """For messages: whose."""
    path: Path
    values: Mapping[str, Stored | float]
    """Every weight of the network by its name; single numbers may be plain ones."""
    dead: str
    """Pattern of the names that are not needed."""

    def error(self, what: str) -> CheckpointError:
        """The error that says what is wrong with this file."""
        return CheckpointError(
            f"The weights of a {self.network} in {self.title}'s layout are needed; in {self.path.name}, {what}. "
            "Give the file as it was published, or as its training wrote it."
        )

    def shape(self, name: str) -> tuple[int, ...]:
        """Of a weight that must be there.

        Raises:
            CheckpointError: it is missing.
        """
        if name not in self.values:
            raise self.error(f"{name} is missing")
        value = self.values[name]
        return value.shape if isinstance(value, Stored) else ()

    def read(self, place: Place) -> Tensor:
        """A weight in float32, its own copy, changed as it must be.

        Raises:
            CheckpointError: it is missing, or of axes that cannot be turned.
        """
        self.shape(place.name)
        value = self.values[place.name]
        raw = value.read().float() if isinstance(value, Stored) else torch.tensor(float(value))
        try:
            return place.change(raw).contiguous()
        except (RuntimeError, IndexError) as error:
            raise self.error(f"{place.name} has the shape {tuple(raw.shape)}") from error

    def count(self, names: Callable[[int], list[str]]) -> int:
        """How many things there are, counting on from 0, of which any of its names is there.

        Raises:
            CheckpointError: none.
        """
        number = 0
        while any(name in self.values for name in names(number)):
            number += 1
        if not number:
            raise self.error(f"{names(0)[0]} is missing")
        return number

    def check_known(self, known: set[str]) -> None:
        """Refuse a file of which something is not known.

        Raises:
            CheckpointError: a name that is neither known nor dead.
        """
        if unknown := {name for name in self.values if name not in known and not re.fullmatch(self.dead, name)}:
            raise self.error(f"these names are not known: {some(unknown)}")
