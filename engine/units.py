"""Units of a feature map (its channels), written as text: "" for all, "0-15", "3, 7, 32-63"."""

from __future__ import annotations

import re

from .errors import InputError
from .ranges import expect

__all__ = ["parse_units"]

_TERM = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")
LIMIT = 65536
"""Above every channel count there is; a larger number is a slip of the hand, and would fill the memory."""


def parse_units(text: str) -> tuple[int, ...] | None:
    """The channels that `text` names, from 0, in order; None for all of them.

    Args:
        text: numbers and ranges (both ends included) by commas; empty or "all" for all.

    Raises:
        InputError: anything else. (Whether a layer has these channels is checked by `render`.)
    """
    bare = expect(text, str, "Units").replace(" ", "").strip().lower()
    if bare in ("", "all"):
        return None
    return tuple(sorted({unit for part in bare.split(",") for unit in _term(part, text)}))


def _term(part: str, text: str) -> range:
    match = _TERM.fullmatch(part)
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
    if not low <= high < LIMIT:
        raise InputError(
            f'Units are channel numbers and ranges by commas, such as "0-15, 32", or nothing for all; '
            f"got {part!r} in {text!r}."
        )
    return range(low, high + 1)
