"""numpy's .npz archives, read with suspicion: sizes are checked before anything is unpacked, objects are refused."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path
from tokenize import TokenError

import numpy as np
import torch
from torch import Tensor

from ..errors import CheckpointError
from .archive import DAMAGE, damaged, opened

__all__ = ["shapes", "tensors"]

KIND = ".npz archive"
_HEADER_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_BAD_HEADER = (*DAMAGE, RecursionError, MemoryError, SyntaxError, TypeError, TokenError)


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shape of every array by its name (without .npy), read off the headers alone.

    Raises:
        CheckpointError: a damaged archive, sizes beyond reason, objects, or sizes that contradict one another.
    """
    with opened(path, KIND) as archive:
        _check_names(path, archive)
        return {member.filename[: -len(".npy")]: _shape(path, archive, member) for member in archive.infolist()}


def tensors(path: Path, names: set[str]) -> dict[str, Tensor]:
    """The arrays of the given names in float32; `shapes` has found the archive sound.

    Raises:
        CheckpointError: damaged data, or an array that is not floating point.
    """
    with opened(path, KIND) as archive:
        return {name: _tensor(path, archive, name) for name in names}


def _damaged(path: Path, why: object) -> CheckpointError:
    return damaged(path, KIND, why)


def _check_names(path: Path, archive: zipfile.ZipFile) -> None:
    if not archive.namelist():
        raise _damaged(path, "it lists no arrays")
    if strange := [name for name in archive.namelist() if not name.endswith(".npy")]:
        raise CheckpointError(
            f"An .npz archive holds .npy members only; {path.name} holds {strange[0][:80]!a}. Check the file."
        )


def _shape(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[int, ...]:
    """Shape in the header of a member, once its type is harmless and its size agrees with the archive's."""
    try:
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            if version not in _HEADER_READERS:
                raise _damaged(path, f"{member.filename} has the unknown version {version}")
            shape, _, dtype = _HEADER_READERS[version](file)
            header = file.tell()
    except _BAD_HEADER as error:
        raise _damaged(path, f"{member.filename}: {error}") from error
    if dtype.kind not in "fiu":
        raise CheckpointError(
            f"Arrays must hold plain numbers; {member.filename} in {path.name} holds {dtype}. Objects could run code "
            "on loading and are never read: do not trust this file."
        )
    if any(side < 1 for side in shape) or header + math.prod(shape) * dtype.itemsize != member.file_size:
        raise _damaged(path, f"{member.filename} says it has shape {shape} but holds {member.file_size - header} bytes")
    return tuple(shape)


def _tensor(path: Path, archive: zipfile.ZipFile, name: str) -> Tensor:
    try:
        array = np.load(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)
    except DAMAGE as error:
        raise _damaged(path, f"{name}: {error}") from error
    if array.dtype.kind != "f":
        raise CheckpointError(
            f"Weights must be floating point; {name} in {path.name} holds {array.dtype}. Check the file."
        )
    with np.errstate(over="ignore"):  # a number beyond float32 becomes infinite, and is refused as such later
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
