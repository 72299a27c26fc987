"""A tiny training set that a tiny classifier learns in seconds: discs on white, each class of one colour."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from neural_collage.engine.training.judge import JudgeSettings
from PIL import Image

__all__ = ["COLOURS", "JUDGE", "archive", "disc", "png", "table"]

COLOURS = ((220, 40, 30), (30, 160, 60), (40, 60, 210))
JUDGE = JudgeSettings(widths=(8, 16), per_class=12, epochs=25, least=1, batch=12, rate=1e-2)


def archive(path: Path, names: Sequence[str]) -> Path:
    """A zip of sixteen discs of each of three classes, of random sizes."""
    random = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as file:
        for name, colour in zip(names, COLOURS, strict=True):
            for number in range(16):
                file.writestr(f"{name}/{number:02}.png", png(disc(48, colour, random.uniform(12, 22))))
    return path


def disc(size: int, colour: tuple[int, int, int], radius: float) -> np.ndarray:
    """(size, size, 3) uint8."""
    down, right = np.mgrid[:size, :size] + 0.5 - size / 2
    return np.where((down**2 + right**2 < radius**2)[..., None], np.array(colour, np.uint8), np.uint8(255))


def png(pixels: np.ndarray) -> bytes:
    """The pixels as a PNG file."""
    Image.fromarray(pixels).save(file := BytesIO(), format="PNG")
    return file.getvalue()


def table(study: Any, name: str) -> list[list[str]]:
    """Header and rows of a table that a study wrote."""
    with (study.out / f"{name}.csv").open(newline="") as file:
        return list(csv.reader(file))
