"""Golden data: numbers recorded from the original implementation, for the parity tests.

The folder comes from outside, so that other sizes, seeds and class counts can be tried: the environment variable
NEURAL_COLLAGE_PARITY (a folder that holds `neural_collage/config.json`, or that folder itself), else the reduced copy,
`tests/golden`. Sizes come from its config.json.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from neural_collage import engine as nc
from torch import Tensor

__all__ = ["FOLDER", "case", "config", "gan", "images", "labels", "peer", "worst"]

TESTS = Path(__file__).parent
VARIABLE = "NEURAL_COLLAGE_PARITY"


ROOT = Path(os.environ.get(VARIABLE) or TESTS / "golden")


def _folder() -> Path:
    for folder in (ROOT / "neural_collage", ROOT):
        if (folder / "config.json").is_file():
            return folder
    raise FileNotFoundError(f"No golden data (neural_collage/config.json) in {ROOT}; see {VARIABLE}.")


FOLDER = _folder()


def peer(name: str) -> list[Path]:
    """The case folders of another code base, such as "sngan_mimicry": weights as it writes them, what it computes."""
    return sorted(path.parent for path in ROOT.glob(f"{name}/*/case.json"))


@lru_cache
def config() -> dict[str, Any]:
    """Sizes of the golden models."""
    return json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))


def case(name: str) -> dict[str, Tensor]:
    """The arrays of a case such as "a_generate/plain"; the test is skipped where this copy of the data lacks it."""
    path = FOLDER / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"{name} is not in {FOLDER}; set {VARIABLE} to the whole golden data")
    with np.load(path, allow_pickle=False) as arrays:
        return {key: torch.from_numpy(value) for key, value in arrays.items() if value.dtype.kind in "fiub"}


@lru_cache
def gan() -> Any:
    """The golden model: a `Gan` with all its parts, which its type cannot promise."""
    weights = FOLDER / "weights"
    generator = (
        weights / "ResNetGenerator.npz"
    )  # the same weights as in the auxiliary file; the reduced copy leaves it out
    return nc.load(
        generator=generator if generator.is_file() else None,
        discriminator=weights / "SNResNetProjectionDiscriminator.npz",
        encoder=weights / "ResNetEncoder.npz",
        auxiliary=weights / "ResNetAuxABGenerator.npz",
    )


def images(pictures: Tensor) -> Tensor:
    """8-bit pictures (N, H, W, RGB) as the original reads them: (N, 3, H, W) = u8 / 128 - 1."""
    return pictures.permute(0, 3, 1, 2).float() / 128 - 1


def labels(y: Tensor) -> Tensor:
    """Class numbers as torch indexes with them."""
    return y.long()


def worst(found: Tensor, wanted: Tensor) -> float:
    """Largest difference; infinite where shapes differ."""
    return (found - wanted).abs().max().item() if found.shape == wanted.shape else float("inf")
