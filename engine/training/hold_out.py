"""What a run keeps out of its training: a claim that must hold over all its calls, whatever their flags.

A snapshot says every how many pictures one was kept out (`hold_out`), and what the run has ever been trained on
(`seen`). The next call keeps to it, although pictures may have come or gone, which shifts every n-th of them.

Shapes: M pictures.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from .data import ImageSet

__all__ = ["chosen_hold_out", "digests", "kept_facts", "refuse_seen", "told_hold_out"]

USUAL = 10
"""Where neither the flag nor a snapshot nor a model says anything; snapshots from before they said were made so."""


def digests(names: Iterable[str]) -> Tensor:
    """A number for each name, in rising order, each once: (M,) int64."""
    found = {hashlib.blake2b(name.encode(errors="backslashreplace"), digest_size=8).digest() for name in names}
    return torch.tensor(sorted(int.from_bytes(digest, "big", signed=True) for digest in found), dtype=torch.int64)


def chosen_hold_out(
    given: int | None, states: Sequence[Mapping[str, Any] | None], facts: Mapping[str, str] | None = None
) -> int:
    """Every how many pictures one is kept out in this call; 0: none.

    Args:
        given: by the flag, if it was.
        states: snapshots, None for one that is not there, that go on: what all of them kept out is kept out still.
        facts: of the model that the training starts from or adds to.
    """
    if given is not None:
        return given
    known = [state.get("hold_out", USUAL) for state in states if state]
    if known:
        return math.lcm(*known)  # which is 0 if one of them is
    told = _told(facts or {})
    return USUAL if told is None else told


def refuse_seen(state: Mapping[str, Any], data: ImageSet, out: Path) -> None:
    """Keep a run from calling pictures kept out that it was trained on.

    Args:
        state: the snapshot of the run in the folder `out`.
        data: what it would go on with.

    Raises:
        InputError: some are kept out, and not all that it was trained on are to be trained on now: they may be among
            those kept out, under their own name or another.
    """
    seen = state.get("seen")
    if seen is None or not data.hold_out:
        return
    trained = digests((*data.names, *data.skipped, *data.tiny))
    if lost := int((~torch.isin(seen, trained)).sum()):
        raise InputError(
            f"What a run was trained on cannot be kept out of its training later. {out} was trained on {len(seen)} "
            f"pictures, {told_hold_out(state['hold_out'])}; now, {told_hold_out(data.hold_out)}, {lost} of them would "
            "be kept out or are not there under their names. Go on with --hold-out 0, by which none counts as kept "
            f"out; or with the pictures as they were and --hold-out {state['hold_out']} (new ones whose names come "
            "last in their class shift nothing); or use another --out."
        )


def told_hold_out(hold_out: int) -> str:
    """In words."""
    return f"one in {hold_out} of each class kept out" if hold_out else "none kept out"


def kept_facts(facts: Mapping[str, str] | None, state: Mapping[str, Any]) -> dict[str, str]:
    """The facts of a model after more training, `hold_out` among them: every how many pictures one was kept out.

    Args:
        facts: of the model that the training started from or added to; None if there was none.
        state: the snapshot. Where it or the model does not say what was kept out, the facts do not either.
    """
    known = [state.get("hold_out"), *([] if facts is None else [_told(facts)])]
    others = {name: text for name, text in (facts or {}).items() if name != "hold_out"}
    return others if None in known else {**others, "hold_out": str(math.lcm(*known))}  # type: ignore[arg-type]


def _told(facts: Mapping[str, str]) -> int | None:
    text = facts.get("hold_out", "")
    return int(text) if text.isdecimal() and len(text) < 7 else None
