"""An independent classifier of a training set's classes: it judges a run's pictures, and no GAN ever sees it.

A small residual network, trained once on the real pictures and kept on disk, keyed by the pictures, the classes and
every setting.

Shapes: N pictures in [-1, 1], C classes, F features, S side that the classifier works at.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..style import resize
from .augment import augment
from .data import ImageSet
from .draws import Draws
from .snapshot import written

__all__ = ["Classifier", "JudgeSettings", "Variation", "look", "trained_judge", "varied"]

Variation = Callable[[Tensor, Draws], Tensor]
"""Pictures (N, 3, R, R) in [-1, 1] to others of the same classes, as a judge is to see them while it learns."""


@dataclass(frozen=True)
class JudgeSettings:
    """How the judge is made; part of its key on disk."""

    widths: tuple[int, ...] = (24, 48, 96, 128)
    """Of its blocks; the last is the number of its features."""
    size: int = 64
    """Largest side that it works at, in pixels."""
    per_class: int = 200
    """How many pictures of each class it is trained on at most."""
    epochs: int = 6
    """Times that it sees each of them."""
    least: int = 200
    """Steps at least: of a small set it sees each more often."""
    batch: int = 64
    rate: float = 3e-3
    seed: int = 0


class Block(nn.Module):
    """Two 3x3 convolutions with batch norm beside a 1x1 side path; halves the size."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width_out, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width_out)
        self.conv2 = nn.Conv2d(width_out, width_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width_out)
        self.side = nn.Conv2d(width_in, width_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, h, w) -> (N, Cout, h/2, w/2)."""
        h = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(h + self.side(F.avg_pool2d(x, 2)))


class Classifier(nn.Module):
    """Blocks that halve the size, the mean over pixels (the features), a linear layer."""

    def __init__(self, widths: tuple[int, ...], n_classes: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.blocks = nn.Sequential(*(Block(a, b) for a, b in zip((3, *widths[:-1]), widths, strict=True)))
        self.last = nn.Linear(widths[-1], n_classes)

    def features(self, images: Tensor) -> Tensor:
        """(N, F): the penultimate layer."""
        return self.blocks(resize(images, (self.size, self.size))).mean((2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """(N, C) logits."""
        return self.last(self.features(images))


@torch.no_grad()
def look(classifier: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities (N, C) and features (N, F), on the CPU, of pictures (N, 3, R, R) in [-1, 1]."""
    device = next(classifier.parameters()).device
    features = torch.cat([classifier.features(part.to(device, torch.float32)) for part in images.split(100)])
    return classifier.last(features).softmax(1).cpu(), features.cpu()


def varied(images: Tensor, draws: Draws) -> Tensor:
    """Mirrored, in other light, moved, with a part cut out: (N, 3, R, R)."""
    images = torch.where(draws.uniform(len(images), 1, 1, 1) < 0.5, images.flip(3), images)
    return augment(images, {"colour": 0.4, "translation": 1.0, "cutout": 0.3}, draws)


def trained_judge(
    data: ImageSet,
    folder: Path,
    settings: JudgeSettings | None = None,
    device: str = "cpu",
    variation: Variation = varied,
) -> Classifier:
    """The classifier of a training set: read from `folder`, or trained (a few minutes at most) and written there.

    Args:
        data: what it learns.
        folder: where it is kept.
        settings: how it is made.
        device: where it works.
        variation: how it sees the pictures; a function with a name, under which it is kept.

    Raises:
        TrainingError: it cannot be written.
    """
    settings = settings or JudgeSettings()
    side = min(settings.size, data.images.shape[-1])
    with torch.random.fork_rng(devices=[]):  # the same start in every run, whatever was drawn before
        torch.manual_seed(settings.seed)
        classifier = Classifier(settings.widths, len(data.class_names), max(side // 16, 1) * 16)
    path = folder / f"judge_{_key(data, settings, variation)}.safetensors"
    if path.exists():
        classifier.load_state_dict(load_file(path))
        return classifier.eval().to(device)
    _fit(classifier.to(device), data, settings, variation)
    temporary = path.with_suffix(".part")
    with written(path, temporary):
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: value.cpu() for name, value in classifier.state_dict().items()}, temporary)
        os.replace(temporary, path)
    return classifier.eval()


def _key(data: ImageSet, settings: JudgeSettings, variation: Variation) -> str:
    """Sixteen hex digits of everything that the weights follow from."""
    digest = hashlib.sha256(repr((data.class_names, data.labels.tolist(), asdict(settings))).encode())
    digest.update(variation.__name__.encode())
    for part in data.images.split(256):
        digest.update(part.numpy().tobytes())
    return digest.hexdigest()[:16]


def _fit(classifier: Classifier, data: ImageSet, settings: JudgeSettings, variation: Variation) -> None:
    """Adam under a rate that rises and falls once; cross-entropy on varied pictures."""
    generator = torch.Generator().manual_seed(settings.seed)
    chosen = _subset(data, settings.per_class, generator)
    batches = list(_batches(chosen, settings, generator))
    optimiser = torch.optim.AdamW(classifier.parameters(), lr=settings.rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=max(len(batches), 2))
    draws, device = Draws(generator), next(classifier.parameters()).device
    classifier.train()
    for batch in batches:
        images = variation(data.still(batch), draws)
        loss = F.cross_entropy(classifier(images.to(device)), data.labels[batch].to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def _subset(data: ImageSet, per_class: int, generator: torch.Generator) -> Tensor:
    """Places of at most `per_class` pictures of each class, drawn at random."""
    order = torch.randperm(len(data), generator=generator)
    return torch.cat([order[data.labels[order] == number][:per_class] for number in range(len(data.class_names))])


def _batches(chosen: Tensor, settings: JudgeSettings, generator: torch.Generator) -> Iterator[Tensor]:
    """The places of each batch, every epoch in another order; what fills no batch is left out."""
    size = min(settings.batch, len(chosen))
    in_epoch = max(1, len(chosen) // size)
    for _ in range(max(settings.epochs, -(-settings.least // in_epoch))):
        order = chosen[torch.randperm(len(chosen), generator=generator)]
        yield from order[: len(order) // size * size].split(size)
