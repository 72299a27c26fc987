"""Courses of descents: how near projection comes to photographs, step by step; kept on disk, so a stopped run goes on.

What is descended on is eq. 4 alone, the cosine distance of discriminator features, as in the paper. Projection as users
run it has the pixel term beside it, by default 0.2 of it.

Shapes: N photographs, S steps, D latent size, R picture size.
"""

from __future__ import annotations

import copy
import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from neural_collage import engine as nc
from neural_collage.engine.training.data import to_network
from safetensors.torch import load_file, save_file
from study import Study
from torch import Tensor
from tqdm import tqdm

LOSS, PSNR = 0, 1
"""What a course (2, S + 1, N) holds: eq. 4 of the best so far, and the PSNR of its picture in dB."""
TOGETHER = 13
"""Photographs that descend in one batch: more are no faster a picture on a CPU, whose caches they leave."""


@dataclass(frozen=True)
class Photos:
    """Photographs, their classes, and where their descents start."""

    images: Tensor
    """(N, 3, R, R) in [-1, 1]"""
    labels: Tensor
    """(N,)"""
    starts: dict[str, Tensor]
    """"encoder" and "random": (N, D) each"""

    @classmethod
    def held_out(cls, study: Study, count: int) -> Photos:
        """The first `count` of the held-out photographs, in a random order that takes every class in turn.

        Raises:
            InputError: so many were not kept out.
        """
        held_out = study.held_out
        if not 0 < count <= len(held_out):
            raise nc.InputError(
                f"{count} photographs to measure and to tune on were asked for; {len(held_out)} were kept out of "
                "training. Ask for fewer."
            )
        chosen = _in_turn(held_out.labels, study.seed)[:count]
        images, labels = to_network(held_out.images[chosen]), held_out.labels[chosen]
        with torch.no_grad():
            pairs = zip(images.split(TOGETHER), labels.split(TOGETHER), strict=True)
            encoded = torch.cat([study.gan.part("encoder")(*pair) for pair in pairs])
        drawn = study.gan.sample(labels.tolist(), seed=study.seed).point
        return cls(images, labels, {"encoder": encoded, "random": drawn})

    def __getitem__(self, which: slice) -> Photos:
        """Some of them."""
        starts = {name: points[which] for name, points in self.starts.items()}
        return Photos(self.images[which], self.labels[which], starts)

    def __len__(self) -> int:
        return len(self.images)


def _in_turn(labels: Tensor, seed: int) -> Tensor:
    """Random places (N,) such that any first few of them are equally many of each class, while there are any."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    turn = torch.zeros_like(labels)
    for label in labels.unique():
        own = labels[order] == label
        turn[own] = torch.arange(int(own.sum()))
    return order[turn.argsort(stable=True)]


@dataclass(frozen=True)
class Courses:
    """Runs descents of one model, and remembers each under what it follows from."""

    gan: nc.Gan
    folder: Path
    steps: int
    fingerprint: str
    """Of the model's weights."""

    @classmethod
    def of(cls, study: Study, steps: int) -> Courses:
        """Descents of `steps` steps with a study's model."""
        digest = hashlib.sha256()
        for name in ("generator", "discriminator", "auxiliary"):
            for key, value in study.gan.part(name).state_dict().items():
                digest.update(key.encode() + value.cpu().contiguous().numpy().tobytes())
        return cls(_channels_last(study.gan), study.out / "courses", steps, digest.hexdigest())

    def run(self, photos: Photos, start: str, space: str, rate: float) -> Tensor:
        """The course (2, S + 1, N) of all photographs at one rate."""
        parts = [photos[at : at + TOGETHER] for at in range(0, len(photos), TOGETHER)]
        told = tqdm(parts, desc=f"{len(photos)} photos, {space} from {start}, rate {rate:g}")
        return torch.cat([self._kept(part, start, space, rate) for part in told], dim=2)

    def _kept(self, photos: Photos, start: str, space: str, rate: float) -> Tensor:
        digest = hashlib.sha256(repr((self.fingerprint, self.steps, space, rate)).encode())
        for tensor in (photos.images, photos.labels, photos.starts[start]):
            digest.update(tensor.contiguous().numpy().tobytes())
        path = self.folder / f"{digest.hexdigest()[:24]}.safetensors"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(f".{os.getpid()}.part")
            save_file({"course": course(self.gan, photos, start, (space, rate), self.steps)}, temporary)
            os.replace(temporary, path)
        return load_file(path)["course"]


def course(gan: nc.Gan, photos: Photos, start: str, manner: tuple[str, float], steps: int) -> Tensor:
    """One batch of descents in a space at a rate: (2, S + 1, N)."""
    begin = nc.Latent(photos.starts[start], photos.labels)
    with torch.no_grad():
        shown = gan.generator(begin)  # of the best so far; on zeta the start itself can be better than B(A(start))
    found = []
    space, rate = manner
    for state in nc.project(
        gan, photos.images, photos.labels, steps=steps, space=space, rate=rate, start=begin, pixel_weight=0.0
    ):
        improved = (state.loss <= state.best_loss)[:, None, None, None]
        shown = torch.where(improved, state.images, shown)
        found.append(torch.stack([state.best_loss, psnr(shown, photos.images)]))
    return torch.stack(found, 1)


def psnr(images: Tensor, targets: Tensor) -> Tensor:
    """Peak signal-to-noise ratio (N,) in dB of pictures (N, 3, R, R) in [-1, 1], scaled to [0, 1]; 100 at most."""
    return -10 * ((images - targets) / 2).square().mean((1, 2, 3)).clamp(min=1e-10).log10()


def _channels_last(gan: nc.Gan) -> nc.Gan:
    """A copy whose convolutions run with the channels last: about a third faster on a CPU, the same to rounding."""
    parts = {name: copy.deepcopy(gan.part(name)) for name in ("generator", "discriminator")}
    return replace(gan, **{name: part.to(memory_format=torch.channels_last) for name, part in parts.items()})  # type: ignore[arg-type]
