"""An independent classifier of a training set's classes: it judges samples and edits, and no GAN ever sees it.

A small residual network, trained on the training part of the set alone and kept on disk, keyed by the data, the
classes and every setting, so that one set of figures is made by one judge.

Shapes: N pictures in [-1, 1] at SIZE px, C classes, F features.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from neural_collage.engine.training.data import ImageSet, load_images, to_network
from neural_collage.engine.training.judge import Classifier
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

SIZE = 64
WHITE = 0.85  # a pixel whose darkest channel is above this belongs to the white background


@dataclass(frozen=True)
class Settings:
    """How the judge is trained; part of its key on disk."""

    widths: tuple[int, ...] = (24, 48, 96, 128)
    per_class: int = 200
    """How many training pictures of each class are used: neighbouring turntable frames are nearly equal."""
    epochs: int = 6
    batch: int = 64
    rate: float = 3e-3
    hold_out: int = 10
    seed: int = 0


@torch.no_grad()
def judge(classifier: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities (N, C) and features (N, F) of pictures (N, 3, R, R) in [-1, 1], a hundred at a time."""
    features = torch.cat([classifier.features(part) for part in images.split(100)])
    return classifier.last(features).softmax(1), features


def trained(data: Path, classes: tuple[str, ...], folder: Path, settings: Settings | None = None) -> Classifier:
    """The classifier of `data`'s `classes`: read from `folder`, or trained (a few minutes) and written there."""
    settings = settings or Settings()
    classifier = Classifier(settings.widths, len(classes), SIZE)
    path = folder / f"classifier_{_key(data, classes, settings)}.safetensors"
    if path.exists():
        classifier.load_state_dict(load_file(path))
        return classifier.eval()
    _fit(classifier, load_images(data, SIZE, classes, settings.hold_out), settings)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    save_file(classifier.state_dict(), temporary)
    os.replace(temporary, path)
    return classifier.eval()


def _key(data: Path, classes: tuple[str, ...], settings: Settings) -> str:
    """Sixteen hex digits of everything that the weights follow from."""
    digest = hashlib.sha256(repr((classes, asdict(settings))).encode())
    for file in [data] if data.is_file() else sorted(path for path in data.rglob("*") if path.is_file()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _fit(classifier: Classifier, data: ImageSet, settings: Settings) -> None:
    """Adam under a rate that rises and falls once; cross-entropy on augmented pictures."""
    generator = torch.Generator().manual_seed(settings.seed)
    for parameter in classifier.parameters():  # the same start in every run, whatever was drawn before
        if parameter.dim() > 1:
            bound = math.sqrt(6 / parameter[0].numel())
            parameter.data.uniform_(-bound, bound, generator=generator)
    images, labels = _subset(data, settings.per_class, generator)
    batches = list(_batches(len(labels), settings, generator))
    optimiser = torch.optim.AdamW(classifier.parameters(), lr=settings.rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=len(batches))
    classifier.train()
    for chosen in (bar := tqdm(batches, desc="classifier")):
        batch = augmented(to_network(images[chosen]), generator)
        loss = F.cross_entropy(classifier(batch), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)


def _batches(count: int, settings: Settings, generator: torch.Generator) -> Iterator[Tensor]:
    """Numbers of the pictures of each batch, every epoch in another order; what fills no batch is left out."""
    for _ in range(settings.epochs):
        order = torch.randperm(count, generator=generator)
        yield from order[: max(1, count // settings.batch) * settings.batch].split(settings.batch)


def _subset(data: ImageSet, per_class: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """At most `per_class` pictures of each class, drawn at random."""
    order = torch.randperm(len(data), generator=generator)
    kept = [order[data.labels[order] == number][:per_class] for number in range(len(data.class_names))]
    chosen = torch.cat(kept)
    return data.images[chosen], data.labels[chosen]


def augmented(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirrored, turned, moved, other light, other plain backgrounds, noise: (N, 3, R, R) in [-1, 1].

    Backgrounds change because the classes must be told by the fruit: a made picture's white is never quite white.
    """
    count = len(images)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator) * (high - low) + low

    images = _moved(images, uniform(-0.5, 0.5), uniform(0.9, 1.15), uniform(-0.08, 0.08, 2), uniform(-1, 1, 2).sign())
    background = images.amin(1, keepdim=True) > WHITE
    brightness, contrast = uniform(-0.2, 0.2, 1, 1, 1), uniform(0.8, 1.2, 1, 1, 1)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * uniform(0.7, 1.3, 1, 1, 1)  # saturation
    images = (images * contrast + brightness + uniform(-0.05, 0.05, 3, 1, 1)).clamp(-1, 1)
    plain = torch.where(uniform(0, 1, 1, 1, 1) < 0.3, uniform(-1, 1, 3, 1, 1), torch.ones(()))
    images = torch.where(background, plain, images)
    return images + 0.03 * torch.randn(images.shape, generator=generator)


def _moved(images: Tensor, angle: Tensor, scale: Tensor, shift: Tensor, mirror: Tensor) -> Tensor:
    """Turned by `angle` (N,), shrunk by `scale` (N,), moved by `shift` (N, 2), mirrored by signs (N, 2), on white."""
    sine, cosine = angle.sin() * scale, angle.cos() * scale
    rows = torch.stack([torch.stack([cosine, -sine], 1), torch.stack([sine, cosine], 1)], 1) * mirror[:, None]
    grid = F.affine_grid(torch.cat([rows, shift[:, :, None]], 2), list(images.shape), align_corners=False)
    return F.grid_sample(images - 1, grid, align_corners=False) + 1  # outside the picture is 0 there: white
