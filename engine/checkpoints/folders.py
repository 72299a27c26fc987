"""The files of a folder that is given in place of a file, as training and publishing leave them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from ..errors import CheckpointError
from .contents import some

__all__ = ["FOLDER", "files_in"]

FOLDER: tuple[Mapping[str, str], ...] = (
    # part: what its file is called (`*` for anything); the first row whose first file is there
    {"generator": "G_ema.pth", "discriminator": "D.pth"},  # ajbrock
    {"generator": "G.pth", "discriminator": "D.pth"},
    {"generator": "pytorch_model.bin"},  # Hugging Face
    {"generator": "model=G_ema-best*.pth"},  # StudioGAN, whose discriminators cannot be read
    {"generator": "model=G_ema-current*.pth"},
    {"generator": "model=G-best*.pth"},
    {"generator": "model=G-current*.pth"},
    {"generator": "netG_<steps>_steps.pth", "discriminator": "netD_<steps>_steps.pth"},  # mimicry
    {"generator": "netG/netG_<steps>_steps.pth", "discriminator": "netD/netD_<steps>_steps.pth"},
    {"generator": "*.pkl"},  # NVIDIA
    {"discriminator": "D.pth"},
)
STEPS = "<steps>"
"""In a name: how far training was. The furthest file is taken, and of the other parts those that are as far."""


def files_in(folder: str | os.PathLike[str]) -> dict[str, Path]:
    """For each part that a folder has, its file: the generator's, or a discriminator's alone.

    Raises:
        CheckpointError: no file of those names, or several that fit the same one.
    """
    for row in FOLDER:
        if found := _row(Path(folder), row):
            return found
    names = dict.fromkeys(next(iter(row.values())) for row in FOLDER)
    raise CheckpointError(
        f"A folder of a model must hold one of {', '.join(names)}; {folder} holds none. Give the weights file itself."
    )


def _row(folder: Path, names: Mapping[str, str]) -> dict[str, Path]:
    """The files that are there; none where the first is not."""
    found: dict[str, Path] = {}
    steps = "*"
    for part, name in names.items():
        path = _one(folder, name.replace(STEPS, steps), newest=STEPS in name)
        if path is None and not found:
            return {}
        if path is not None:
            found[part], steps = path, str(_steps(path))
    return found


def _one(folder: Path, pattern: str, *, newest: bool) -> Path | None:
    fitting = sorted(path for path in folder.glob(pattern) if path.is_file())
    if len(fitting) > 1 and not newest:
        raise CheckpointError(
            f"Which file of {folder} is meant must be clear; there are {some([path.name for path in fitting])}. "
            "Give the file itself."
        )
    return max(fitting, key=_steps, default=None)


def _steps(path: Path) -> int:
    """The number in a file's name; 0 where there is none."""
    number = re.search(r"\d+", path.name)
    return int(number[0]) if number else 0
