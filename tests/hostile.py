"""Weights files made hostile by hand: exploits in every container, and sizes that lie. See also `mutations.py`."""

from __future__ import annotations

import io
import json
import pickletools
import struct
from collections.abc import Callable, Iterator
from typing import Any

import old_files
import torch
import zips

__all__ = ["EXPLOITS", "LIES", "contained", "exploits", "short"]

EXIT = b"cposix\nsystem\n"
CANARY = b"touch ran"

# --- Exploits --------------------------------------------------------------------------------------------------------


def short(text: bytes) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text


ORDERED = b"ccollections\nOrderedDict\n"
LATIN = b"c_codecs\nencode\n"
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"
PERSISTENT = b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n"
FROM_BYTES = b"ctorch.storage\n_load_from_bytes\n"
LAUGHS = b"]q\x00" + b"".join(b"](" + b"h%c" % (n) * 9 + b"eq%c" % (n + 1) for n in range(60))
"""Lists of nine times the list before."""

EXPLOITS = {
    # what a pickle consists of between its first bytes and its end
    "os.system by REDUCE": b"cos\nsystem\n" + short(CANARY) + b"\x85R",
    "posix.system by REDUCE": EXIT + short(CANARY) + b"\x85R",
    "eval by REDUCE": b"cbuiltins\neval\n" + short(b"open('ran', 'w')") + b"\x85R",
    "eval of Python 2": b"c__builtin__\neval\n" + short(b"open('ran', 'w')") + b"\x85R",
    "exec by REDUCE": b"cbuiltins\nexec\n" + short(b"open('ran', 'w')") + b"\x85R",
    "getattr of a known class": b"cbuiltins\ngetattr\n" + ORDERED + short(b"__init__") + b"\x86R",
    "dotted name": short(b"collections") + short(b"OrderedDict.__init__.__globals__") + b"\x93",
    "subprocess": b"csubprocess\nPopen\n(X\x04\x00\x00\x00true\x85tR",
    "socket": b"csocket\nsocket\n)R",
    "import of a module": b"cimportlib\nimport_module\n" + short(b"antigravity") + b"\x85R",
    "a module that is not there": b"cneural_collage_nowhere\nname\n)R",
    "INST": b"(" + b"X\x09\x00\x00\x00touch ran" + b"ios\nsystem\n",
    "OBJ": b"(" + b"cos\nsystem\n" + short(CANARY) + b"o",
    "NEWOBJ": b"cos\nsystem\n" + short(CANARY) + b"\x85\x81",
    "NEWOBJ_EX": b"cos\nsystem\n" + short(CANARY) + b"\x85}\x92",
    "NEWOBJ_EX of a known class": ORDERED + b")}\x92",
    "EXT1": b"\x82\x01)R",
    "EXT2": b"\x83\x01\x00)R",
    "EXT4": b"\x84\x01\x00\x00\x00)R",
    "PERSID": b"Pcos\nsystem\n",
    "BINPERSID": short(b"cos system") + b"Q",
    "BINPERSID of a call": b"(" + short(b"storage") + EXIT + short(b"0") + short(b"cpu") + b"K\x01tQ",
    "NEXT_BUFFER": b"\x97",
    "READONLY_BUFFER": b"\x97\x98",
    "BUILD with __setstate__": ORDERED + b")R}" + short(b"__setstate__") + EXIT + b"sb" + short(CANARY) + b"b",
    "BUILD with __dict__": b"}" + b"}" + short(b"__dict__") + b"}sb",
    "BUILD on a name": ORDERED + b"}" + short(b"__reduce__") + b"Nsb",
    "BUILD twice": ORDERED + b")R}b}b",
    "name through the memo": b"("
    + short(b"os")
    + b"q\x00"
    + short(b"system")
    + b"q\x01h\x00h\x01\x93"
    + short(CANARY)
    + b"\x85Rt",
    "name put together by the memo": b"("
    + short(b"torch")
    + b"q\x05"
    + short(b"posix")
    + b"q\x05h\x05"
    + short(b"system")
    + b"\x93t",
    "POP_MARK": b"N(N1",
    "DUP": b"]2\x86",
    "name that is no text": b"K\x01K\x02\x93",
    "name with an escape": b"cos\\x2e\nsystem\n)R",
    "name that is endless": b"c" + b"a" * 100_000,
    "call of a result": ORDERED + b")R)R",
    "call of a list": b"])R",
    "call with a list": ORDERED + b"]R",
    "STRING": b"S'\\d'\n",
    "FLOAT": b"F1e400\n",
    "LONG": b"L" + b"9" * 100_000 + b"L\n",
    "INT": b"I" + b"9" * 100_000 + b"\n",
    "LONG4 of two gigabytes": b"\x8b\xff\xff\xff\x7f\x00",
    "LONG4 below nothing": b"\x8b\xff\xff\xff\xff\x00",
    "LONG4 of many digits": b"\x8b" + struct.pack("<i", 100_000) + b"\x7f" * 100_000,
    "bytes of 2**62": b"\x8e" + struct.pack("<Q", 2**62) + b"a",
    "text of four gigabytes": b"X\xff\xff\xff\xffa",
    "text that is none": b"X\x02\x00\x00\x00\xff\xfe",
    "list that holds itself": b"]q\x00h\x00a",
    "dict that holds itself": b"}q\x00" + short(b"a") + b"h\x00s",
    "tuple within itself": b"]q\x00h\x00\x85a",
    "dict as its own key": b"}q\x00h\x00Ns",
    "deep lists": b"]" * 50_000 + b"a" * 49_999,
    "deep tuples": b"N" + b"\x85" * 50_000,
    "deep marks": b"(" * 100_000,
    "deep calls": b")" + (b"q\x00" + ORDERED + b"h\x00R\x85") * 5000,
    "billion laughs": LAUGHS,
    "billion laughs in a key": b")q\x00" + b"h\x00h\x00\x86q\x00" * 60 + b"}h\x00Ns",
    "copies of one list": b"]("
    + (b"]q\x00(" + (short(b"a") + b"N\x86") * 5000 + b"e")
    + (ORDERED + b"h\x00\x85R") * 20_000
    + b"e",
    "copies of one text": b"](X"
    + struct.pack("<I", 10**6)
    + b"a" * 10**6
    + b"q\x00"
    + (LATIN + b"h\x00U\x06latin1\x86R") * 9000
    + b"e",
    "keys whose hashes collide": b"}("
    + b"".join(b"\x8a\x08" + struct.pack("<Q", n << 20) + b"N" for n in range(20_000))
    + b"u",
    "sets without end": b"](" + b"\x8f" * 120_000 + b"e",
    "memo far ahead": b"Nr\xff\xff\xff\x7f",
    "name that is long": b"}" + b"X" + struct.pack("<I", 300) + b"a" * 300 + b"]s",
    "operations without end": b"(" + b"N" * 600_000 + b"t",
    "nothing to pop": b"0",
    "nothing below the mark": b"N(0",
    "memo that is empty": b"h\x07",
    "tensor of no storage": TENSOR + b"(NK\x00))\x89NtR",
    "numpy object": b"cnumpy\ndtype\n" + short(b"O8") + b"K\x00K\x01\x87R",
    "numpy of a function": b"cnumpy.core.multiarray\n_reconstruct\n" + ORDERED + b"K\x00\x85C\x01b\x87R",
    "numpy from a text": b"cnumpy\nfromfile\n" + short(b"/etc/passwd") + b"\x85R",
    "codecs of another kind": b"c_codecs\nencode\n" + short(b"text") + short(b"idna") + b"\x86R",
    "torch.load": b"ctorch.serialization\nload\n" + short(b"/etc/passwd") + b"\x85R",
    "class by _reconstructor": b"ccopy_reg\n_reconstructor\n(cos\nsystem\nc__builtin__\nobject\nNtR",
    "name mentioned, not called": b"}" + short(b"G_ema") + PERSISTENT + b"s",
    "object of a function": b"}"
    + short(b"G_ema")
    + b"ccopy_reg\n_reconstructor\n("
    + PERSISTENT
    + b"cbuiltins\nobject\nNtRs",
    "network mentioned, not called": b"}" + short(b"G_ema") + b"cdnnlib.tflib.network\nNetwork\ns",
    "layer mentioned, not called": b"}" + short(b"G_ema") + b"ctorch.nn.modules.linear\nLinear\ns",
    "exploit within bytes": FROM_BYTES
    + b"B"
    + struct.pack("<I", 300)
    + (b"\x80\x02cos\nsystem\n" + short(CANARY) + b"\x85R.").ljust(300)
    + b"\x85R",
    "exploit within a legacy file within bytes": b"",
    "bytes within bytes within bytes": b"",
}
"""Each is refused in every container."""


