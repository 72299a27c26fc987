"""The training loop, the same for every kind of training.

It knows nothing of losses and networks: a task makes a step and says what it carries, the loop checks the numbers,
saves and yields. The caller owns progress and stopping: whoever stops asking for steps has stopped the training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..errors import TrainingError
from .divergence import Watch, not_finite
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
    """How often a run saves, logs and measures."""

    snapshot: float = 180.0
    """Seconds between snapshots."""
    log: int = 50
    """Steps between rows of the log; each holds the means over them."""
    metrics: int = 0
    """Steps between measures; 0 for none."""
    patience: int = 3
    """How many measures in a row must be much worse than the best before the run is stopped; 0: it never is."""


SHEETS = 50
"""How many sheets of samples a whole run writes at most, beside one whenever it ends: they are kept."""
Measuring = Callable[[Any], tuple[dict[str, float], Tensor]]
"""A task to its measures by name, among them `frechet`, and a sheet (rows, columns, 3, R, R)."""


def train(
    task: Task[Any], folder: RunFolder, every: Every | None = None, measure: Measuring | None = None
) -> Generator[Progress, None, None]:
    """Train to the end of the settings' steps, yielding after each. The state is saved at the end, and on closing.

    Raises:
        TrainingError: a loss or a weight is not finite, or the run has diverged. The snapshot then is the last good
            one.
    """
    run = _Run(task, folder, every or Every(), measure)
    try:
        while task.done < task.settings.steps:
            losses = task.step()
            run.after(losses)
            yield Progress(task.done, losses)
    except GeneratorExit:  # the caller has had enough
        run.save()
        raise
    run.save()


class _Run:
    """What the loop does around a step."""

    def __init__(self, task: Task[Any], folder: RunFolder, every: Every, measure: Measuring | None) -> None:
        self.task, self.folder, self.every, self.measure = task, folder, every, measure
        self.started = self.saved = time.monotonic()
        self.rows: list[dict[str, float]] = []
        self.shown = -task.settings.steps
        """Step of the last sheet; the first one is due at once."""
        if task.processes.first:
            folder.rewind(task.done)
        before = [row["frechet"] for row in folder.read_metrics() if "frechet" in row]
        self.watch = Watch(task.limits, every.patience, before)

    def after(self, losses: dict[str, float]) -> None:
        """Check, log, measure and save after a step."""
        if bad := not_finite(losses):
            raise self.broken(", ".join(bad))
        self.rows.append(losses)
        if self.task.done % self.every.log == 0:
            self.log()
        if why := self.watch.losses(losses):
            raise self.diverged(why)
        if self.every.metrics and self.task.done % self.every.metrics == 0:
            self.judge()
        if time.monotonic() - self.saved > self.every.snapshot:
            self.save(sheet=self.task.done - self.shown >= self.task.settings.steps / SHEETS)

    def log(self) -> None:
        """Write the means of the losses since the last time."""
        means = {name: sum(row[name] for row in self.rows) / len(self.rows) for name in self.rows[0]}
        self.rows.clear()
        if self.task.processes.first:
            self.folder.write_log({"step": self.task.done, "seconds": time.monotonic() - self.started, **means})

    def judge(self) -> None:
        """Measure, keep the best, and stop where it only gets worse. The first process decides for all."""
        self.check_weights()
        if self.measure:
            found, sheet = self.measure(self.task)
            self.folder.write_metrics({"step": self.task.done, **found})
            self.folder.sheet(sheet, f"neighbours_{self.task.done:07d}")
            if self.watch.best(found["frechet"]):
                self.folder.save(self.task.state(), best=True)
        why = self.watch.worse() if self.measure else ""
        if self.task.processes.any(bool(why)):
            raise self.diverged(why or "another process says so")

    def save(self, sheet: bool = True) -> None:
        """Write a snapshot and, if asked, a sheet of samples, unless a weight is not finite."""
        self.check_weights()
        if self.task.processes.first:
            self.folder.save(self.task.state())
        if sheet and self.task.processes.first:
            self.folder.sheet(self.task.samples(), f"samples_{self.task.done:07d}")
            self.shown = self.task.done
        self.saved = time.monotonic()

    def check_weights(self) -> None:
        """Stop before a weight that is not finite is measured or saved."""
        if bad := self.task.faults():
            raise self.broken(f"the weights {', '.join(bad[:3])}")

    def broken(self, what: str) -> TrainingError:
        return TrainingError(
            f"Losses and weights must stay finite; at step {self.task.done} {what} did not. {self._last()}: go on from "
            "there with lower rates."
        )

    def diverged(self, why: str) -> TrainingError:
        if self.task.processes.first:
            self.folder.fall_back(self.task.done)
        return TrainingError(
            f"The run has diverged: at step {self.task.done} {why}. {self._last()}: release it, end the run there by "
            "--steps, or go on from there with lower rates, more augmentation or R1. Called again as it was, it comes "
            "to the same end. If its pictures are good, go on with a larger --patience; 0 does not judge them."
        )

    def _last(self) -> str:
        there = self.folder.snapshot.exists()
        return f"The last good snapshot is {self.folder.snapshot}" if there else "There is no snapshot yet"
