"""Seeded mutations of sound weights files: operations, names, sizes, nesting, bytes, and zip archives."""

from __future__ import annotations

import io
import pickletools
import random
import struct
import zipfile
from collections.abc import Callable, Iterator

import old_files
import zips
from hostile import EXPLOITS, short

__all__ = ["mutations"]

NAMES = (
    b"os",
    b"posix",
    b"system",
    b"eval",
    b"builtins",
    b"collections",
    b"OrderedDict",
    b"__reduce__",
    b"torch",
    b"numpy",
)
SIZES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1)
CODES = [known.code.encode("latin-1") for known in pickletools.opcodes]


def operations(content: bytes) -> list[tuple[str, int, int]]:
    """(name, start, end) of every operation of the pickles at the start of a file."""
    file, found = io.BytesIO(content), []
    while content[file.tell() : file.tell() + 1] == b"\x80":
        starts = [(known.name, place) for known, _, place in pickletools.genops(file)]
        ends = [place for _, place in starts[1:]] + [file.tell()]
        found += [(name, start or 0, end or 0) for (name, start), end in zip(starts, ends, strict=True)]
    return found


def some_operation(dice: random.Random, content: bytes, *, argument: bool) -> tuple[int, int]:
    found = [(start, end) for _, start, end in operations(content) if end > start + 1 or not argument]
    return dice.choice(found)


def other_code(dice: random.Random, content: bytes) -> bytes:
    start, _ = some_operation(dice, content, argument=False)
    return content[:start] + dice.choice(CODES) + content[start + 1 :]


def inserted_code(dice: random.Random, content: bytes) -> bytes:
    start, _ = some_operation(dice, content, argument=False)
    return content[:start] + b"".join(dice.choices(CODES, k=dice.randint(1, 4))) + content[start:]


def other_operation(dice: random.Random, content: bytes) -> bytes:
    """One operation in place of another, doubled, or left out."""
    start, end = some_operation(dice, content, argument=False)
    first, last = some_operation(dice, content, argument=False)
    return content[:start] + content[first:last] * dice.randint(0, 2) + content[end:]


def other_size(dice: random.Random, content: bytes) -> bytes:
    start, end = some_operation(dice, content, argument=True)
    size = struct.pack("<Q", dice.choice(SIZES))[: max(1, min(4, end - start - 1))]
    return content[: start + 1] + size + content[start + 1 + len(size) :]


def other_name(dice: random.Random, content: bytes) -> bytes:
    named = [op for op in operations(content) if op[0] in ("GLOBAL", "SHORT_BINUNICODE", "BINUNICODE")]
    if not named:
        return other_code(dice, content)
    name, start, end = dice.choice(named)
    text = dice.choice(NAMES)
    written = {
        "GLOBAL": b"c" + text + b"\n" + dice.choice(NAMES) + b"\n",
        "SHORT_BINUNICODE": short(text),
        "BINUNICODE": b"X" + struct.pack("<I", len(text)) + text,
    }
    return content[:start] + written[name] + content[end:]


def exploit_inside(dice: random.Random, content: bytes) -> bytes:
    start, _ = some_operation(dice, content, argument=False)
    small = [body for body in EXPLOITS.values() if len(body) < 1000]
    return content[:start] + dice.choice(small) + content[start:]


def recursion(dice: random.Random, content: bytes) -> bytes:
    start, _ = some_operation(dice, content, argument=False)
    return (
        content[:start]
        + dice.choice((b"]", b"(", b"}", b"N\x85", b"\x94", b"h\x00", b"]h\x00a")) * 3000
        + content[start:]
    )


def flipped(dice: random.Random, content: bytes) -> bytes:
    spoilt = bytearray(content)
    for _ in range(dice.choice((1, 1, 4, 32))):
        spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
    return bytes(spoilt)


def truncated(dice: random.Random, content: bytes) -> bytes:
    return content[: dice.randrange(5, len(content))]


def shuffled(dice: random.Random, content: bytes) -> bytes:
    """A piece in the wrong place."""
    start, target = dice.randrange(len(content)), dice.randrange(len(content))
    return content[:target] + content[start : start + dice.randint(1, 200)] + content[target + dice.randint(0, 200) :]


PICKLE = (other_code, inserted_code, other_operation, other_size, other_name, exploit_inside, recursion)
BYTES = (flipped, truncated, shuffled)


def mutations(name: str, count: int) -> Iterator[tuple[str, bytes]]:
    """Seeded mutations of a sound file of a format."""
    sound = old_files.FORMATS[name]()
    for number in range(count):
        dice = random.Random(f"{name} {number}")
        change = (*PICKLE, *BYTES, *PICKLE)[number % 17]
        yield f"{name} {number}: {change.__name__}", mutated(dice, sound, change)


def mutated(dice: random.Random, sound: bytes, change: Callable[[random.Random, bytes], bytes]) -> bytes:
    if sound[:2] != b"PK":
        return change(dice, inside(dice, sound, change))
    if change in BYTES and dice.random() < 0.5:
        return zips.spoilt(dice, sound) if dice.random() < 0.5 else change(dice, sound)
    with zipfile.ZipFile(io.BytesIO(sound)) as archive:
        return zips.with_pickle(sound, change(dice, archive.read("archive/data.pkl")))


def inside(dice: random.Random, sound: bytes, change: Callable[[random.Random, bytes], bytes]) -> bytes:
    """A snapshot of NVIDIA's: half of the time, one of the legacy files within it is changed as well."""
    held = [
        (s, e) for name, s, e in operations(sound) if name == "BINBYTES" and sound[s + 5 : s + 8] == b"\x80\x02\x8a"
    ]
    if not held or dice.random() < 0.5:
        return sound
    start, end = dice.choice(held)
    inner = change(dice, sound[start + 5 : end])
    return sound[:start] + b"B" + struct.pack("<I", len(inner)) + inner + sound[end:]
