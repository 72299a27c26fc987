"""numpy's .npz archives, read with suspicion: sizes are checked before anything is unpacked, objects are refused."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError

import numpy as np
import torch
from torch import Tensor

from ..errors import CheckpointError

__all__ = ["shapes", "tensors"]

MAX_ARRAYS = 20_000
MAX_BYTES = 8 * 2**30
MAX_RATIO = 100
"""Declared bytes for each byte on disk. Trained weights hardly compress; only a bomb comes near."""
FREE_BYTES = 64 * 2**20
"""Archives that unpack to less are harmless at any ratio."""

_HEADER_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OSError)
_BAD_HEADER = (*_DAMAGE, RecursionError, MemoryError, SyntaxError, TypeError, TokenError)


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shape of every array by its name (without .npy), read off the headers alone.

    Raises:
        CheckpointError: a damaged archive, sizes beyond reason, objects, or sizes that contradict one another.
    """
    with _open(path) as archive:
        members = archive.infolist()
        _check_sizes(path, members)
        return {member.filename[: -len(".npy")]: _shape(path, archive, member) for member in members}


def tensors(path: Path, names: set[str]) -> dict[str, Tensor]:
    """The arrays of the given names in float32; `shapes` has found the archive sound.

    Raises:
        CheckpointError: damaged data, or an array that is not floating point.
    """
    with _open(path) as archive:
        return {name: _tensor(path, archive, name) for name in names}


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, why: object) -> CheckpointError:
    return CheckpointError(f"{path.name} is a damaged .npz archive ({why}). Download or copy it again.")


def _check_sizes(path: Path, members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    if any("data.pkl" in name for name in names):
        raise CheckpointError(
            f"An .npz archive of arrays is needed; {path.name} is a torch file (.pth, .pt). "
            "Use the .npz of the authors, or a .safetensors file written by Neural Collage."
        )
    if strange := [name for name in names if not name.endswith(".npy")]:
        raise CheckpointError(
            f"An .npz archive holds .npy members only; {path.name} holds {strange[0]!r}. Check the file."
        )
    if len(set(names)) != len(names):
        raise CheckpointError(f"Each array must be there once; {path.name} repeats names. Download it again.")
    if any(member.flag_bits & 1 for member in members):
        raise CheckpointError(
            f"Weights must not be encrypted; {path.name} is. Unpack it and save it without a password."
        )
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise CheckpointError(
            f"Arrays are stored or deflated, as NumPy does; {path.name} uses another compression. Save it again."
        )
    declared, present = sum(member.file_size for member in members), path.stat().st_size
    if len(members) > MAX_ARRAYS or declared > MAX_BYTES or declared > max(FREE_BYTES, MAX_RATIO * present):
        raise CheckpointError(
            f"At most {MAX_ARRAYS} arrays and {MAX_BYTES >> 30} GiB, compressed at most {MAX_RATIO} to 1, are read; "
            f"{path.name} declares {len(members)} arrays and {declared / 2**20:.0f} MiB in {present / 2**20:.1f} MiB. "
            "Weights never compress so far: do not trust this file."
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
    except _DAMAGE as error:
        raise _damaged(path, f"{name}: {error}") from error
    if array.dtype.kind != "f":
        raise CheckpointError(
            f"Weights must be floating point; {name} in {path.name} holds {array.dtype}. Check the file."
        )
    with np.errstate(over="ignore"):  # a number beyond float32 becomes infinite, and is refused as such later
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
