"""Are samples of a class what they should be, and as varied as photographs? An independent classifier is asked.

Accuracy: the share of pictures whose class the classifier names. Spread: the mean distance of its penultimate features
from the mean of their class, so that one picture a class, drawn again and again, cannot pass. Real pictures are those
kept out of training; as many samples of each class stand beside them.
"""

from __future__ import annotations

import torch
from classifier import judge
from neural_collage.engine.training.data import to_network
from study import Study, generate
from torch import Tensor

ACCURACY_FLOOR = 0.7  # of the real pictures' accuracy
SPREAD_FLOOR = 0.5  # of the real pictures' spread


def classifier(study: Study) -> bool:
    """Accuracy on samples beside held-out pictures, within-class spread of features, and whether both suffice."""
    real, gan = study.held_out, study.gan
    made = generate(gan, gan.sample(real.labels.tolist(), seed=study.seed))
    of_real = _by_class(*judge(study.classifier, to_network(real.images)), real.labels)
    of_made = _by_class(*judge(study.classifier, made), real.labels)
    rows = torch.stack([of_real[0], of_made[0], of_real[1], of_made[1], of_made[1] / of_real[1]], 1)  # (C, 5)
    header = ("class", "accuracy real", "accuracy samples", "spread real", "spread samples", "spread ratio")
    mean = rows.mean(0)
    table = [(name, *row.tolist()) for name, row in zip(real.class_names, rows, strict=True)]
    study.table("classifier", header, [*table, ("mean of classes", *mean.tolist())])
    accuracy, spread = (mean[1] / mean[0]).item(), (mean[3] / mean[2]).item()
    print(f"accuracy: samples reach {accuracy:.3f} of real ({_verdict(accuracy, ACCURACY_FLOOR)})")
    print(f"spread: samples reach {spread:.3f} of real ({_verdict(spread, SPREAD_FLOOR)})")
    return accuracy >= ACCURACY_FLOOR and spread >= SPREAD_FLOOR


def _by_class(probabilities: Tensor, features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Accuracy (C,) and mean distance of features from their class's mean (C,)."""
    right = (probabilities.argmax(1) == labels).float()
    accuracy, spread = [], []
    for label in labels.unique():
        own = features[labels == label]
        accuracy.append(right[labels == label].mean())
        spread.append((own - own.mean(0)).norm(dim=1).mean())
    return torch.stack(accuracy), torch.stack(spread)


def _verdict(value: float, floor: float) -> str:
    return f"{'above' if value >= floor else 'BELOW'} the floor of {floor:g}"
