"""A run's numbers for TensorBoard, which is an extra."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import TrainingError

__all__ = ["Board"]


class Board:
    """Writes rows of numbers where TensorBoard looks for them."""

    def __init__(self, path: Path, done: int = 0) -> None:
        """Write into the folder `path`, for a run that goes on after `done` steps.

        What an earlier run, which did not come to save them, wrote of later steps is not shown any more.

        Raises:
            TrainingError: TensorBoard is not installed.
        """
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError as error:
            raise TrainingError(
                "--tensorboard needs TensorBoard, which is not installed. Run `pip install "
                "neural-collage[tensorboard]`, or leave the flag out: all numbers are in log.csv and metrics.csv."
            ) from error
        self.writer = SummaryWriter(str(path), purge_step=done + 1)

    def write(self, group: str, row: Mapping[str, float]) -> None:
        """Write each number of a row under `group/name`, at the row's step."""
        for name, value in row.items():
            if name != "step":
                self.writer.add_scalar(f"{group}/{name}", value, int(row["step"]))
        self.writer.flush()

    def close(self) -> None:
        """End the file."""
        self.writer.close()
