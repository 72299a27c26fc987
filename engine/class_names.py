"""Names of classes: the lists that public models were trained with, and finding a class by what a user types.

A name may hold several, with commas between them: "tiger cat" or "lynx, catamount".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from .errors import LabelError

__all__ = ["CLASS_LISTS", "class_list", "find_class", "fitting_list"]

CLASS_LISTS = {
    # name: which of the thousand
    "imagenet": slice(0, 1000),
    "dogs-cats": slice(151, 294),  # the authors' 143: dogs, their wild kin, hyena, cats (`imagenet_dog_and_cat.py`)
}
IMAGENET = Path(__file__).parent / "names" / "imagenet1000.txt"
"""The classes of ILSVRC 2012 in the order of their WordNet ids (n01440764 tench is 0), in which everybody counts them.

Of the two called "crane" the second, no bird, is told from the first by a word in brackets.
"""
SHOWN = 8
"""How many names a message holds."""


@lru_cache
def _imagenet() -> tuple[str, ...]:
    return tuple(IMAGENET.read_text(encoding="utf-8").splitlines())


def class_list(name: str) -> tuple[str, ...]:
    """The class names of a list: "imagenet" (1000) or "dogs-cats" (143, those of the authors' released models).

    Raises:
        LabelError: no such list.
    """
    if name not in CLASS_LISTS:
        raise LabelError(f"A list of class names is one of {', '.join(CLASS_LISTS)}; got {name!r}.")
    return _imagenet()[CLASS_LISTS[name]]


def fitting_list(count: int | None, lists: Iterable[str]) -> tuple[str, ...]:
    """Of some lists the one with `count` names; no names where none has as many."""
    names = (class_list(name) for name in lists)
    return next((found for found in names if len(found) == count), ())


def find_class(names: Sequence[str], text: str) -> int:
    """The number of the class that `text` means, without regard to case.

    A whole name is preferred ("lynx, catamount"; of two equal ones the first), then what a name begins with ("lynx"),
    then anything between commas ("Alaskan malamute"), then any part ("malamut"); each only if it means one class.

    Raises:
        LabelError: none, or several; the message names the nearest.
    """
    key = _folded(text)
    synonyms = [[_folded(part) for part in name.split(",")] for name in names]
    whole = [number for number, name in enumerate(names) if _folded(name) == key][:1]
    first = [number for number, parts in enumerate(synonyms) if parts[0] == key]
    among = [number for number, parts in enumerate(synonyms) if key in parts]
    part = [number for number, name in enumerate(names) if key and key in _folded(name)]
    for found in (whole, first, among, part):
        if len(found) == 1:
            return found[0]
    if several := among or part:
        raise _unknown(text, "is part of several", "Did you mean one of", [names[number] for number in several])
    owners = {part: name for name, parts in reversed(list(zip(names, synonyms, strict=True))) for part in parts}
    if near := [owners[part] for part in get_close_matches(key, owners, n=5, cutoff=0.5)]:
        raise _unknown(text, "is none", "Did you mean one of", near)
    raise _unknown(text, "is none", "The first are", names)


def _folded(text: str) -> str:
    return text.strip().casefold()


def _unknown(text: str, what: str, hint: str, names: Sequence[str]) -> LabelError:
    """The error that tells some names, each up to its first comma."""
    short = [name.partition(",")[0] for name in dict.fromkeys(names)]
    end = "?" if hint.startswith("Did") else "."
    shown = ", ".join(short[:SHOWN])
    return LabelError(f"A class must be a name or a number of this model; {text[:60]!r} {what}. {hint} {shown}{end}")
