"""Pickles as data: the operations of a pickle are followed, and nothing that it names is looked up, called or made.

A pickle is a program for a small stack machine. This is such a machine with the dangerous half left out: where Python
would import a class, it notes the name; where Python would call it, it notes the call. What the calls of known names
amount to is decided afterwards (`settling.py`), from a table of our own. `pickletools` only splits the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pickletools import genops, opcodes
from typing import IO, Any, cast

from .guard import Guard
from .records import Record
from .strangers import is_stranger
from .stretch import Stream

__all__ = ["Call", "follow", "is_key", "nothing_persistent"]

MAX_BITS = 256
MAX_GAP = 1000
"""How far a memo's index may be ahead of its length: chosen freely, their hashes could be made to collide."""
OPERATIONS = {known.code.encode("latin-1"): known.name for known in opcodes}
KEYS = (str, int, float, bool, bytes, type(None))
RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg", "numpy.core": "numpy", "numpy._core": "numpy"}
"""Modules that are called otherwise in files of Python 2 or of NumPy 2."""
TYPE = "dill._dill._load_type"
"""What dill, with which StyleGAN-XL writes its files, calls to get a built-in type by its name."""


@dataclass(eq=False)
class Call:
    """What a pickle would have called, and with what. Nothing is called."""

    name: str
    arguments: tuple[Any, ...]
    state: Any = None
    """What the object's state would have been set to."""
    items: list[tuple[Any, Any]] = field(default_factory=list)
    """Keys and values that would have been set on it."""


def follow(stream: Stream, guard: Guard, known: Collection[str], persistent: Callable[[Any], Any] | None = None) -> Any:
    """Follow the next pickle in a stream to its end.

    Args:
        stream: where it lies; left just behind it.
        guard: its limits.
        known: the names that may occur, such as "collections.OrderedDict".
        persistent: ours; what stands for a persistent id. Called with plain data and records.

    Returns:
        lists, tuples, dicts and plain values, with `Call`, `Record` (a name), `Stretch`, and what `persistent` gave.
        Values may be shared, and lists and dicts may hold themselves.

    Raises:
        CheckpointError: a name or an operation that is not known, or a pickle that is damaged or too large.
    """
    return _Machine(stream, guard, known, persistent or nothing_persistent(guard)).run()


def nothing_persistent(guard: Guard) -> Callable[[Any], Any]:
    """For pickles that refer to nothing outside themselves: refuses every persistent id."""

    def refuse(_: Any) -> Any:
        raise guard.refused("refers to an object outside itself (a persistent id)")

    return refuse


def is_key(value: Any) -> bool:
    """Whether a value may be a dict's key: plain, and an int only within 64 bits, or hashing could be made slow."""
    return type(value) in KEYS and (type(value) is not int or -(2**63) <= value < 2**64)


