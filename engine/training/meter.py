"""What a GAN run is measured by as it goes, with an independent classifier's eyes.

`accuracy`   share of samples whose class the classifier names; `accuracy_real`, of photographs kept out of training
`frechet`    Frechet distance of samples and training pictures in the classifier's features (Heusel et al. 2017)
`frechet_inception`   the same in Inception's features, where its weights are given
`spread`     mean distance of the samples' features from those of their class's mean, over the training pictures'
`nearness`   median distance of a sample to the nearest training picture, over that of photographs kept out of training
             (without any: of training pictures to the nearest other one); far below one, samples are copies

Shapes: M training pictures, N samples, F features.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .adversarial import AdversarialTask
from .data import ImageSet
from .inception import Inception
from .judge import Classifier, look

__all__ = ["Meter", "frechet_distance", "spreads"]

MOST = 10_000  # training pictures that are compared with
SHOWN, NEAREST = 8, 3  # samples on a sheet, and neighbours of each


class Meter:
    """Measures a run's averaged generator, always on the same latents and classes in the training set's shares."""

    def __init__(
        self,
        judge: Classifier,
        data: ImageSet,
        held_out: ImageSet | None,
        count: int = 512,
        inception: Inception | None = None,
    ) -> None:
        """Measure `count` samples against a training set and, where there are any, pictures kept out of it."""
        self.judge, self.data, self.inception = judge, data, inception
        self.places = torch.linspace(0, len(data) - 1, min(len(data), MOST)).long()
        if inception:
            inception.remember(data.images[self.places])
        _, self.features = _seen(judge, data, self.places)  # (M, F)
        self.labels = data.labels[torch.linspace(0, len(data) - 1, count).long()]  # of the samples
        self.spread = spreads(self.features, data.labels[self.places]).mean().item()
        self.constant: dict[str, float] = {}
        if held_out:
            named, features = _seen(judge, held_out, torch.arange(len(held_out)))
            self.constant["accuracy_real"] = (named == held_out.labels).float().mean().item()
            self.near = _nearest(features, self.features, 1)[0].median().item()
        else:
            self.near = _nearest(self.features, self.features, 2)[0][:, 1].median().item()

    def __call__(self, task: AdversarialTask) -> tuple[dict[str, float], Tensor]:
        """The measures, and a sheet (1 + NEAREST, SHOWN, 3, R, R): samples, and below each its nearest photographs."""
        made = _samples(task, self.labels)
        chances, features = look(self.judge, made)
        distances, _ = _nearest(features, self.features, 1)
        measures = {
            "accuracy": (chances.argmax(1) == self.labels).float().mean().item(),
            **self.constant,
            "frechet": frechet_distance(features, self.features),
            "spread": spreads(features, self.labels).mean().item() / max(self.spread, 1e-12),
            "nearness": distances.median().item() / max(self.near, 1e-12),
        }
        if self.inception:
            measures["frechet_inception"] = self.inception(made)
        return measures, self._neighbours(made, features)

    def _neighbours(self, made: Tensor, features: Tensor) -> Tensor:
        shown = torch.linspace(0, len(made) - 1, SHOWN).long()
        _, nearest = _nearest(features[shown], self.features, min(NEAREST, len(self.features)))
        rows = [self.data.still(self.places[nearest[:, k]]) for k in range(nearest.shape[1])]
        return torch.stack([made[shown], *rows])


@torch.no_grad()
def _samples(task: AdversarialTask, labels: Tensor) -> Tensor:
    """Pictures of the averaged generator, one a label (N,): (N, 3, R, R) on the CPU."""
    z = torch.randn(len(labels), task.settings.dim_z, generator=torch.Generator().manual_seed(2))
    pairs = zip(z.split(64), labels.split(64), strict=True)
    made = [task.average.generate(a.to(task.device, task.dtype), b.to(task.device)) for a, b in pairs]
    return torch.cat(made).float().cpu()


def _seen(judge: Classifier, data: ImageSet, places: Tensor) -> tuple[Tensor, Tensor]:
    """What the classifier calls the pictures at these places (M,), and their features (M, F)."""
    found = [look(judge, data.still(part)) for part in places.split(256)]
    return torch.cat([chances.argmax(1) for chances, _ in found]), torch.cat([features for _, features in found])


def spreads(features: Tensor, labels: Tensor) -> Tensor:
    """The mean distance of features (N, F) from their class's mean, of each class that is there: (C,)."""
    classes = [features[labels == label] for label in labels.unique()]
    return torch.stack([(own - own.mean(0)).norm(dim=1).mean() for own in classes])


def _nearest(features: Tensor, others: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Distances to the `count` nearest of the others, and their places: (N, count) each, nearest first."""
    found = [torch.cdist(part, others).topk(count, largest=False) for part in features.split(256)]
    return torch.cat([distances for distances, _ in found]), torch.cat([places for _, places in found])


def frechet_distance(one: Tensor, other: Tensor) -> float:
    """`|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))` of features (N, F) and (M, F), each two rows or more (Heusel 2017).

    With S = R^T R, the trace of the root is the sum of the singular values of `R1 R2^T`: exact where there are fewer
    rows than features, too.
    """
    one, other = one.double(), other.double()
    a, b = one - one.mean(0), other - other.mean(0)
    roots = torch.linalg.svdvals(_factor(a) @ _factor(b).T).sum()
    traces = a.square().sum() / (len(a) - 1) + b.square().sum() / (len(b) - 1)
    return ((one.mean(0) - other.mean(0)).square().sum() + traces - 2 * roots).clamp(min=0).item()


def _factor(centred: Tensor) -> Tensor:
    """R (at most F, F) with `R^T R` the covariance of centred rows (N, F)."""
    return torch.linalg.qr(centred, mode="r").R / (len(centred) - 1) ** 0.5
