"""Bytes that stay in the file: where they lie, and how a pickle is read past them.

`pickletools.genops` asks a stream for the arguments of each operation. The stream here answers a request for long bytes
with a `Stretch`, their place in the file, and skips them: a snapshot of 300 MB is parsed in a few MB of memory.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from ..errors import CheckpointError
from .guard import Guard

__all__ = ["Stream", "Stretch", "held"]

STAYS = {b"B": "BINBYTES", b"\x8e": "BINBYTES8", b"T": "BINSTRING"}
"""Operations whose long arguments stay in the file: bytes, and the strings of Python 2, which hold its arrays."""
LONG = {b"X": "BINUNICODE", b"\x8d": "BINUNICODE8", b"\x96": "BYTEARRAY8"}
"""Operations whose long arguments are read: texts, and bytes that genops would copy."""
SHORT = 255
LINE = re.compile(rb"[A-Za-z0-9_.\-]{1,200}\n")
"""A module, a name or a number on a line of its own. No escapes, so nothing is decoded and no warning is given."""
PIECE = 2**20

UNREADABLE = (OSError, EOFError, ValueError, zlib.error)
"""What reading a file raises that has changed since it was opened, and what unpacking a damaged member raises."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """Bytes in a file that have not been read."""

    path: Path
    """The file."""
    start: int
    """Where they begin, in bytes from the start of the file or of what is unpacked."""
    length: int
    """How many there are."""
    packed: tuple[int, int] | None = None
    """Start and length of the deflated bytes in the file that they come out of; None where they lie as they are."""
    content: bytes | None = None
    """Where so few were read with the rest that they are kept: what `start` counts in."""

    def __len__(self) -> int:
        return self.length

    def decode(self, *_: str) -> Stretch:
        """Itself: genops decodes the strings of Python 2, whose arrays are such strings."""
        return self

    def part(self, start: int, length: int) -> Stretch:
        """The bytes from `start` of this stretch on, within it."""
        return replace(self, start=self.start + start, length=length)

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """What the bytes lie in, to be read from its own start on."""
        if self.content is not None:
            yield io.BytesIO(self.content)
        else:
            with self.path.open("rb") as file:
                yield cast(BinaryIO, io.BufferedReader(_Unpacked(file, *self.packed))) if self.packed else file

    def fill(self, buffer: memoryview) -> None:
        """Read the first bytes, as many as fit into `buffer`.

        Raises:
            CheckpointError: the file has changed or cannot be read.
        """
        try:
            with self.opened() as file:
                _skip(file, self.start)
                for start in range(0, len(buffer), PIECE):
                    piece = buffer[start : start + PIECE]
                    if cast(io.BufferedIOBase, file).readinto(piece) != len(piece):
                        raise EOFError("it ends too early")
        except UNREADABLE as error:
            raise CheckpointError(
                f"Weights must lie in the file as it said; {self.path.name} cannot be read ({error}). "
                "Download or copy it again."
            ) from error


def _skip(file: BinaryIO, count: int) -> None:
    """Go on by so many bytes; what is unpacked can only be read through."""
    if file.seekable():
        file.seek(count)
    else:
        for start in range(0, count, PIECE):
            file.read(min(PIECE, count - start))


class _Unpacked(io.RawIOBase):
    """Deflated bytes as a file, read from its start on: the archive around them need not be parsed for every tensor."""

    def __init__(self, file: BinaryIO, start: int, length: int) -> None:
        super().__init__()
        self._file, self._left = file, length
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        file.seek(start)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        """As of any raw file: the next bytes, none at the end."""
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._file.read(min(PIECE, self._left))
            self._left -= 0 if self._inflate.unconsumed_tail else len(packed)
            if not packed:
                break
            if piece := self._inflate.decompress(packed, len(buffer)):
                buffer[: len(piece)] = piece
                return len(piece)
        return 0


def held(content: bytes) -> Stretch:
    """A stretch of bytes that have been read with the rest."""
    return Stretch(Path("bytes in memory"), 0, len(content), content=content)


class Stream:
    """A pickle within a file, as genops reads one: never beyond its end, and past what may stay where it is."""

    def __init__(self, file: BinaryIO, place: Stretch, guard: Guard) -> None:
        """Read the pickle, or chain of pickles, at `place`, out of `file`, which is the opened file of `place`."""
        self._file, self._place, self._guard = file, place, guard
        self._position = 0
        self._code = b""
        self._ahead = False
        file.seek(place.start)

    @property
    def rest(self) -> Stretch:
        """What has not been read yet."""
        return self._place.part(self._position, self._place.length - self._position)

    def look(self) -> bytes:
        """The code of the next operation, which is left to be read; empty at the end."""
        if not self._ahead:
            self._code = self._take(1) if self._position < self._place.length else b""
            self._ahead = bool(self._code)
        return self._code

    def read(self, count: int) -> bytes | Stretch:
        """The next bytes, or their place.

        Raises:
            CheckpointError: beyond the end, or more than an operation of this kind has.
        """
        if self._ahead and count == 1:
            self._ahead = False
            return self._code
        if count > self._place.length - self._position:
            raise self._guard.damaged(f"{count} bytes are said to follow, and there are {len(self.rest)}")
        if count > SHORT and self._code in STAYS:
            return self._skip(count)
        if count > SHORT and self._code not in LONG:
            raise self._guard.refused(f"has a number of {count} bytes")
        return self._take(count)

    def readline(self) -> bytes:
        """The next line: a module, a name or a number.

        Raises:
            CheckpointError: anything else.
        """
        line = self._file.readline(min(256, len(self.rest)))
        self._position += len(line)
        if not LINE.fullmatch(line):
            raise self._guard.refused(f"asks for the name {line[:60]!a}, which no library has")
        return line

    def _skip(self, count: int) -> Stretch:
        skipped = self._place.part(self._position, count)
        self._position += count
        self._file.seek(self._place.start + self._position)
        return skipped

    def _take(self, count: int) -> bytes:
        self._guard.hold(count)
        taken = self._file.read(count)
        if len(taken) != count:
            raise self._guard.damaged("it ends too early")
        self._position += count
        return taken
