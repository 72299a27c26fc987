"""What other code bases computed from their own weights files: the cases of `parity.peer`, and comparing with them.

Arrays may be whole, or every S-th row and column (`image@stride4`) with mean and deviation of every channel beside
(`image@chmean`, `image@chstd`), so that nothing hides between the samples.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from neural_collage import engine as nc
from torch import Tensor

__all__ = ["blended", "close", "compare", "facts", "maps", "plain", "read", "spatial"]

Data = dict[str, Tensor]


def facts(folder: Path) -> dict[str, Any]:
    """The case's own description."""
    return json.loads((folder / "case.json").read_text(encoding="utf-8"))


def read(folder: Path, name: str) -> Data:
    """The arrays of "base", "spatial" or "blend"; none where the case has no such file."""
    path = folder / f"{name}.npz"
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as arrays:
        return {key: torch.from_numpy(value) for key, value in arrays.items() if value.dtype.kind in "fiub"}


def close(found: Tensor, wanted: Tensor, bound: float) -> None:
    """Refuse a difference beyond `bound` times the largest value."""
    assert found.shape == wanted.shape
    assert (found.double() - wanted.double()).abs().max() <= bound * wanted.abs().max()


def compare(found: Tensor, data: Data, name: str, bound: float) -> None:
    """A map or picture (N, C, h, w) against what was recorded of it, whole or in samples and means."""
    keys = [key for key in data if re.fullmatch(rf"{re.escape(name)}(@stride\d+)?", key)]
    assert len(keys) == 1, f"{name} is not recorded"
    stride = int(keys[0].partition("@stride")[2] or 1)
    found = found[: len(data[keys[0]])]
    close(found[..., ::stride, ::stride], data[keys[0]], bound)
    for end, measured in {
        "chmean": found.double().mean((2, 3)),
        "chstd": found.double().std((2, 3), correction=0),
    }.items():
        if f"{name}@{end}" in data:
            scale = data[keys[0]].abs().max()
            assert (measured - data[f"{name}@{end}"]).abs().max() <= bound * scale


def plain(data: Data, number: str = "") -> nc.Collage:
    """The unedited picture of z and class_idx, or of z0 and class0."""
    labels = data[f"class{number}"] if number else data["class_idx"][: len(data["z"])]
    return nc.Collage(nc.Latent(data[f"z{number}"], labels.long()))


def spatial(data: Data, numbers: Iterable[int]) -> nc.Collage:
    """The picture whose norms of these numbers, from 1, mix all classes by the recorded weights."""
    regions = nc.ClassMap.from_weights(data["class_idx"].tolist(), data["mask"][None])
    collage = plain(data)
    for number in numbers:
        collage = collage.label(regions, layers=f"#{number}")
    return collage


def blended(data: Data, numbers: Iterable[int]) -> nc.Collage:
    """Source 0 with source 1 blended into its feature maps of these numbers, from 1."""
    collage = plain(data, "0")
    for number in numbers:
        collage = collage.feature(plain(data, "1"), data["blend_mask"][0], layers=f"#{number}")
    return collage


def maps(draw: Callable[[Callable[[int, Any], Any]], Tensor]) -> list[Tensor]:
    """The feature maps that `draw`, given an edit, comes by; the first tensor of each state."""
    found: list[Tensor] = []

    def keep(index: int, state: Any) -> Any:
        found.append(state[0])
        return state

    draw(keep)
    return found
