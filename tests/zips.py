"""Zip archives that lie: tricks played on a torch file's members, their list and their sizes."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zipfile
from collections.abc import Callable

import old_files

__all__ = ["TRICKS", "rebuilt", "spoilt", "with_pickle"]

LOCAL, ENTRY, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def rebuilt(content: bytes, changes: dict[str, bytes | None], method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive with members replaced, added, or (None) left out."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, value in {**members, **changes}.items():
            if value is not None:
                archive.writestr(zipfile.ZipInfo(name), value, method)  # dated 1980: the same bytes every time
    return file.getvalue()


def with_pickle(content: bytes, pickle: bytes) -> bytes:
    """A torch file whose names and sizes are another pickle's."""
    return rebuilt(content, {"archive/data.pkl": pickle})


def with_field(content: bytes, signature: bytes, offset: int, value: int, size: int = 4, which: int = 0) -> bytes:
    """An archive with a number in one of its headers overwritten."""
    start = -1
    for _ in range(which + 1):
        start = content.index(signature, start + 1)
    place = start + offset
    return content[:place] + struct.pack("<Q", value)[:size] + content[place + size :]


def twice() -> bytes:
    """A torch file with two pickles under one name."""
    file = io.BytesIO(old_files.zipped())
    with warnings.catch_warnings(), zipfile.ZipFile(file, "a") as archive:
        warnings.simplefilter("ignore")  # zipfile says that the name is there already
        archive.writestr(zipfile.ZipInfo("archive/data.pkl"), b"\x80\x04cos\nsystem\nX\x04\x00\x00\x00true\x85R.")
    return file.getvalue()


def bomb() -> bytes:
    return rebuilt(old_files.zipped({}), {"archive/data/0": bytes(80 * 2**20)}, zipfile.ZIP_DEFLATED)


def overlapping() -> bytes:
    """A torch file whose second storage is said to lie where the first one does."""
    content = old_files.zipped({"a": old_files.numbers(3), "b": old_files.numbers(3)})
    places = [at for at in range(len(content)) if content.startswith(ENTRY, at)]
    names = [content[at + 46 : at + 46 + struct.unpack_from("<H", content, at + 28)[0]] for at in places]
    first = struct.unpack_from("<I", content, places[names.index(b"archive/data/0")] + 42)[0]
    return with_field(content, ENTRY, 42, first, which=names.index(b"archive/data/1"))


def sound() -> bytes:
    return rebuilt(old_files.zipped(), {})


TRICKS: dict[str, Callable[[], bytes]] = {
    "one name twice": twice,
    "bomb": bomb,
    "overlapping members": overlapping,
    "encrypted": lambda: with_field(sound(), ENTRY, 8, 1, 2),
    "another compression": lambda: rebuilt(old_files.zipped(), {}, zipfile.ZIP_LZMA),
    "unknown compression": lambda: with_field(sound(), ENTRY, 10, 99, 2),
    "member of two gigabytes": lambda: with_field(with_field(sound(), ENTRY, 24, 2**31), ENTRY, 20, 2**31),
    "member of two sizes": lambda: with_field(sound(), ENTRY, 24, 2**20),
    "member outside": lambda: with_field(sound(), ENTRY, 42, 2**30),
    "member called otherwise": lambda: with_field(sound(), LOCAL, 30, 0x41, 1),
    "list outside": lambda: with_field(sound(), END, 16, 2**30),
    "list of four gigabytes": lambda: with_field(sound(), END, 12, 2**32 - 2),
    "list of no size": lambda: with_field(sound(), END, 12, 0),
    "list that is long": lambda: LOCAL + bytes(9 * 2**20) + END + struct.pack("<8xIIH", 9 * 2**20, 4, 0),
    "no end": lambda: sound()[:-22],
    "no pickle": lambda: rebuilt(old_files.zipped(), {"archive/data.pkl": None}),
    "two pickles": lambda: rebuilt(old_files.zipped(), {"other/data.pkl": b"\x80\x02N."}),
    "a program": lambda: rebuilt(old_files.zipped(), {"archive/constants.pkl": b"\x80\x02N."}),
    "a storage that is missing": lambda: rebuilt(old_files.zipped(), {"archive/data/0": None}),
    "a storage that is short": lambda: rebuilt(old_files.zipped(), {"archive/data/0": b"1234"}),
    "a storage that is long": lambda: rebuilt(old_files.zipped(), {"archive/data/0": bytes(10**5)}),
    "a pickle that is empty": lambda: with_pickle(old_files.zipped(), b""),
}


def spoilt(dice: random.Random, content: bytes) -> bytes:
    """An archive with one number of one header overwritten."""
    signature, offset = dice.choice(
        [(LOCAL, dice.randrange(4, 30)), (ENTRY, dice.randrange(4, 46)), (END, dice.randrange(4, 22))]
    )
    which = dice.randrange(content.count(signature))
    return with_field(
        content, signature, offset, dice.choice((0, 1, 0xFF, 2**31 - 1, 2**32 - 1)), dice.choice((1, 2, 4)), which
    )
