"""The folder of a training run: its snapshot, its log, its sample sheets. Every file is whole or absent."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import TrainingError
from ..sheet import contact_sheet, save_png

KINDS = ("gan", "encoder", "auxiliary")

__all__ = ["RunFolder", "load_snapshot"]


class RunFolder:
    """Where a run writes. Made when it does not exist."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.snapshot = self.path / "snapshot.pt"
        self.log = self.path / "log.csv"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(f"A run needs a folder that it can write to; {path}: {error}.") from error

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the snapshot under a temporary name and put it in the place of the last one.

        Raises:
            TrainingError: it cannot be written; the last one is left as it was.
        """
        temporary = self.snapshot.with_suffix(".part")
        try:
            torch.save(dict(state), temporary)
            os.replace(temporary, self.snapshot)
        except (OSError, RuntimeError) as error:  # torch's writer reports a full disk by the latter
            raise TrainingError(
                f"The snapshot must be written to {self.snapshot}: {error}. Make room there."
            ) from error

    def sheet(self, samples: Tensor, step: int) -> Path:
        """Write samples (rows, columns, 3, R, R) in [-1, 1] as one PNG."""
        picture, _ = contact_sheet(samples, gap=0)
        return save_png(self.path / f"samples_{step:07d}.png", picture)

    def write_log(self, row: Mapping[str, float]) -> None:
        """Append one row; the first one of a run writes the header too."""
        new = not self.log.exists()
        with self.log.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow({name: f"{value:.6g}" for name, value in row.items()})


def load_snapshot(path: Path, kind: str | None = None) -> dict[str, Any]:
    """Read a snapshot, of this kind of run if one is given; nothing in the file is executed.

    Raises:
        TrainingError: not there, not a snapshot, damaged, or of another kind of run.
    """
    if not path.is_file():
        raise TrainingError(f"A run's snapshot is needed; there is no {path}. Check the folder.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch has no error of its own for a damaged or hostile file: any can come
        raise TrainingError(f"{path} is not a whole snapshot of a training run: {error}. Use another.") from error
    found = state.get("kind") if isinstance(state, dict) else None
    if found not in KINDS or kind not in (None, found):
        raise TrainingError(f"{path} must hold a run of `train {kind or '...'}`; it holds {found}. Use another folder.")
    return state
