"""What every study of a trained model is given, and where it leaves its sheets and figures."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from neural_collage import engine as nc
from neural_collage.engine.sheet import contact_sheet, save_png
from neural_collage.engine.training.data import ImageSet, load_images
from neural_collage.engine.training.judge import Classifier, JudgeSettings, trained_judge
from neural_collage.engine.training.sources import find_files, select
from torch import Tensor
from variation import on_any_ground

Row = Sequence[str | int | float]


@dataclass(frozen=True)
class Table:
    """Figures under a name."""

    name: str
    """Of the CSV file."""
    header: Sequence[str]
    rows: Sequence[Row]
    keys: int = 1
    """How many columns at the front say what a row is about."""
    title: str = ""
    """Stands above it where it is printed."""

    def beside(self, before: Table) -> Table:
        """The same rows of an earlier model above these, each row below the earlier one about the same."""
        both = [("before", row) for row in before.rows] + [("now", row) for row in self.rows]
        order = list(dict.fromkeys(tuple(row[: self.keys]) for row in (*self.rows, *before.rows)))
        both.sort(key=lambda told: order.index(tuple(told[1][: self.keys])))
        rows = [(*row[: self.keys], model, *row[self.keys :]) for model, row in both]
        header = (*self.header[: self.keys], "model", *self.header[self.keys :])
        return Table(self.name, header, rows, self.keys + 1, self.title)


@dataclass(frozen=True)
class Study:
    """One model, the data that it was trained on, and the folder for what is found."""

    gan: nc.Gan
    data: Path
    """Zip or folder of class folders; the studies measure on the pictures kept out of training."""
    out: Path
    hold_out: int = 10
    """Every n-th picture of a class was kept out of training, counted as `load_images` does."""
    seed: int = 0
    judge_settings: JudgeSettings | None = None

    @cached_property
    def held_out(self) -> ImageSet:
        """The pictures kept out of training, at the model's size.

        Raises:
            InputError: none were.
        """
        self._check_kept_out()
        return load_images(self.data, self.gan.resolution, self.gan.class_names, self.hold_out, held_out=True)

    @cached_property
    def held_out_files(self) -> tuple[str, ...]:
        """Names of the files of the pictures kept out of training, as they are called in the set, in the same order."""
        chosen = select(find_files(self.data), self.gan.class_names, self.hold_out, held_out=True)
        unused = {*self.held_out.skipped, *self.held_out.tiny}
        return tuple(name for name in chosen.names if name not in unused)

    @cached_property
    def training(self) -> ImageSet:
        """The pictures that the model was trained on, at its size."""
        return load_images(self.data, self.gan.resolution, self.gan.class_names, self.hold_out)

    @cached_property
    def classifier(self) -> Classifier:
        """The independent judge of the model's classes: read from disk, or trained (a few minutes).

        Raises:
            InputError: nothing was kept out of training, to try it on.
        """
        self._check_kept_out()
        return trained_judge(self.training, self.out / "classifier", self.judge_settings, variation=on_any_ground)

    @property
    def kept_out(self) -> str:
        """What stands in the title of every table with photographs beside pictures that were made."""
        return (
            f"Of every {self.hold_out} pictures in order of names, one was kept out of training; where neighbours are "
            "alike, as frames of one turntable are, it is a near-copy of pictures trained on"
        )

    def _check_kept_out(self) -> None:
        if self.hold_out < 2:
            raise nc.InputError(
                f"Measuring needs pictures kept out of training: every second (2) or fewer; got {self.hold_out}. Give "
                "the --hold-out that the model was trained with."
            )

    def sheet(
        self, name: str, rows: Tensor | Sequence[Tensor], titles: Sequence[str], columns: Sequence[str] = ()
    ) -> None:
        """Write a contact sheet; pictures are enlarged to about 128 px."""
        size = rows[0][0].shape[-1]
        picture, _ = contact_sheet(rows, titles, columns, scale=max(1, 128 // size))
        print(f"sheet: {save_png(self.out / f'{name}.png', picture)}", flush=True)

    def write(self, table: Table) -> None:
        """Print a table and write it as CSV."""
        if table.title:
            print(f"\n{table.title}")
        self.table(table.name, table.header, table.rows)

    def table(self, name: str, header: Sequence[str], rows: Sequence[Row]) -> None:
        """Print figures as a Markdown table and write them as CSV."""
        told = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
        print("\n" + "\n".join(f"| {' | '.join(row)} |" for row in [list(header), ["---"] * len(header), *told]) + "\n")
        text = io.StringIO()
        csv.writer(text).writerows([list(header), *told])
        self.out.mkdir(parents=True, exist_ok=True)
        temporary = self.out / f"{name}.csv.part"
        temporary.write_text(text.getvalue())
        os.replace(temporary, self.out / f"{name}.csv")


def generate(gan: nc.Gan, latent: nc.Latent) -> Tensor:
    """Plain pictures (N, 3, R, R) of a latent, fifty at a time."""
    with torch.no_grad():
        parts = zip(latent.point.split(50), latent.labels.split(50), strict=True)
        return torch.cat([gan.generator.generate(z, labels) for z, labels in parts])
