"""The folder of a training run: its snapshots, its logs, its sheets. A snapshot or sheet is whole or absent."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import TrainingError
from ..sheet import contact_sheet, save_png
from .board import Board

KINDS = ("gan", "encoder", "auxiliary")
LACKING: dict[str, dict[str, Any]] = {"auxiliary": {"axes": 0}}
"""Settings that older snapshots lack and that have another default now, as those runs had them."""

__all__ = ["RunFolder", "load_snapshot", "written"]


class RunFolder:
    """Where a run writes. Made when it does not exist."""

    def __init__(self, path: Path, board: Board | None = None) -> None:
        """A run at `path`, whose numbers go to TensorBoard too where there is a board."""
        self.path, self.board = Path(path), board
        self.snapshot = self.path / "snapshot.pt"
        self.best = self.path / "best.pt"
        self.log = self.path / "log.csv"
        self.metrics = self.path / "metrics.csv"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(f"A run needs a folder that it can write to; {path}: {error}.") from error

    def save(self, state: Mapping[str, Any], best: bool = False) -> None:
        """Write the snapshot, or the one with the best measures so far, in the place of the last one.

        Raises:
            TrainingError: it cannot be written; the last one is left as it was.
        """
        path = self.best if best else self.snapshot
        temporary = path.with_suffix(".part")
        with written(path, temporary):
            torch.save(dict(state), temporary)
            os.replace(temporary, path)

    def fall_back(self, step: int) -> None:
        """Put the best snapshot, if there is one, in the place of the last one, and note where the run diverged."""
        there = self.best if self.best.exists() else self.snapshot
        if there.exists():
            self.save({**load_snapshot(there), "diverged": step})

    def sheet(self, pictures: Tensor, name: str) -> Path:
        """Write pictures (rows, columns, 3, R, R) in [-1, 1] as one PNG."""
        path = self.path / f"{name}.png"
        with written(path):
            return save_png(path, contact_sheet(pictures, gap=0)[0])

    def write_log(self, row: Mapping[str, float]) -> None:
        """Append a row of losses; the first one of a run writes the header too."""
        self._append(self.log, row)

    def write_metrics(self, row: Mapping[str, float]) -> None:
        """Append a row of measures; the first one of a run writes the header too."""
        self._append(self.metrics, row)

    def read_metrics(self) -> list[dict[str, float]]:
        """All rows of measures so far."""
        rows = _rows(self.metrics)
        return [{name: float(value) for name, value in row.items() if value} for row in rows]

    def rewind(self, step: int) -> None:
        """Drop the rows that an earlier run, which did not come to save them, made after this step."""
        for path in (self.log, self.metrics):
            kept = [row for row in _rows(path) if row["step"].isdecimal() and int(row["step"]) <= step]
            if path.exists():
                _rewrite(path, kept, list(kept[0]) if kept else [])

    def _append(self, path: Path, row: Mapping[str, float]) -> None:
        columns = _columns(path)
        if not set(row) <= set(columns):  # the first row, or a run that went on measures more than before
            columns = list(dict.fromkeys([*columns, *row]))
            _rewrite(path, _rows(path), columns)
        with written(path), path.open("a", newline="") as file:
            csv.DictWriter(file, columns).writerow({name: f"{value:.6g}" for name, value in row.items()})
        if self.board:
            self.board.write(path.stem, row)


@contextmanager
def written(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Report what goes wrong in writing `path`; what was written under a temporary name is removed.

    Raises:
        TrainingError: the disk is full, or the folder cannot be written to.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:  # torch's writer reports a full disk by the latter
        if temporary:
            temporary.unlink(missing_ok=True)
        raise TrainingError(
            f"The run must be able to write {path}: {error}. Make room there; what was saved before is as it was."
        ) from error


def _columns(path: Path) -> list[str]:
    """The header of a CSV; none of one that is not there or is empty."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return next(csv.reader(file), [])


def _rewrite(path: Path, rows: list[dict[str, str]], columns: list[str]) -> None:
    """A CSV with these rows in the place of the one that is there; numbers that a row lacks are left empty."""
    text, temporary = io.StringIO(newline=""), path.with_suffix(".part")
    if columns:
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(rows)
    with written(path, temporary):
        temporary.write_text(text.getvalue(), newline="")
        os.replace(temporary, path)


def _rows(path: Path) -> list[dict[str, str]]:
    """The whole rows of a CSV; a process that was killed may have left half of one."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if "step" in row and None not in (*row, *row.values())]


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
    state["settings"] = {**LACKING.get(found, {}), **state["settings"]}
    return state
