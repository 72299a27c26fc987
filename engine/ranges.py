"""Numbers, and other single values, that callers hand over, checked in one place and refused in one voice.

numpy's scalars are numbers too; `True` is not, since it is nearly always a misplaced switch.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import TypeVar

from .errors import InputError

__all__ = ["expect", "positive", "real", "whole"]

T = TypeVar("T")


def real(value: object, what: str, low: float, high: float = math.inf) -> float:
    """A finite number from `low` to `high`, both allowed.

    Raises:
        InputError: something else; the message calls it `what`.
    """
    number = _number(value)
    if low <= number <= high and math.isfinite(number):
        return number
    raise InputError(f"{what} must be a number {_span(low, high)}; got {value!r}.")


def positive(value: object, what: str, high: float = math.inf) -> float:
    """A finite number above 0, at most `high`.

    Raises:
        InputError: something else; the message calls it `what`.
    """
    number = _number(value)
    if 0 < number <= high and math.isfinite(number):
        return number
    most = "" if high == math.inf else f" and at most {high:g}"
    raise InputError(f"{what} must be a number above 0{most}; got {value!r}.")


def whole(value: object, what: str, low: int, high: int | None = None) -> int:
    """A whole number from `low` to `high`, both allowed.

    Raises:
        InputError: something else; the message calls it `what`.
    """
    if isinstance(value, Integral) and not isinstance(value, bool):
        number = int(value)
        if low <= number and (high is None or number <= high):
            return number
    raise InputError(f"{what} must be a whole number {_span(low, high)}; got {value!r}.")


def expect(value: object, kind: type[T], what: str) -> T:
    """The value, if it is of this kind.

    Raises:
        InputError: it is not; the message calls it `what`.
    """
    if isinstance(value, kind):
        return value
    wanted = "text" if kind is str else kind.__name__
    raise InputError(f"{what} must be a {wanted}; got {type(value).__name__}.")


def _number(value: object) -> float:
    """The value as a float; NaN, which lies in no range, for what is no number."""
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan


def _span(low: float, high: float | None) -> str:
    return f"of at least {low}" if high in (None, math.inf) else f"from {low} to {high}"
