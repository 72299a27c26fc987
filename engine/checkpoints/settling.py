"""From the notes of a pickle to plain data: every noted call becomes what a table of our own says it amounts to.

The notes form a graph: values are shared, and a hostile file may make one hold itself or unfold to billions. It is
walked once, from the leaves up and without recursion, so that later walks find a tree of known extent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .guard import Guard
from .pickled import Call, is_key
from .records import Record
from .strangers import is_stranger

__all__ = ["Meaning", "as_dict", "as_record", "as_tuple", "settle"]

Meaning = Callable[[Call, Guard], Any]
"""What a call of one name amounts to; arguments, state and items have been settled."""


@dataclass(frozen=True, eq=False)
class _Settled:
    node: Any
    """What was settled; kept alive, so that its id stays its own."""
    value: Any
    nodes: int
    """How many values it unfolds to."""
    depth: int
    """How deep it nests."""


def settle(root: Any, guard: Guard, meanings: Mapping[str, Meaning]) -> Any:
    """Plain data for what `follow` has noted.

    Raises:
        CheckpointError: a value that holds itself, a tree beyond the limits, or a call that makes no sense.
    """
    settled: dict[int, _Settled] = {}
    inside: set[int] = set()
    waiting: list[tuple[Any, bool]] = [(root, False)]
    while waiting:
        node, left = waiting.pop()
        if isinstance(node, (Call, Record)) and node.name not in meanings and is_stranger(node.name):
            raise guard.unknown(ascii(node.name)[1:-1])
        if id(node) in settled or not node or not isinstance(node, (list, tuple, dict, Call)):
            continue
        if left:
            inside.discard(id(node))
            settled[id(node)] = _settled(node, settled, guard, meanings)
        elif id(node) in inside:
            raise guard.refused("has a value that holds itself")
        else:
            inside.add(id(node))
            waiting.append((node, True))
            waiting.extend((child, False) for child in _children(node))
    return _value(root, settled)


def _children(node: Any) -> list[Any]:
    if isinstance(node, Call):
        return [node.arguments, node.state, *(value for _, value in node.items)]
    return list(node.values()) if isinstance(node, dict) else list(node)


def _value(node: Any, settled: Mapping[int, _Settled]) -> Any:
    return settled[id(node)].value if id(node) in settled else node


def _settled(node: Any, settled: Mapping[int, _Settled], guard: Guard, meanings: Mapping[str, Meaning]) -> _Settled:
    """A node whose children have been settled."""
    below = [settled.get(id(child)) for child in _children(node)]
    nodes = 1 + sum(child.nodes if child else 1 for child in below)
    depth = 1 + max((child.depth for child in below if child), default=0)
    guard.tree(nodes, depth)
    return _Settled(node, _made(node, settled, guard, meanings), nodes, depth)


def _made(node: Any, settled: Mapping[int, _Settled], guard: Guard, meanings: Mapping[str, Meaning]) -> Any:
    if isinstance(node, dict):
        return {key: _value(value, settled) for key, value in node.items()}
    if not isinstance(node, Call):
        return type(node)(_value(child, settled) for child in node)
    items = [(key, _value(value, settled)) for key, value in node.items]
    call = Call(node.name, _value(node.arguments, settled), _value(node.state, settled), items)
    if call.name not in meanings:
        raise guard.refused(f"calls {call.name}, which is no class")
    return meanings[call.name](call, guard)


def as_record(call: Call, guard: Guard) -> Record:
    """The call itself, as a record.

    Raises:
        CheckpointError: items were set on it.
    """
    if call.items:
        raise guard.refused(f"sets items on a {call.name}")
    return Record(call.name, call.arguments, call.state)


def as_dict(call: Call, guard: Guard) -> dict[Any, Any]:
    """A dict for any class of dicts. Made of pairs or of a dict, if of anything; attributes beside it are dropped.

    Raises:
        CheckpointError: made of something else.
    """
    first = call.arguments[-1] if call.arguments else ()
    pairs = list(first.items()) if isinstance(first, dict) else [] if isinstance(first, Record) else first
    if not isinstance(pairs, (list, tuple)) or not all(_is_pair(pair) for pair in pairs):
        raise guard.damaged(f"a {call.name} is made of a {type(first).__name__}")
    guard.copy(len(pairs) + len(call.items))
    guard.keys(key for key, _ in pairs)
    return {**{key: value for key, value in pairs}, **dict(call.items)}


def as_tuple(call: Call, guard: Guard) -> tuple[Any, ...]:
    """A tuple for a set or a size.

    Raises:
        CheckpointError: made of something that is no list or tuple, or items were set on it.
    """
    values = call.arguments[0] if call.arguments else ()
    if not isinstance(values, (list, tuple)) or len(call.arguments) > 1 or call.items:
        raise guard.damaged(f"a {call.name} is made of a {type(values).__name__}")
    guard.copy(len(values))
    return tuple(values)


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, (list, tuple)) and len(pair) == 2 and is_key(pair[0])
