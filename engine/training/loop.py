"""The training loop, the same for every kind of training.

It knows nothing of losses and networks: a task makes a step and says what it carries, the loop checks the numbers,
saves and yields. The caller owns progress and stopping: whoever stops asking for steps has stopped the training.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from ..errors import TrainingError
from .snapshot import RunFolder
from .task import Task

__all__ = ["Every", "Progress", "train"]


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


def train(task: Task[Any], folder: RunFolder, every: Every | None = None) -> Generator[Progress, None, None]:
    """Train to the end of the settings' steps, yielding after each. The state is saved at the end, and on closing.

    Raises:
        TrainingError: a loss is not finite. The snapshot then is the last good one.
    """
    every = every or Every()
    started = saved = time.monotonic()
    rows: list[dict[str, float]] = []
    try:
        while task.done < task.settings.steps:
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


def _save(task: Task[Any], folder: RunFolder) -> None:
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