class _Machine:
    """The stack, the marks on it, and the memo."""

    def __init__(self, stream: Stream, guard: Guard, known: Collection[str], persistent: Callable[[Any], Any]) -> None:
        self.stream, self.guard, self.known, self.persistent = stream, guard, known, persistent
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        operations = genops(cast(IO[bytes], self.stream))
        while True:
            step = self._step()
            try:
                _, argument, _ = next(operations)
            except ValueError as error:  # all that genops raises: bad numbers, bad texts
                raise self.guard.damaged(error) from error
            if step is None:
                return self.pop()
            step(self, argument)

    def _step(self) -> Callable[[_Machine, Any], None] | None:
        """What to do for the next operation, told before its argument is read; None at the end."""
        self.guard.operation()
        code = self.stream.look()
        if not code:
            raise self.guard.damaged("a pickle ends too early")
        operation = OPERATIONS.get(code)
        if operation is None:
            raise self.guard.damaged(f"{code!r} is no operation of a pickle")
        if operation == "STOP":
            return None
        if operation not in STEPS:
            raise self.guard.refused(f"uses the pickle operation {operation}, which weights do not need")
        return STEPS[operation]

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise self.guard.damaged("an operation lacks its values")
        return self.stack.pop()

    def top(self, kind: type | tuple[type, ...], what: str) -> Any:
        """The value on top, which must be of a kind."""
        value = self.pop()
        if not isinstance(value, kind):
            raise self.guard.refused(f"{what} a {type(value).__name__}")
        self.push(value)
        return value

    def marked(self) -> list[Any]:
        """The values above the last mark, taken off with it."""
        if not self.marks:
            raise self.guard.damaged("an operation lacks its mark")
        mark = self.marks.pop()
        values = self.stack[mark:]
        del self.stack[mark:]
        return values

    def discard(self) -> None:
        """dill sets attributes of a stranger in passing; weights never leave a value unused."""
        if not isinstance(value := self.pop(), Call) or not is_stranger(value.name):
            raise self.guard.refused("uses the pickle operation POP, which weights do not need")

    def count(self, number: int) -> list[Any]:
        return [self.pop() for _ in range(number)][::-1]

    def argument(self, value: Any) -> None:
        """A number, text or bytes that follows in the stream."""
        if type(value) is int and value.bit_length() > MAX_BITS:
            raise self.guard.refused(f"has a number of {value.bit_length()} bits")
        self.push(bytes(value) if isinstance(value, bytearray) else value)

    def protocol(self, number: int) -> None:
        if number > 5:
            raise self.guard.damaged(f"its pickle protocol {number} is unknown")

    def extend(self, values: list[Any]) -> None:
        self.top(list, "appends to").extend(values)

    def add(self) -> None:
        values = self.marked()
        target = self.top(Call, "adds to")
        if target.name != "builtins.set":
            raise self.guard.refused(f"adds to a {target.name}")
        target.arguments[0].extend(values)

    def set_items(self, values: list[Any]) -> None:
        target = self.top((dict, Call), "sets items on")
        keys, items = values[::2], values[1::2]
        if len(keys) != len(items):
            raise self.guard.damaged("a key lacks its value")
        if wrong := [key for key in keys if not is_key(key)]:
            raise self.guard.refused(f"has a {type(wrong[0]).__name__} as a key")
        self.guard.keys(keys)
        if isinstance(target, dict):
            target.update(zip(keys, items, strict=True))
        else:
            target.items.extend(zip(keys, items, strict=True))

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise self.guard.damaged(f"value {index} is referred to before it is there")
        self.push(self.memo[index])

    def put(self, index: int) -> None:
        if not 0 <= index <= len(self.memo) + MAX_GAP:
            raise self.guard.damaged(f"value {index} is noted, and there are {len(self.memo)} before it")
        value = self.pop()
        self.memo[index] = value
        self.push(value)

    def name(self, module: Any, name: Any) -> None:
        self.guard.call()
        if not isinstance(module, str) or not isinstance(name, str):
            raise self.guard.refused("asks for something under a name that is no text")
        full = f"{renamed(module)}.{name}"
        if full not in self.known:
            raise self.guard.unknown(f"{ascii(module[:60])[1:-1]}.{ascii(name[:60])[1:-1]}")
        self.push(Record(full))

    def call(self) -> None:
        self.guard.call()
        called, arguments = self.count(2)
        made = isinstance(called, Call) and is_stranger(called.name)  # by a function of theirs: theirs in its turn
        if not (made or isinstance(called, Record)) or type(arguments) is not tuple:
            raise self.guard.refused(f"calls a {type(called).__name__} with a {type(arguments).__name__}")
        by_name = self._type(arguments[0]) if called.name == TYPE and len(arguments) == 1 else None
        self.push(by_name or Call(called.name, arguments))

    def _type(self, name: Any) -> Record | None:
        """A type that dill asks for by its name; None for what is no name."""
        names = [f"{place}.{name}" for place in ("builtins", TYPE)] if isinstance(name, str) else []
        return next((Record(full) for full in names if full in self.known), None)

    def build(self) -> None:
        state = self.pop()
        target = self.top(Call, "sets the state of")
        if target.state is not None:
            raise self.guard.refused(f"sets the state of a {target.name} twice")
        target.state = state


def renamed(module: str) -> str:
    """The present name of a module."""
    for old, new in RENAMED.items():
        if module == old or module.startswith(old + "."):
            return new + module[len(old) :]
    return module


def _empty_set(machine: _Machine, _: Any) -> None:
    machine.guard.call()
    machine.push(Call("builtins.set", ([],)))


STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": _Machine.protocol,
    "FRAME": lambda machine, _: None,  # how far to read ahead, which nobody does here
    "POP": lambda machine, _: machine.discard(),
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"), _Machine.argument),
    **dict.fromkeys(("BINSTRING", "SHORT_BINSTRING"), _Machine.argument),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _Machine.argument),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), _Machine.argument),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.count(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.count(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.count(3))),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.marked())),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "APPEND": lambda machine, _: machine.extend(machine.count(1)),
    "APPENDS": lambda machine, _: machine.extend(machine.marked()),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "SETITEM": lambda machine, _: machine.set_items(machine.count(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.marked()),
    "EMPTY_SET": _empty_set,
    "ADDITEMS": lambda machine, _: machine.add(),
    "FROZENSET": lambda machine, _: machine.push(tuple(machine.marked())),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Machine.get),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": lambda machine, _: machine.put(len(machine.memo)),
    "GLOBAL": lambda machine, names: machine.name(*names.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.name(*machine.count(2)),
    "REDUCE": lambda machine, _: machine.call(),
    "NEWOBJ": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.build(),
    "BINPERSID": lambda machine, _: machine.push(machine.persistent(machine.pop())),
}
"""What each operation does. Not among them: INST and OBJ (old classes), NEWOBJ_EX, EXT (registered codes), PERSID and
BUFFER (objects from outside), STRING and its like (protocol 0, whose texts have to be evaluated)."""
