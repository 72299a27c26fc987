"""Are samples of a class what they should be, and as varied as photographs? An independent classifier is asked.

Accuracy: the share of pictures whose class the classifier names. Spread: the mean distance of its penultimate features
from the mean of their class, so that one picture a class, drawn again and again, cannot pass. Fréchet distance: of the
same features to those of photographs kept out of training, which no model that learns the training set perfectly could
bring below that of the training photographs themselves: the floor. For each photograph kept out there are `TIMES`
samples of its class, and as many photographs of it from the training set, so that the estimates are of one size. Where
neighbours in the set are alike, as frames of one turntable are, photographs kept out are near-copies of training
photographs: then figures of real photographs say what is reached at best, not what strange ones would.

Shapes: N held-out photographs, F features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from neural_collage.engine.training.data import ImageSet, to_network
from neural_collage.engine.training.judge import look
from neural_collage.engine.training.meter import frechet_distance, spreads
from study import Study, Table, generate
from torch import Tensor

ACCURACY_FLOOR = 0.7  # of the real pictures' accuracy
SPREAD_FLOOR = 0.5  # of the real pictures' spread
TIMES = 4
"""Samples for each held-out photograph, where the training set has as many photographs."""


@dataclass(frozen=True)
class Quality:
    """What was found."""

    tables: tuple[Table, Table]
    """By class, and Fréchet distances."""
    accuracy: float
    """Of samples over that of real pictures, means of classes."""
    spread: float
    """Likewise."""

    @property
    def enough(self) -> bool:
        """Whether both reach their floors; says so."""
        print(f"accuracy: samples reach {self.accuracy:.3f} of real ({_verdict(self.accuracy, ACCURACY_FLOOR)})")
        print(f"spread: samples reach {self.spread:.3f} of real ({_verdict(self.spread, SPREAD_FLOOR)})")
        return self.accuracy >= ACCURACY_FLOOR and self.spread >= SPREAD_FLOOR


def classifier(study: Study) -> bool:
    """Write accuracy, spread and Fréchet distances of samples beside those of photographs; whether they suffice."""
    found = measure(study)
    for table in found.tables:
        study.write(table)
    return found.enough


def measure(study: Study) -> Quality:
    """Samples beside photographs, by class and all together."""
    real, gan = study.held_out, study.gan
    times = min(TIMES, study.hold_out - 1)
    labels = real.labels.repeat(times)
    made = look(study.classifier, generate(gan, gan.sample(labels.tolist(), seed=study.seed)))
    kept = look(study.classifier, to_network(real.images))
    of_real, of_made = _by_class(*kept, real.labels), _by_class(*made, labels)
    rows = torch.stack([of_real[0], of_made[0], of_real[1], of_made[1], of_made[1] / of_real[1]], 1)  # (C, 5)
    mean = rows.mean(0)
    table = [(name, *row.tolist()) for name, row in zip(real.class_names, rows, strict=True)]
    header = ("class", "accuracy real", "accuracy samples", "spread real", "spread samples", "spread ratio")
    title = f"By class: {len(real)} photographs kept out of training, {len(labels)} samples. {study.kept_out}"
    by_class = Table("classifier", header, [*table, ("mean of classes", *mean.tolist())], 1, title)
    seen = look(study.classifier, to_network(_as_many(study.training, labels, study.seed)))
    others = {"samples": made[1], "training photographs (the floor)": seen[1]}
    distances = _distances(kept[1], others, study.kept_out)
    return Quality((by_class, distances), (mean[1] / mean[0]).item(), (mean[3] / mean[2]).item())


def _as_many(data: ImageSet, labels: Tensor, seed: int) -> Tensor:
    """Photographs of these classes, each drawn once; of a class with too few, all."""
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))
    counts = labels.bincount(minlength=len(data.class_names)).tolist()
    chosen = [order[data.labels[order] == label][:count] for label, count in enumerate(counts)]
    return data.images[torch.cat(chosen)]


def _distances(kept: Tensor, others: dict[str, Tensor], note: str) -> Table:
    """Fréchet distances of features (M, F) to those of held-out photographs (N, F)."""
    rows = [(name, str(len(features)), frechet_distance(features, kept)) for name, features in others.items()]
    title = f"Fréchet distance to {len(kept)} photographs kept out of training, in {kept.shape[1]} features. {note}"
    return Table("frechet", ("pictures", "count", "Fréchet distance"), rows, 1, title)


def _by_class(probabilities: Tensor, features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Accuracy (C,) and mean distance of features from their class's mean (C,)."""
    right = (probabilities.argmax(1) == labels).float()
    accuracy = torch.stack([right[labels == label].mean() for label in labels.unique()])
    return accuracy, spreads(features, labels)


def _verdict(value: float, floor: float) -> str:
    return f"{'above' if value >= floor else 'BELOW'} the floor of {floor:g}"
