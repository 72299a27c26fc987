"""numpy's share of old pickles: arrays, single numbers and their types, without objects among them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from .guard import Guard
from .pickled import Call
from .records import Record, Storage, Stored, is_size, view
from .settling import Meaning, as_record
from .stretch import Stretch, held

__all__ = ["MEANINGS", "NAMES"]

KINDS = {
    "b1": torch.bool,
    **{f"i{size}": getattr(torch, f"int{8 * size}") for size in (1, 2, 4, 8)},
    **{f"u{size}": getattr(torch, f"uint{8 * size}") for size in (1, 2, 4, 8)},
    **{f"f{size}": getattr(torch, f"float{8 * size}") for size in (2, 4, 8)},
}
"""Plain numbers by numpy's code. Objects, texts, times and records of fields are refused."""
RECONSTRUCT = "numpy.multiarray._reconstruct"
PLAIN = (None, None, None)
"""What a dtype's state has for fields and sub-arrays where there are none."""


@dataclass(frozen=True)
class _Kind:
    """A numpy dtype."""

    dtype: torch.dtype
    swapped: bool


def _kind(call: Call, guard: Guard) -> _Kind:
    """numpy.dtype("f4", False, True), its state (3, "<", None, None, None, -1, -1, 0)."""
    code = call.arguments[0] if call.arguments else None
    order, *plain = call.state[1:5] if type(call.state) is tuple and len(call.state) >= 5 else ("|", *PLAIN)
    if not isinstance(code, str) or code not in KINDS or order not in ("<", ">", "|", "=") or tuple(plain) != PLAIN:
        what = ascii(code[:20]) if isinstance(code, str) else "no plain numbers"
        raise guard.refused(f"has an array of {what}, which may hold more than numbers")
    return _Kind(KINDS[code], order == ">")


def _array(call: Call, guard: Guard) -> Stored:
    """_reconstruct(ndarray, (0,), b"b"), its state (version, shape, dtype, column by column, bytes)."""
    state = call.state
    if not (call.arguments and isinstance(call.arguments[0], Record) and call.arguments[0].name == "numpy.ndarray"):
        raise guard.refused("has an array of a class of its own")
    if type(state) is not tuple or len(state) != 5 or call.items:
        raise guard.damaged("an array has no content")
    return _stored(state[4], state[2], state[1], bool(state[3] is True or state[3] == 1), guard)


def _restored(call: Call, guard: Guard) -> Stored:
    """dill's _create_array(_reconstruct, its arguments, its state, attributes): an array as of other pickles."""
    made, arguments, state = call.arguments[:3] if len(call.arguments) >= 3 else (None, None, None)
    if not isinstance(made, Record) or made.name != RECONSTRUCT or type(arguments) is not tuple or call.items:
        raise guard.damaged("an array has no content")
    return _array(Call(made.name, arguments, state), guard)


def _from_buffer(call: Call, guard: Guard) -> Stored:
    """_frombuffer(bytes, dtype, shape, "C" or "F"), as of pickle protocol 5."""
    if len(call.arguments) != 4 or call.arguments[3] not in ("C", "F") or call.items:
        raise guard.damaged("an array has no content")
    content, kind, shape, order = call.arguments
    return _stored(content, kind, shape, order == "F", guard)


def _stored(content: Any, kind: Any, shape: Any, by_column: bool, guard: Guard) -> Stored:
    content = _bytes(content, guard)
    sizes = type(shape) is tuple and len(shape) <= 16 and all(is_size(side) for side in shape)
    if not isinstance(kind, _Kind) or not isinstance(content, (bytes, Stretch)) or not sizes:
        raise guard.damaged("an array lacks its type, its shape or its bytes")
    count = math.prod(shape)
    if count * kind.dtype.itemsize != len(content):
        raise guard.damaged(f"an array of shape {shape} has {len(content)} bytes")
    storage = Storage(kind.dtype, count, content if isinstance(content, Stretch) else held(content), kind.swapped)
    sides = list(shape) if by_column else list(shape)[::-1]
    strides = [math.prod(sides[:axis]) for axis in range(len(sides))]
    return view(storage, 0, shape, tuple(strides if by_column else strides[::-1]), guard)


def _scalar(call: Call, guard: Guard) -> int | float | bool:
    """scalar(dtype, bytes): a Python number."""
    kind, content = call.arguments if len(call.arguments) == 2 else (None, None)
    content = _bytes(content, guard)
    if not isinstance(kind, _Kind) or not isinstance(content, bytes) or len(content) != kind.dtype.itemsize:
        raise guard.damaged("a number of numpy lacks its type or its bytes")
    return Storage(kind.dtype, 1, held(content), kind.swapped).read(0, 1).item()


def _encoded(call: Call, guard: Guard) -> bytes:
    """_codecs.encode(text, "latin1"): how protocol 2 writes bytes."""
    text, codec = call.arguments if len(call.arguments) == 2 else (None, None)
    if not isinstance(text, str) or codec not in ("latin1", "latin-1"):
        raise guard.damaged("bytes are written as another text")
    return _bytes(text, guard)


def _bytes(content: Any, guard: Guard) -> Any:
    """Bytes that are written as a text of as many letters; anything else as it is."""
    if not isinstance(content, str):
        return content
    guard.hold(len(content))
    try:
        return content.encode("latin-1")
    except UnicodeEncodeError as error:
        raise guard.damaged("bytes are written as a text of other letters") from error


def _nothing(call: Call, guard: Guard) -> bytes:
    """bytes(): how protocol 2 writes no bytes."""
    if call.arguments or call.items:
        raise guard.damaged("bytes are made of something")
    return b""


MEANINGS: dict[str, Meaning] = {
    RECONSTRUCT: _array,
    "dill._dill._create_array": _restored,
    "numpy.multiarray.scalar": _scalar,
    "numpy.numeric._frombuffer": _from_buffer,
    "numpy.dtype": _kind,
    "_codecs.encode": _encoded,
    "builtins.bytes": _nothing,
    "numpy.ndarray": as_record,
}
NAMES = frozenset(MEANINGS)
"""Names in files, the inner modules of numpy (`numpy.core`, `numpy._core`) cut short."""