def nested(inner: bytes) -> bytes:
    """A storage's bytes whose object is `inner`."""
    content = old_files.legacy(None if not inner else {})
    head = content[: legacy_object(content)]
    whole = head + b"\x80\x02" + inner + b"." + b"\x80\x02]."
    return FROM_BYTES + b"B" + struct.pack("<I", len(whole)) + whole + b"\x85R"


def legacy_object(content: bytes) -> int:
    """Where the object's pickle begins in a legacy file."""
    file = io.BytesIO(content)
    for _ in range(3):
        list(pickletools.genops(file))
    return file.tell()


EXPLOITS["exploit within a legacy file within bytes"] = nested(EXPLOITS["os.system by REDUCE"])
EXPLOITS["bytes within bytes within bytes"] = nested(nested(b"]"))


def contained(body: bytes) -> dict[str, bytes]:
    """An exploit in every container that it can hide in."""
    chain, evil = old_files.legacy({}), b"\x80\x04" + body + b"."
    return {
        "plain": evil,
        "in a dict": b"\x80\x04}" + short(b"weights") + body + b"s.",
        "torch zip": zips.with_pickle(old_files.zipped({}), evil),
        "torch legacy": chain[: legacy_object(chain)] + evil + b"\x80\x02].",
    }


def exploits() -> Iterator[tuple[str, bytes]]:
    """Every exploit in every container, and every file of sizes that lie."""
    for name, body in EXPLOITS.items():
        yield from ((f"{name}, {container}", content) for container, content in contained(body).items())
    for name, make in LIES.items():
        yield name, make()


