"""The training loop, the same for every kind of training.

It knows nothing of losses and networks: a task makes a step and says what it carries, the loop checks the numbers, saves
and yields. The caller owns progress and stopping: whoever stops asking for steps has stopped the training.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from ..errors import TrainingError
from .snapshot import RunFolder

__all__ = ["Every", "Progress", "Task", "train"]


class Task(Protocol):
    """What the loop asks of a kind of training."""

    done: int
    """Steps made so far."""

    def step(self) -> dict[str, float]:
        """Make one step; returns its losses by name."""
        ...

    def state(self) -> dict[str, Any]:
        """Everything needed to go on later, as plain values and tensors."""
        ...

    def samples(self) -> Tensor:
        """Pictures to look at: (rows, columns, 3, R, R) in [-1, 1]."""
        ...


@dataclass(frozen=True)
class Progress:
    """State of a run after a step."""

    done: int
    """Steps made so far."""
    losses: dict[str, float]
    """Losses of this step, by name."""


@dataclass(frozen=True)
class Every:
    """How often a run saves and logs."""

    snapshot: float = 180.0
    """Seconds between snapshots, each with a sample sheet."""
    log: int = 50
    """Steps between rows of the log; each holds the means over them."""


def train(task: Task, steps: int, folder: RunFolder, every: Every | None = None) -> Iterator[Progress]:
    """Train up to `steps` steps in all, yielding after each; the last state is saved when the loop ends or is closed.

    Raises:
        TrainingError: a loss is not finite. The snapshot then is the last good one.
    """
    every = every or Every()
    started = saved = time.monotonic()
    rows: list[dict[str, float]] = []
    try:
        while task.done < steps:
            losses = task.step()
            _check(losses, task.done, folder)
            rows.append(losses)
            if len(rows) == every.log:
                folder.write_log({"step": task.done, "seconds": time.monotonic() - started, **_means(rows)})
                rows.clear()
            if time.monotonic() - saved > every.snapshot:
                _save(task, folder)
                saved = time.monotonic()
            yield Progress(task.done, losses)
    except GeneratorExit:  # the caller has had enough
        _save(task, folder)
        raise
    _save(task, folder)


def _save(task: Task, folder: RunFolder) -> None:
    folder.save(task.state())
    folder.sheet(task.samples(), task.done)


def _check(losses: dict[str, float], step: int, folder: RunFolder) -> None:
    bad = [name for name, value in losses.items() if not math.isfinite(value)]
    if not bad:
        return
    last = f"The last good snapshot is {folder.snapshot}" if folder.snapshot.exists() else "There is no snapshot yet"
    raise TrainingError(
        f"Losses must stay finite; at step {step} {', '.join(bad)} did not. {last}: go on from there with lower rates."
    )


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
