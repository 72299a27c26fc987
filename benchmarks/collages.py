"""What the model draws: samples of each class, label collages, and the layers at which both collages act."""

from __future__ import annotations

import torch
from neural_collage import engine as nc
from study import Study, generate
from torch import Tensor

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
LABEL_LAYERS = ("all", "4", "8-")
FEATURE_LAYERS = ("#1", "#1-2", "#1-3", "#1-4")  # the first one, two, three, four feature maps
FEATURE_STRENGTHS = (0.0, 0.5, 1.0)


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
        latent = gan.sample(first, seed=study.seed)
        for name, mask in masks(gan.resolution).items():
            collage = nc.Collage(latent)
            maps = [nc.ClassMap().paint(second, mask, strength) for strength in STRENGTHS]
            row = torch.cat([nc.render(gan, collage.label(class_map)) for class_map in maps])
            title = f"{names(gan, first)} + {names(gan, second)}, {name}"
            rows.append(row)
            titles.append(title)
            figures.append((title, *change(row, mask)))
    study.sheet("labels", rows, titles, [f"strength {strength:g}" for strength in STRENGTHS])
    header = [f"{where} {strength:g}" for strength in STRENGTHS for where in ("in", "out")]
    study.table("labels", ("mean change in, out of the mask at strength", *header), figures)


def layers(study: Study, count: int = 4) -> None:
    """The layers of a label collage over the whole picture, and those of a feature collage at three strengths."""
    _label_layers(study, count)
    _feature_layers(study, count)


def _label_layers(study: Study, count: int) -> None:
    gan, rows, figures = study.gan, [], []
    everywhere = torch.ones(gan.resolution, gan.resolution)
    for first, second in pairs(gan, count):
        collage, regions = nc.Collage(gan.sample(first, seed=study.seed)), nc.ClassMap().paint(second, everywhere)
        edited = [nc.render(gan, collage.label(regions, chosen)) for chosen in LABEL_LAYERS]
        rows.append(torch.cat([nc.render(gan, collage), *edited]))
        figures.append((f"{names(gan, first)} as {names(gan, second)}", *change(rows[-1], everywhere)[2::2]))
    study.sheet("label_layers", rows, [row[0] for row in figures], ("plain", *LABEL_LAYERS))
    study.table("label_layers", ("mean change at layers", *LABEL_LAYERS), figures)


def _feature_layers(study: Study, count: int) -> None:
    gan, rows, titles, figures = study.gan, [], [], []
    mask = masks(gan.resolution)["left"]
    for first, second in pairs(gan, count):
        collage = nc.Collage(gan.sample(first, seed=study.seed))
        reference = nc.Collage(gan.sample(second, seed=study.seed + 1))
        for chosen in FEATURE_LAYERS[: len(gan.generator.feature_sizes)]:
            drawn = [nc.render(gan, collage.feature(reference, mask, chosen, s)) for s in FEATURE_STRENGTHS]
            title = f"{names(gan, first)} < {names(gan, second)}, {chosen}"
            figures.append((title, *change(torch.cat(drawn), mask)))
            rows.append(torch.cat([*drawn, nc.render(gan, reference)]))
            titles.append(title)
    strengths = [f"strength {strength:g}" for strength in FEATURE_STRENGTHS]
    study.sheet("feature_layers", rows, titles, (*strengths, "reference"))
    header = [f"{where} {strength:g}" for strength in FEATURE_STRENGTHS for where in ("in", "out")]
    study.table("feature_layers", ("mean change in, out of the left half at strength", *header), figures)


def change(pictures: Tensor, mask: Tensor) -> list[float]:
    """Mean absolute difference from the first picture inside and outside the mask, for each of (N, 3, H, W)."""
    apart = (pictures - pictures[:1]).abs().mean(1)  # (N, H, W)
    totals = [((apart * part).sum((1, 2)) / part.sum().clamp(min=1)).tolist() for part in (mask, 1 - mask)]
    return [value for both in zip(*totals, strict=True) for value in both]


def names(gan: nc.Gan, label: int) -> str:
    """The class's name, or its number for a model without names."""
    return gan.class_names[label] if gan.class_names else str(label)