WIDE = torch.zeros(2**18)


def changed(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    return content.replace(old, new)


def chained(count: int, shape: bytes, data: bytes) -> bytes:
    """A legacy file of one tensor that says what it likes."""
    chain = old_files.legacy({})
    storage = (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
        + short(b"0")
        + short(b"cpu")
        + struct.pack("<cI", b"J", count)
        + b"NtQ"
    )
    body = b"\x80\x02}X\x01\x00\x00\x00a" + TENSOR + b"(" + storage + b"K\x00" + shape + b"\x89NtRs."
    return chain[: legacy_object(chain)] + body + b"\x80\x02](X\x01\x00\x00\x000e." + data


EMPTY = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}


def headed(header: dict[str, Any]) -> bytes:
    """A .safetensors file that is all header."""
    content = json.dumps(header).encode()
    return struct.pack("<Q", len(content)) + content


LIES: dict[str, Callable[[], bytes]] = {
    # files whose sizes contradict one another
    "storage beyond the file": lambda: chained(2**30, b"K\x02\x85K\x01\x85", struct.pack("<q", 2**30) + bytes(8)),
    "storage with two lengths": lambda: chained(2, b"K\x02\x85K\x01\x85", struct.pack("<q", 3) + bytes(8)),
    "storage of fewer than none": lambda: chained(2**32 - 1, b"K\x02\x85K\x01\x85", struct.pack("<q", -1) + bytes(8)),
    "tensor beyond its storage": lambda: chained(2, b"K\x03\x85K\x01\x85", struct.pack("<q", 2) + bytes(8)),
    "steps beyond its storage": lambda: chained(2, b"K\x02\x85K\x09\x85", struct.pack("<q", 2) + bytes(8)),
    "steps backwards": lambda: chained(2, b"K\x02\x85J\xff\xff\xff\xff\x85", struct.pack("<q", 2) + bytes(8)),
    "a number repeated": lambda: chained(2, b"J\xff\xff\xff\x7f\x85K\x00\x85", struct.pack("<q", 2) + bytes(8)),
    "axes without steps": lambda: chained(2, b"K\x02\x85)", struct.pack("<q", 2) + bytes(8)),
    "a hundred axes": lambda: chained(
        2, b"(" + b"K\x01" * 100 + b"t(" + b"K\x01" * 100 + b"t", struct.pack("<q", 2) + bytes(8)
    ),
    "shape of texts": lambda: chained(2, short(b"2") + b"\x85K\x01\x85", struct.pack("<q", 2) + bytes(8)),
    "numbers cut off": lambda: chained(2, b"K\x02\x85K\x01\x85", struct.pack("<q", 2) + bytes(7)),
    "numpy shape beyond its bytes": lambda: changed(old_files.tensorflow(), b"K\x06K\x06\x86", b"K\x07K\x06\x86"),
    "numpy number of another size": lambda: changed(old_files.plain(), b"C\x04\x00\x00\x00?", b"C\x03\x00\x00?"),
    "views without end": lambda: old_files.zipped([WIDE.view(2, -1) for _ in range(5000)]),
    "views from end to end": lambda: old_files.zipped([WIDE.as_strided((2,), (2**18 - 1,)) for _ in range(500)]),
    "header of gigabytes": lambda: struct.pack("<Q", 2**33) + b"{",
    "header of many tensors": lambda: headed({f"{n}": EMPTY for n in range(30_000)}),
    "header of many texts": lambda: headed({"__metadata__": {f"{n}": "" for n in range(2000)}}),
    "header of many lists": lambda: struct.pack("<Q", 10**6) + b'{"a":' + b"[" * (10**6 - 5),
    "big-endian zip": lambda: zips.rebuilt(old_files.zipped(), {"archive/byteorder": b"big"}),
    **{f"zip: {name}": make for name, make in zips.TRICKS.items()},
}
