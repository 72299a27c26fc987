"""Frechet distance in the features of Inception v3 by torchmetrics, an extra, where the user has the network's weights.

It depends on how many pictures are compared (fewer: larger), so it serves to compare runs and steps measured alike, and
not to be set beside published figures, most of which are of 50 000 samples. Nothing is downloaded.

Shapes: M training pictures, N samples, R size.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..checkpoints.inception import read_inception
from ..errors import TrainingError
from .snapshot import written

__all__ = ["Inception"]

PUBLISHED = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""SHA-256 of the file that pytorch-fid and torch-fidelity publish."""
STATISTICS = ("real_features_sum", "real_features_cov_sum", "real_features_num_samples")
"""What torchmetrics keeps of the training pictures."""
BATCH = 50


class Inception:
    """Measures samples against training pictures, whose statistics are made once and kept on disk."""

    def __init__(self, file: Path, folder: Path, device: str = "cpu") -> None:
        """Read the weights in `file`; statistics are kept in `folder`.

        Raises:
            TrainingError: torchmetrics is not installed.
            CheckpointError: the file is not there, damaged, or holds other weights.
        """
        device = "cpu" if device.startswith("mps") else device  # which has no float64
        self.metric = _metric(file).to(device)
        self.folder, self.device = folder, torch.device(device)
        self.digest = hashlib.sha256(file.read_bytes()).hexdigest()
        if self.digest != PUBLISHED:
            print(f"{file.name} is not the published file of Inception's weights; its distances are of its own kind.")

    def remember(self, pictures: Tensor) -> None:
        """Take these training pictures (M, 3, R, R) uint8, two or more, as those to compare with.

        Raises:
            TrainingError: their statistics cannot be written.
        """
        digest = hashlib.sha256(f"{self.digest} {tuple(pictures.shape)}".encode())
        for part in pictures.split(256):
            digest.update(part.contiguous().numpy().tobytes())
        path = self.folder / f"inception_{digest.hexdigest()[:16]}.safetensors"
        if path.exists():
            for name, value in load_file(path).items():
                setattr(self.metric, name, value.to(self.device))
            return
        print(f"Inception looks at {len(pictures)} training pictures, once; what it keeps of them is {path}.")
        self._update(pictures, real=True)
        kept = {name: getattr(self.metric, name).cpu().contiguous() for name in STATISTICS}
        temporary = path.with_suffix(".part")
        with written(path, temporary):
            save_file(kept, temporary)
            os.replace(temporary, path)

    def __call__(self, made: Tensor) -> float:
        """The distance of samples (N, 3, R, R) in [-1, 1], two or more, to the pictures remembered."""
        self.metric.reset()  # of the samples alone
        self._update((made * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8), real=False)
        return self.metric.compute().item()

    def _update(self, pictures: Tensor, real: bool) -> None:
        for part in pictures.split(BATCH):
            self.metric.update(part.to(self.device), real=real)


def _metric(file: Path) -> Any:
    """torchmetrics' distance in our network's features: the one that it makes itself runs code in the file it reads."""
    try:
        from torchmetrics.image.fid import (  # pyright: ignore[reportMissingImports]  # an extra
            FrechetInceptionDistance,
        )
    except ImportError as error:
        raise TrainingError(
            '--inception needs torchmetrics, which is not installed. Run `pip install "neural-collage[inception]"`, or '
            "leave the flag out: the distance in our own classifier's features is measured without."
        ) from error
    # Only the first of several processes measures: torchmetrics must not wait for the others.
    return FrechetInceptionDistance(read_inception(file), reset_real_features=False, sync_on_compute=False)
