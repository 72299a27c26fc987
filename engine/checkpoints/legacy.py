"""torch's files from before version 1.6: a chain of pickles, and behind them the raw numbers.

Magic number, protocol 1001, a dict about the machine, the object, the keys of its storages; then for each key how many
numbers there are (64 bits) and the numbers. A snapshot of NVIDIA's has such a file for every tensor.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from typing import Any

from .guard import Guard
from .pickled import follow
from .settling import Meaning, settle
from .stretch import Stream
from .tensors import Storages

__all__ = ["is_magic", "read"]

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
COUNT = 8


def is_magic(first: Any) -> bool:
    """Whether the first pickle of a file says that it is one of these."""
    return type(first) is int and first == MAGIC


def read(stream: Stream, guard: Guard, names: Collection[str], meanings: Mapping[str, Meaning]) -> Any:
    """What such a file holds.

    Args:
        stream: the file, the magic number read.
        guard: its limits.
        names: that may occur.
        meanings: of those that may be called.

    Raises:
        CheckpointError: another version, or sizes that contradict one another.
    """
    storages = Storages(guard, {})
    protocol, machine = follow(stream, guard, ()), follow(stream, guard, ())
    if type(protocol) is not int or protocol != PROTOCOL:
        raise guard.damaged("it is of a version of torch's format that is not known")
    if not isinstance(machine, dict) or machine.get("little_endian", True) is not True:
        raise guard.damaged("its numbers have the most significant byte first, which is not read")
    root = follow(stream, guard, names, storages.chained)
    _lay_out(stream, guard, follow(stream, guard, ()), storages)
    return settle(root, guard, meanings)


def _lay_out(stream: Stream, guard: Guard, keys: Any, storages: Storages) -> None:
    """Find the numbers of each storage."""
    known = storages.by_key
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise guard.damaged("it has no list of its tensors")
    if len(set(keys)) != len(keys) or set(keys) != known.keys():
        raise guard.damaged(f"it lists {len(keys)} rows of numbers, and its tensors lie in {len(known)}")
    rest = stream.rest
    for key in keys:
        storage = known[key]
        size = storage.count * storage.dtype.itemsize
        if COUNT + size > len(rest):
            raise guard.damaged(f"{COUNT + size} bytes are said to follow, and there are {len(rest)}")
        head = memoryview(bytearray(COUNT))
        rest.fill(head)
        if struct.unpack("<q", head)[0] != storage.count:
            raise guard.damaged(f"a row of numbers has two lengths, {storage.count} for one")
        storage.where = rest.part(COUNT, size)
        rest = rest.part(COUNT + size, len(rest) - COUNT - size)
