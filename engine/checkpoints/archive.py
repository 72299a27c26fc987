"""Zip archives read with suspicion: numpy's .npz and torch's files. Sizes are checked before anything is unpacked."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import CheckpointError
from .stretch import Stretch

__all__ = ["DAMAGE", "damaged", "opened", "places"]

MAX_MEMBERS = 20_000
MAX_BYTES = 8 * 2**30
MAX_RATIO = 100
"""Declared bytes for each byte on disk. Trained weights hardly compress; only a bomb comes near."""
FREE_BYTES = 64 * 2**20
"""Archives that unpack to less are harmless at any ratio."""
MAX_DIRECTORY = 8 * 2**20
"""Bytes of an archive's list of members, each of which takes several times as much in memory."""
HEADER = 30
"""Bytes of a member's own header, before its name."""

DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OSError, struct.error)
"""What reading a damaged archive raises."""


class _Bounded(io.BufferedReader):
    """A file that is not read in one go."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"its list of members takes {size} bytes")
        return super().read(size)


@contextmanager
def opened(path: Path, kind: str) -> Iterator[zipfile.ZipFile]:
    """An archive whose members are of believable sizes.

    Args:
        path: the file.
        kind: what it should be, for messages, such as ".npz archive".

    Raises:
        CheckpointError: damaged, encrypted, compressed beyond reason, or with a name twice.
    """
    try:
        with _Bounded(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
            _check(path, archive.infolist())
            yield archive
    except DAMAGE as error:
        raise damaged(path, kind, error) from error


def damaged(path: Path, kind: str, why: object) -> CheckpointError:
    """The error for an archive that contradicts itself."""
    return CheckpointError(f"{path.name} is a damaged {kind} ({why}). Download or copy it again.")


def places(archive: zipfile.ZipFile, path: Path) -> dict[str, Stretch]:
    """Where the content of every member lies, by name: in the file itself unless it is compressed.

    Raises:
        BadZipFile: members that overlap or reach beyond the file, or are called otherwise at their place.
    """
    found, end = {}, 0
    for member in sorted(archive.infolist(), key=lambda member: member.header_offset):
        start = _start(archive, member)
        if member.header_offset < end:
            raise zipfile.BadZipFile(f"{member.filename!a} overlaps another member")
        end = start + member.compress_size
        if member.compress_type == zipfile.ZIP_STORED:
            if member.file_size != member.compress_size:
                raise zipfile.BadZipFile(f"{member.filename!a} has two sizes")
            found[member.filename] = Stretch(path, start, member.file_size)
        else:
            found[member.filename] = Stretch(path, 0, member.file_size, (start, member.compress_size))
    if end > archive.start_dir:
        raise zipfile.BadZipFile("its members reach beyond their list")
    return found


def _start(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Where a member's content begins: behind its own header, whose name may be followed by padding."""
    with archive.open(member):  # compares the header with the list
        pass
    file = archive.fp
    assert file is not None  # the archive is open
    file.seek(member.header_offset)
    name, extra = struct.unpack("<26x2H", file.read(HEADER))
    return member.header_offset + HEADER + name + extra


def _check(path: Path, members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise CheckpointError(f"Each member must be there once; {path.name} repeats names. Download it again.")
    if any(member.flag_bits & 1 for member in members):
        raise CheckpointError(
            f"Weights must not be encrypted; {path.name} is. Unpack it and save it without a password."
        )
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise CheckpointError(
            f"Members are stored or deflated, as NumPy does; {path.name} uses another compression. Save it again."
        )
    declared, present = sum(member.file_size for member in members), path.stat().st_size
    if len(members) > MAX_MEMBERS or declared > MAX_BYTES or declared > max(FREE_BYTES, MAX_RATIO * present):
        raise CheckpointError(
            f"At most {MAX_MEMBERS} members and {MAX_BYTES >> 30} GiB, compressed at most {MAX_RATIO} to 1, are read; "
            f"{path.name} declares {len(members)} members and {declared / 2**20:.0f} MiB in {present / 2**20:.1f} MiB. "
            "Weights never compress so far: do not trust this file."
        )
