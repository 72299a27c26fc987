"""The names of each model's classes, for the page in the browser: it offers them where a class is asked for.

They travel with the declaration of Load GAN's `file`, so that no address of our own is needed. Inputs that hold a class
say so by the option `class_picker`, those with one in each line by `class_lines`; all are plain text all the same.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from .. import engine as nc
from . import host

__all__ = ["CLASS_PICKER", "class_names"]

CLASS_PICKER: dict[str, list[str]] = {"class_picker": []}
"""Option of a STRING input that holds a class; the list is of other words that may stand there."""


def class_names(files: list[str]) -> dict[str, list[str]]:
    """The class names in each of the weights files; files without names are left out.

    Declarations are asked for at every run: headers are read once, and again when a file has changed.
    """
    found = {file: _names(file) for file in files}
    return {file: list(names) for file, names in found.items() if names}


def _names(file: str) -> tuple[str, ...]:
    try:
        path = host.gan_path(file)
        state = path.stat()
        return _read(path, state.st_mtime_ns, state.st_size)
    except (nc.CheckpointError, OSError, MemoryError, RecursionError):
        return ()  # gone, or too much for now: not remembered, and the list of files must appear all the same


@lru_cache(maxsize=256)
def _read(path: Path, age: int, size: int) -> tuple[str, ...]:
    try:
        return nc.peek(path).class_names
    except nc.NeuralCollageError:  # nothing to offer; what is wrong with a file is said when it is loaded
        return ()
