"""Any weights file as plain tensors: which container it is, told by its first bytes, and what lies in it.

The names inside mean nothing here; `chainer.py` and `native.py` read them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import CheckpointError, InputError
from . import npz
from .torch_file import is_torch_zip, read_file
from .trees import MAX_TENSORS, tensors_of

__all__ = ["Contents", "as_path", "open_contents", "some"]

FLOATS = {"F16", "BF16", "F32", "F64"}
LONGEST = 100
"""Letters of a name that a message shows."""
MAX_HEADER = 8 * 2**20
"""Bytes of a .safetensors file's list of tensors, of which a model's take a few hundred thousand at most."""
MAX_TEXTS = 1000
"""Fields of text in a .safetensors file."""
WANTED = "Needed is an .npz of arrays, a .safetensors, or a file of torch's or of pickles (.pth, .pt, .bin, .pkl)"


@dataclass(frozen=True, eq=False)
class Contents:
    """A weights file, opened: names and shapes are known, weights are not yet read."""

    path: Path
    """Where it lies."""
    container: str
    """ "npz", "safetensors", "torch" or "pickle"."""
    shapes: Mapping[str, tuple[int, ...]]
    """Shape of every tensor by its name in the file."""
    tensors: Callable[[set[str]], dict[str, Tensor]]
    """Reads the tensors of the given names, in float32."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Text in the header, where the container has any."""
    tree: Any = None
    """What a torch file or pickle holds, as plain data (`records.py`); None for other containers."""


def as_path(path: str | os.PathLike[str]) -> Path:
    """Where a weights file is or will be.

    Raises:
        InputError: something that is no path.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise InputError(f"A weights file is named by a path; got {type(path).__name__}.")
    return Path(path)


def open_contents(path: str | os.PathLike[str]) -> Contents:
    """Open a weights file of any known container.

    Raises:
        InputError: no path.
        CheckpointError: not a file, of no known container, damaged, or of declared sizes that cannot be true.
    """
    path = as_path(path)
    if not os.path.isfile(path):  # False too for a name that no file can have
        raise CheckpointError(f"A weights file is needed; there is no file {path}. Check the name.")
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise CheckpointError(f"A weights file must be readable; {path}: {error}. Check its permissions.") from error
    if start[:4] == b"PK\x03\x04" and not is_torch_zip(path):
        shapes = npz.shapes(path)
        return Contents(path, "npz", shapes, lambda names: npz.tensors(path, names))
    if len(start) == 9 and start[8:] == b"{":
        _check_header(path, int.from_bytes(start[:8], "little"))
        return _safetensors(path)
    if start[:1] == b"\x80" or start[:4] == b"PK\x03\x04":
        return _pickled(path)
    raise CheckpointError(f"{WANTED}; {path.name} is {_kind(start)}. Download or convert it again.")


def _kind(start: bytes) -> str:
    if not start:
        return "empty"
    if start[:4] == b"\x89HDF":
        return "an HDF5 file"
    return f"none of these (it starts with {start[:4]!r})"


def _pickled(path: Path) -> Contents:
    """A torch file or a pickle: its tensors by the names under which they lie in it."""
    container, tree = read_file(path)
    found = tensors_of(tree)
    shapes = {name: tensor.shape for name, tensor in found.items()}
    return Contents(path, container, shapes, lambda names: {n: found[n].read().float() for n in names}, tree=tree)


def _check_header(path: Path, length: int) -> None:
    """Refuse a list of tensors that takes more memory to parse than any model's does."""
    if length > MAX_HEADER:
        raise CheckpointError(
            f"The list of tensors in a .safetensors file takes at most {MAX_HEADER >> 20} MiB; that of {path.name} is "
            f"said to take {length} bytes. Download it again, or do not trust it."
        )


def _check_counts(path: Path, file: Any) -> None:
    tensors, texts = len(file.keys()), len(file.metadata() or {})
    if tensors > MAX_TENSORS or texts > MAX_TEXTS:
        raise CheckpointError(
            f"A model has at most {MAX_TENSORS} tensors and {MAX_TEXTS} fields of text; {path.name} has {tensors} and "
            f"{texts}. Do not trust this file."
        )


def _safetensors(path: Path) -> Contents:
    try:
        with safe_open(path, framework="pt") as file:
            _check_counts(path, file)
            metadata = dict(file.metadata() or {})
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            shapes = {name: tuple(entry.get_shape()) for name, entry in slices.items()}
            kinds = {name: entry.get_dtype() for name, entry in slices.items()}
    except SafetensorError as error:
        raise CheckpointError(
            f"{path.name} is a damaged .safetensors file ({error}). Download or convert it again."
        ) from error
    if wrong := [name for name in shapes if kinds[name] not in FLOATS or 0 in shapes[name]]:
        raise CheckpointError(
            f"Weights must be non-empty floating point tensors; in {path.name} these are not: {some(wrong)}. "
            "Convert the model again."
        )

    def tensors(names: set[str]) -> dict[str, Tensor]:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name).float() for name in names}

    return Contents(path, "safetensors", shapes, tensors, metadata)


def some(names: list[str] | set[str], limit: int = 6) -> str:
    """The first names in order, for a message: on one line, long ones cut short."""
    ordered = sorted(names)
    rest = f" and {len(ordered) - limit} more" if len(ordered) > limit else ""
    short = (name if len(name) <= LONGEST else name[: LONGEST - 3] + "..." for name in ordered[:limit])
    return ", ".join(short).replace("\n", "\\n") + rest
