"""The files of a folder that is given in place of a file, as training and publishing leave them."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import CheckpointError
from .contents import some

__all__ = ["FOLDER", "files_in"]

FOLDER = {
    # part: what its file is called, the first that is there (`*` for anything)
    "generator": ("G_ema.pth", "G.pth", "pytorch_model.bin", "model=G_ema-best*.pth", "model=G-best*.pth"),
    "discriminator": ("D.pth",),
}


def files_in(folder: str | os.PathLike[str]) -> dict[str, Path]:
    """For each part that a folder has, its file: at least the generator's.

    Raises:
        CheckpointError: no file of those names, or several that fit the same one.
    """
    found = {part: _first(Path(folder), patterns) for part, patterns in FOLDER.items()}
    if found["generator"] is None:
        raise CheckpointError(
            f"A folder of a model must hold one of {', '.join(FOLDER['generator'])}; {folder} holds none. Give the "
            "weights file itself."
        )
    return {part: path for part, path in found.items() if path is not None}


def _first(folder: Path, patterns: tuple[str, ...]) -> Path | None:
    for pattern in patterns:
        fitting = [path for path in folder.glob(pattern) if path.is_file()]
        if len(fitting) > 1:
            raise CheckpointError(
                f"Which file of {folder} is meant must be clear; there are {some([path.name for path in fitting])}. "
                "Give the file itself."
            )
        if fitting:
            return fitting[0]
    return None
