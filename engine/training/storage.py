"""Where decoded pictures are kept: in memory where they fit, else in a temporary file.

Every process of a run holds the whole set, so those on one machine share its memory. A container, a batch system or a
service may allow fewer bytes than the machine has, and ends a process that takes more: its limit counts.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
import torch
from torch import Tensor

from ..errors import TrainingError
from .processes import processes_here

__all__ = ["empty_pictures"]

GROUPS, MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
"""Where Linux tells the limits of control groups, and which groups this process is in."""


def empty_pictures(count: int, resolution: int) -> Tensor:
    """Room for pictures: an uninitialised (count, 3, R, R) uint8 tensor.

    It lies in memory if it takes at most half of this process's share, else it is mapped from a temporary file.

    Args:
        count: how many pictures.
        resolution: side R of each, in pixels.

    Raises:
        TrainingError: neither memory nor the temporary folder has the room.
    """
    shape = (count, 3, resolution, resolution)
    if math.prod(shape) <= _memory() // processes_here() // 2:
        return torch.empty(shape, dtype=torch.uint8)
    return _mapped(shape)


def _mapped(shape: tuple[int, ...]) -> Tensor:
    """Bytes of this shape in a temporary file, which is gone when they are."""
    size, folder = math.prod(shape), "the temporary folder"
    try:
        folder = tempfile.gettempdir()
        with tempfile.TemporaryFile() as file:  # the map outlives the name and the handle
            _reserve(file, size)
            return torch.from_numpy(np.memmap(file, np.uint8, "r+", shape=shape))
    except OSError as error:
        raise TrainingError(
            f"Pictures that take more than half of a process's share of memory are kept in a temporary file; {folder} "
            f"must have room for {size / 1e9:.3g} GB for each process: {error}. Make room there, name another folder "
            "in the variable TMPDIR, or train at a smaller size or on fewer pictures."
        ) from error


def _reserve(file: IO[bytes], size: int) -> None:
    """Make a file this large, and take its bytes from the disk now.

    A file with holes would be shorter work, but where the disk runs full later, whoever writes to its map is ended by a
    signal that nothing can report.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    piece = bytes(2**20)
    for start in range(0, size, len(piece)):
        file.write(piece[: size - start])
    file.flush()


def _memory() -> int:
    """Bytes that the processes on this machine may take together: what it has, or the least limit set on this one."""
    return min([_installed(), *_limits()])


def _installed() -> int:
    """Bytes of memory that this machine has; 16 GiB where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return 16 * 2**30


def _limits() -> Iterator[int]:
    """Limits, in bytes, of the control groups that this process is in and of those above them; none but on Linux.

    A line is `0::/group` (version 2) or `4:memory:/group` (version 1): man page cgroups(7). In a container the group
    may be named as the host sees it and lie at the root here, which is above every group.
    """
    for line in _text(MEMBERSHIP).splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root, name = (GROUPS / "memory", "memory.limit_in_bytes") if controllers else (GROUPS, "memory.max")
        inside = PurePosixPath(group.lstrip("/"))
        for folder in (inside, *inside.parents):
            limit = _text(root / folder / name).strip()
            if limit.isdecimal():  # else "max", or no such group
                yield int(limit)


def _text(path: Path) -> str:
    """What a small file of the system says; nothing if it is not there."""
    try:
        return os.fsdecode(path.read_bytes())
    except OSError:
        return ""
