"""Layers chosen by resolution, the one coordinate that means the same in every family.

    "all"       every layer
    "4"         layers that work at 4x4 pixels (the paper's first layer)
    "8-"        8 pixels and finer (all but the first)
    "-32"       up to 32 pixels
    "4-16"      from 4 to 16 pixels
    "4,16-64"   several of these
    "#3", "#2-5"  the third, the second to fifth, counted from 1 at the input, as the paper's l does

Label collages choose among conditional norms, feature collages among feature maps; the same text serves both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .errors import LayerError

__all__ = ["parse_layers"]

_TERM = re.compile(r"(?P<count>#?)(?P<low>\d{0,9})(?P<to>-?)(?P<high>\d{0,9})")


def parse_layers(text: str, sizes: Sequence[int]) -> frozenset[int]:
    """The layers that `text` names.

    Args:
        text: layer text, as above; spaces are ignored.
        sizes: size in pixels of each layer of this model, from the input on.

    Returns:
        Indices into `sizes`, counted from 0.

    Raises:
        LayerError: the text does not parse, or a part of it names no layer of this model.
    """
    if not isinstance(text, str) or not text.strip():
        raise _error(text, text, sizes)
    if text.strip().lower() == "all":
        return frozenset(range(len(sizes)))
    return frozenset().union(*(_term(part.strip(), text, sizes) for part in text.split(",")))


def _term(part: str, text: str, sizes: Sequence[int]) -> frozenset[int]:
    match = _TERM.fullmatch(part.replace(" ", ""))
    if match is None or not (match["low"] or match["high"]):
        raise _error(part, text, sizes)
    positions = range(1, len(sizes) + 1) if match["count"] else sizes
    low = int(match["low"] or 0)
    high = int(match["high"]) if match["high"] else (max(positions) if match["to"] else low)
    chosen = frozenset(index for index, position in enumerate(positions) if low <= position <= high)
    if not chosen:
        raise _error(part, text, sizes)
    return chosen


def _error(part: object, text: object, sizes: Sequence[int]) -> LayerError:
    layers = ", ".join(f"#{number} ({size} px)" for number, size in enumerate(sizes, start=1))
    return LayerError(
        f'Layers are "all", a size ("4"), a range ("4-16", "8-", "-32"), a count ("#3", "#2-5"), or several by commas,'
        f" and each part must name a layer of the model. Got {part!r} in {text!r}. This model has {layers}."
    )
