"""Random numbers that every process of a run draws alike, and of which each takes its own rows.

A batch so is the same batch however many processes share it: a run on two goes on as a run on one, and the other way
round. Numbers are drawn on the CPU, so that they are the same on every device.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Draws"]


class Draws:
    """A seeded generator, and which rows of all that it draws belong here."""

    def __init__(self, generator: torch.Generator, rank: int = 0, processes: int = 1) -> None:
        """Draw from `generator`, of which the `processes` hold copies; this is process number `rank`, from 0."""
        self.generator, self.rank, self.processes = generator, rank, processes

    def own(self, rows: Tensor) -> Tensor:
        """This process's part of (N * processes, ...): (N, ...).

        Every so many-th row, so that the first half of a batch is made of the first halves of all processes' rows.
        """
        return rows[self.rank :: self.processes]

    def uniform(self, count: int, *shape: int) -> Tensor:
        """Numbers in [0, 1): (count, *shape)."""
        return self.own(torch.rand(count * self.processes, *shape, generator=self.generator))

    def normal(self, count: int, *shape: int) -> Tensor:
        """Standard normal numbers: (count, *shape)."""
        return self.own(torch.randn(count * self.processes, *shape, generator=self.generator))

    def whole(self, below: int, count: int, *shape: int) -> Tensor:
        """Whole numbers from 0 to below - 1: (count, *shape), int64."""
        return self.own(torch.randint(below, (count * self.processes, *shape), generator=self.generator))
