"""What the model draws: samples of each class, label collages, and the layers at which both collages act.

Shapes: S side of the model's pictures.
"""

from __future__ import annotations

import torch
from neural_collage import engine as nc
from study import Study, generate
from torch import Tensor

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


def masks(size: int) -> dict[str, Tensor]:
    """The masks of the studies, each (size, size)."""
    place = (torch.arange(size) + 0.5) / size - 0.5
    across, down = place[None, :].expand(size, -1), place[:, None].expand(-1, size)
    return {
        "left": (across < 0).float(),
        "right": (across > 0).float(),
        "centre": (across**2 + down**2 < 0.25**2).float(),
    }


def pairs(gan: nc.Gan, count: int) -> list[tuple[int, int]]:
    """At most `count` class pairs, spread evenly: each of the first half of the classes has one of the second."""
    half = max(1, gan.n_classes // 2)
    firsts = sorted({number * half // count for number in range(count)})
    return [(first, (first + half) % gan.n_classes) for first in firsts]


def samples(study: Study, count: int = 8) -> None:
    """Eight samples of each class, and how far apart they lie: the root mean square difference of two samples."""
    gan, rows, figures = study.gan, [], []
    for label in range(gan.n_classes):
        rows.append(generate(gan, gan.sample(label, seed=study.seed, count=count)))
        apart = torch.pdist(rows[-1].flatten(1)) / rows[-1][0].numel() ** 0.5
        figures.append((names(gan, label), apart.mean().item()))
    study.sheet("samples", rows, [name for name, _ in figures])
    study.table("samples", ("class", "mean RMS difference of two samples"), figures)


def labels(study: Study, count: int = 4) -> None:
    """Label collage: class pairs, three masks, five strengths; the change inside and outside the mask."""
    gan, rows, titles, figures = study.gan, [], [], []
    for first, second in pairs(gan, count):
        collage = nc.Collage(gan.sample(first, seed=study.seed))
        for name, mask in masks(gan.resolution).items():
            laid = nc.study_strengths(collage, nc.ClassMap().paint(second, mask), strengths=STRENGTHS)
            rows.append(drawn(gan, laid)[0])
            titles.append(f"{names(gan, first)} + {names(gan, second)}, {name}")
            figures.append((titles[-1], *change(rows[-1], mask)))
    study.sheet("labels", rows, titles, [f"strength {strength:g}" for strength in STRENGTHS])
    header = [f"{where} {strength:g}" for strength in STRENGTHS for where in ("in", "out")]
    study.table("labels", ("mean change in, out of the mask at strength", *header), figures)


def layers(study: Study, count: int = 4) -> None:
    """The layers of a label collage over the whole picture, and those of a feature collage at three strengths."""
    _label_layers(study, count)
    _feature_layers(study, count)


def _label_layers(study: Study, count: int) -> None:
    gan, rows, figures, columns = study.gan, [], [], ()
    everywhere = torch.ones(gan.resolution, gan.resolution)
    for first, second in pairs(gan, count):
        collage, regions = nc.Collage(gan.sample(first, seed=study.seed)), nc.ClassMap().paint(second, everywhere)
        (laid,) = nc.study_layers(gan, collage, regions)
        columns = laid.column_titles
        rows += drawn(gan, laid)
        figures.append((f"{names(gan, first)} as {names(gan, second)}", *change(rows[-1], everywhere)[2::2]))
    study.sheet("label_layers", rows, [row[0] for row in figures], columns)
    study.table("label_layers", ("mean change at layers", *columns[1:]), figures)


def _feature_layers(study: Study, count: int) -> None:
    gan, rows, figures, columns = study.gan, [], [], ()
    mask = masks(gan.resolution)["left"]
    for first, second in pairs(gan, count):
        collage = nc.Collage(gan.sample(first, seed=study.seed))
        reference = nc.Collage(gan.sample(second, seed=study.seed + 1))
        (laid,) = nc.study_layers(gan, collage, reference=reference, mask=mask)
        columns = laid.column_titles
        for pictures, layers in zip(drawn(gan, laid), laid.row_titles, strict=True):
            figures.append((f"{names(gan, first)} < {names(gan, second)}, {layers}", *change(pictures, mask)))
            rows.append(torch.cat([pictures, nc.render(gan, reference)]))
    study.sheet(
        "feature_layers", rows, [row[0] for row in figures], (*(f"strength {each}" for each in columns), "reference")
    )
    header = [f"{where} {strength}" for strength in columns for where in ("in", "out")]
    study.table("feature_layers", ("mean change in, out of the left half at strength", *header), figures)


def drawn(gan: nc.Gan, laid: nc.Study) -> list[Tensor]:
    """The pictures (cells, 3, S, S) of each row of a study of one picture."""
    return [torch.cat([nc.render(gan, cell) for cell in row]) for row in laid.cells]


def change(pictures: Tensor, mask: Tensor) -> list[float]:
    """Mean absolute difference from the first picture inside and outside the mask, for each of (N, 3, H, W)."""
    apart = (pictures - pictures[:1]).abs().mean(1)  # (N, H, W)
    totals = [((apart * part).sum((1, 2)) / part.sum().clamp(min=1)).tolist() for part in (mask, 1 - mask)]
    return [value for both in zip(*totals, strict=True) for value in both]


def names(gan: nc.Gan, label: int) -> str:
    """The class's name, or its number for a model without names."""
    return gan.class_names[label] if gan.class_names else str(label)
