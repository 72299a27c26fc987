"""What the translation of photographs is to do: how it is done (`Protocol`), and which tasks are drawn (`Tasks`)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from neural_collage import engine as nc
from torch import Tensor

SOURCES = "apple-golden,cherry-rainier,papaya,tomato-beefsteak"
TARGETS = "apple-red-delicious,cherry-wax-black,lemon,mango"
"""Chosen by their looks, before any figure was seen: sources of four colours and outlines, and targets whose colours
(dark red, black, orange, green) no source has and no two share, so that neither a photograph left as it is nor one
target drawn for another can pass."""


@dataclass(frozen=True)
class Protocol:
    """How tasks are drawn and done."""

    sources: tuple[str, ...] = tuple(SOURCES.split(","))
    targets: tuple[str, ...] = tuple(TARGETS.split(","))
    tasks: int = 1000
    steps: int = 50
    mode: str = "normal"
    """How the edit is stitched back: "normal" is Poisson blending, as in the paper."""
    grow: int | None = None
    """Pixels by which the region is grown, for the target to find room and for Poisson blending to meet background at
    its edge, or the old object's colour runs into the new one. None for a sixteenth of the picture."""
    batch: int = 50

    def __post_init__(self) -> None:
        """Raise InputError where source and target would be one class, or a number is too small."""
        if both := sorted({*self.sources} & {*self.targets}):
            raise nc.InputError(f"Sources and targets must be different classes; {', '.join(both)} is both.")
        if not self.sources or not self.targets:
            raise nc.InputError(
                f"Translation needs a source and a target; got {len(self.sources)} sources and {len(self.targets)} "
                "targets. Name classes of the model."
            )
        for what, number, least in (
            ("tasks", self.tasks, 1),
            ("steps", self.steps, 0),
            ("batch", self.batch, 1),
            ("grow", self.grow or 0, 0),
        ):
            if number < least:
                raise nc.InputError(f"Translation needs {what} of {least} or more; got {number}. Give a larger number.")


@dataclass(frozen=True, eq=False)
class Tasks:
    """What is to be done: T pairs of a photograph and a class."""

    photos: Tensor
    """(T,): the photograph's place in the set kept out of training, `Study.held_out`."""
    targets: Tensor
    """(T,): the class that it is to become."""

    @classmethod
    def drawn(cls, labels: Tensor, sources: Tensor, targets: Tensor, count: int, seed: int) -> Tasks:
        """Random tasks from photographs of classes `labels` (M,). No pair is drawn again before all have been.

        Raises:
            InputError: no photograph is of a source class.
        """
        pairs = torch.cartesian_prod(torch.isin(labels, sources).nonzero()[:, 0], targets)
        if not len(pairs):
            raise nc.InputError(
                "Translation needs photographs of the source classes, kept out of training, with an object that is "
                "unlike the background at their border; there is none. Name other sources, or crop less tightly."
            )
        generator = torch.Generator().manual_seed(seed)
        rounds = [torch.randperm(len(pairs), generator=generator) for _ in range(math.ceil(count / len(pairs)))]
        chosen = pairs[torch.cat(rounds)[:count]]
        return cls(chosen[:, 0], chosen[:, 1])

    def __getitem__(self, which: Tensor) -> Tasks:
        """Some of them."""
        return Tasks(self.photos[which], self.targets[which])

    @property
    def shown(self) -> int:
        """How many photographs they are about: tasks about one share its projection."""
        return len(self.photos.unique())

    @property
    def distinct(self) -> int:
        """How many of them are no repetition of another."""
        return len(torch.stack([self.photos, self.targets], 1).unique(dim=0))

    @property
    def told(self) -> str:
        """Their numbers."""
        return f"{len(self.photos)} tasks, {self.distinct} of them distinct, on {self.shown} photographs"
