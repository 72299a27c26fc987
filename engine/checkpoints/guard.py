"""Suspicion: the limits within which a foreign file is read, and the words in which it is refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import CheckpointError

__all__ = ["FREE_BYTES", "Guard"]

MAX_OPERATIONS = 500_000
"""Pickle operations in a file. The largest public snapshots (three networks, their attributes) take about 50 000."""
MAX_CALLS = 100_000
"""Names and calls in a file, each of which takes far more memory than other values. A tensor takes about three."""
MAX_KEYS = 10_000
"""Keys of dicts that are no texts. Optimizers number their parameters; a file can choose numbers whose hashes collide,
and then each key costs as much as there are keys. The hashes of texts and bytes differ from process to process."""
MAX_HELD = 64 * 2**20
"""Bytes of names, settings and texts that are kept in memory while a file is read; weights stay in the file."""
MAX_NODES = 1_000_000
"""Values in a tree, shared ones counted as often as they occur: what a walk through it may meet."""
MAX_DEPTH = 200
"""Containers in containers. A module takes five, and modules nest about ten deep."""
FREE_BYTES = 64 * 2**20
"""What a file may always ask for, however small it is."""
MAX_DECLARED = 4
"""Bytes of tensors, in float32, for each byte present: views share storages, and 16-bit weights double."""


class Guard:
    """What one file has used so far. One guard goes with a file through all its pickles, nested ones too."""

    def __init__(self, name: str, present: int) -> None:
        """Watch over the file called `name`, which has `present` bytes."""
        self.name = name
        self._operations, self._calls, self._keys = MAX_OPERATIONS, MAX_CALLS, MAX_KEYS
        self._held = MAX_HELD
        self._declared = MAX_DECLARED * present + FREE_BYTES
        self._copied = MAX_NODES

    def damaged(self, why: object) -> CheckpointError:
        """The error for a file that is not what it says it is."""
        return CheckpointError(
            f"A weights file must be whole and agree with itself; {self.name} is damaged ({why}). "
            "Download or copy it again."
        )

    def refused(self, what: str) -> CheckpointError:
        """The error for a file that wants more than to be read; `what` goes on from its name."""
        return CheckpointError(
            f"A weights file must hold plain data; {self.name} {what}. Nothing in it was run. "
            "Take the weights from where their authors publish them, and do not trust this file."
        )

    def unknown(self, name: str) -> CheckpointError:
        """The error for a file that asks for a class or function which no known model's file needs."""
        return CheckpointError(
            f"A weights file may ask only for the names that known models need; {self.name} asks for {name}. Nothing "
            "was looked up or run. Take the weights from where their authors publish them; if these are they, their "
            "kind is not known yet; else do not trust the file."
        )

    def operation(self) -> None:
        """Count one pickle operation.

        Raises:
            CheckpointError: beyond `MAX_OPERATIONS`.
        """
        self._operations -= 1
        if self._operations < 0:
            raise self.refused(f"has more than {MAX_OPERATIONS} pickle operations")

    def call(self) -> None:
        """Count one noted name or call.

        Raises:
            CheckpointError: beyond `MAX_CALLS`.
        """
        self._calls -= 1
        if self._calls < 0:
            raise self.refused(f"makes more than {MAX_CALLS} objects")

    def keys(self, keys: Iterable[Any]) -> None:
        """Count keys that are about to be put into a dict, those that are no texts.

        Raises:
            CheckpointError: beyond `MAX_KEYS`.
        """
        self._keys -= sum(not isinstance(key, (str, bytes)) for key in keys)
        if self._keys < 0:
            raise self.refused(f"has more than {MAX_KEYS} keys that are no texts")

    def hold(self, count: int) -> None:
        """Count bytes that are about to be kept.

        Raises:
            CheckpointError: beyond `MAX_HELD`.
        """
        self._held -= count
        if self._held < 0:
            raise self.refused(f"has more than {MAX_HELD >> 20} MiB of names and texts")

    def declare(self, count: int) -> None:
        """Count the bytes of a tensor, in the form in which it will be read.

        Raises:
            CheckpointError: the tensors of the file are far larger than the file.
        """
        self._declared -= count
        if self._declared < 0:
            raise self.refused("describes tensors far larger than itself")

    def copy(self, count: int) -> None:
        """Count values that are about to be put into another dict or tuple: shared ones can be named often.

        Raises:
            CheckpointError: beyond `MAX_NODES`.
        """
        self._copied -= count
        if self._copied < 0:
            raise self.refused(f"copies more than {MAX_NODES} values")

    def tree(self, nodes: int, depth: int) -> None:
        """Check the extent of a tree.

        Raises:
            CheckpointError: beyond `MAX_NODES` or `MAX_DEPTH`.
        """
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            raise self.refused(f"nests its values {depth} deep and unfolds to {nodes} of them, which no model needs")
