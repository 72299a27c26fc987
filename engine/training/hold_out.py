"""What a run keeps out of its training: a claim that must hold over all its calls, whatever their flags.

A snapshot says every how many pictures one was kept out (`hold_out`), and what the run has ever been trained on
(`trained_on`, digests of files). The next call keeps to it, although pictures may have come or gone, which shifts every
n-th of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError
from .data import ImageSet

__all__ = ["chosen_hold_out", "kept_facts", "refuse_seen", "told_hold_out"]

USUAL = 10
"""Where neither the flag nor a snapshot nor a model says anything; snapshots from before they said were made so."""
SHOWN = 5  # files in a message


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


def refuse_seen(state: Mapping[str, Any], held_out: ImageSet, data: ImageSet, out: Path) -> None:
    """Keep a run from calling pictures kept out that it was trained on, whatever their names were.

    A file that is there twice, and so among those to train on as well, is let pass: nothing tells which of the two was
    trained on, and a run whose pictures have not changed must go on.

    Args:
        state: the snapshot of the run in the folder `out`; if it does not say what it was trained on, all may go on.
        held_out: what would be kept out now.
        data: what it would go on with.

    Raises:
        InputError: it was trained on some that would be kept out.
    """
    if "trained_on" not in state:
        return
    wrong = torch.isin(held_out.digests, state["trained_on"]) & ~torch.isin(held_out.digests, data.digests)
    if wrong.any():
        names = [held_out.names[place] for place in wrong.nonzero()[:, 0].tolist()]
        listed = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
        raise InputError(
            f"What a run was trained on cannot be kept out of its training later. {out} was trained on "
            f"{len(state['trained_on'])} pictures, {told_hold_out(state['hold_out'])}; now, "
            f"{told_hold_out(held_out.hold_out)}, {len(names)} of them would be kept out: {listed}. Go on with "
            "--hold-out 0, by which none counts as kept out; or with the pictures as they were and --hold-out "
            f"{state['hold_out']} (new ones whose names come last in their class shift nothing); or use another --out."
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
