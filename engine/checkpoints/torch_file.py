"""Old weights files as plain data: torch's zip files, its older chains of pickles, and plain pickles (.pkl).

What they hold comes out as dicts, lists and plain values, with `Stored` for tensors and `Record` for objects.
Nothing that a file names is looked up or called; tensors stay in the file until they are read.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from . import arrays, legacy, tensors
from .archive import opened, places
from .guard import Guard
from .pickled import Call, follow
from .settling import settle
from .strangers import WithStrangers, is_stranger
from .stretch import Stream, Stretch, held

__all__ = ["is_torch_zip", "read_file"]

KIND = "torch file"
MAX_PICKLE = 64 * 2**20
"""Bytes of the pickle in a zip file; it holds names and sizes only."""

NAMES = tensors.NAMES | arrays.NAMES
MEANINGS = {
    **arrays.MEANINGS,
    **tensors.MEANINGS,
    "torch.storage._load_from_bytes": lambda call, guard: _embedded(call, guard),
}


def is_torch_zip(path: Path) -> bool:
    """Whether a zip archive is one of torch's.

    Raises:
        CheckpointError: a damaged archive.
    """
    with opened(path, "archive (.npz or torch file)") as archive:
        return any(name.endswith("/data.pkl") for name in archive.namelist())


def read_file(path: Path) -> tuple[str, Any]:
    """The container of an old weights file, "torch" or "pickle", and what it holds.

    That is dicts, lists, tuples and plain values, with `Stored` and `Record` among them. Sets are tuples, dicts of any
    class are dicts, and bytes beyond a few hundred that are no tensor stay a `Stretch`.

    Raises:
        CheckpointError: damaged, of declared sizes that cannot be true, or asking for a name that is not known.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) == b"PK\x03\x04":
                return "torch", _zipped(path)
            present = file.seek(0, io.SEEK_END)
            guard = Guard(path.name, present)
            stream = Stream(file, Stretch(path, 0, present), guard)
            first = follow(stream, guard, WithStrangers(NAMES))
            if legacy.is_magic(first):
                return "torch", legacy.read(stream, guard, NAMES, MEANINGS)
            return "pickle", settle(_read_parts(first), guard, MEANINGS)
    except OSError as error:
        raise CheckpointError(f"A weights file must be readable; {path}: {error}. Check its permissions.") from error


def _read_parts(root: Any) -> Any:
    """What `follow` has noted of a snapshot, without a discriminator made by strangers."""
    judge = root.get("D") if isinstance(root, dict) and "G_ema" in root else None
    if not isinstance(judge, Call) or judge.name in MEANINGS or not is_stranger(judge.name):
        return root
    return {key: value for key, value in root.items() if key != "D"}


def _zipped(path: Path) -> Any:
    with opened(path, KIND) as archive:
        found = places(archive, path)
        prefix, inner = _pickle(found)
        guard = Guard(path.name, path.stat().st_size)
        if len(inner) > MAX_PICKLE:
            raise guard.refused(f"has a list of names of {len(inner) >> 20} MiB")
        if found.keys() & {prefix + "byteorder"} and archive.read(prefix + "byteorder") != b"little":
            raise guard.damaged("its numbers have the most significant byte first, which is not read")
        storages = tensors.Storages(guard, {name.removeprefix(prefix): place for name, place in found.items()})
        if inner.packed:
            inner = held(archive.read(prefix + "data.pkl"))
        with inner.opened() as file:
            return settle(follow(Stream(file, inner, guard), guard, NAMES, storages.zipped), guard, MEANINGS)


def _pickle(found: Mapping[str, Stretch]) -> tuple[str, Stretch]:
    """What the names of all members begin with, and where the pickle lies."""
    pickles = [name for name in found if name.endswith("/data.pkl")]
    if len(pickles) != 1 or any(name.endswith("/constants.pkl") for name in found):
        raise zipfile.BadZipFile("it holds a TorchScript program or several pickles, and not one state")
    return pickles[0].removesuffix("data.pkl"), found[pickles[0]]


def _embedded(call: Call, guard: Guard) -> Any:
    """A storage that torch has pickled by saving it to bytes: a whole legacy file, within which no other may lie."""
    content = call.arguments[0] if len(call.arguments) == 1 else None
    place = held(content) if isinstance(content, bytes) else content
    if not isinstance(place, Stretch):
        raise guard.damaged("a storage lacks its bytes")
    with place.opened() as file:
        stream = Stream(file, place, guard)
        if not legacy.is_magic(follow(stream, guard, ())):
            raise guard.damaged("the bytes of a storage are no torch file")
        return legacy.read(stream, guard, tensors.STORAGES, {})
