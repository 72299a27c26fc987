"""Ways to the same end, side by side: one photograph under every class, mix and collage, pixels and collage.

Shapes: S side of the model's pictures.
"""

from __future__ import annotations

import math

import torch
from collages import masks, names, pairs
from edits import CELL, drawn
from neural_collage import engine as nc
from neural_collage.engine.crop import resize_picture
from neural_collage.engine.sheet import captioned
from study import Study, generate
from torch import Tensor

COLUMNS = 8
"""Most pictures in a row of the sheet of classes."""
BETWEEN = (0.0, 0.25, 0.5, 0.75, 1.0)
SAMPLES = 16
"""Among how many the least like one is looked for."""
MAPS = ("#1", "#1-3")
"""How many feature maps of the left half a mix is compared with: the first, the first three."""
AT = "#1-3"
"""Feature maps of the collage that is compared with pasted pixels."""


def classes(study: Study, photo: int = 0, steps: int = 200) -> None:
    """A photograph kept out of training, projected, its fruit under every class.

    `classes.png` begins with the photograph and is for this machine alone: photographs are nobody's to pass on.
    `classes_card.png` begins with the reconstruction, and shows nothing that the model did not draw.
    """
    image, label = study.held_out.images[photo].float()[None] / 127.5 - 1, study.held_out.labels[photo].item()
    *_, last = nc.project(study.gan, image, [label], steps=steps)
    collage, mask = nc.Collage(last.best), drawn(image)
    laid = nc.study_classes(study.gan, collage, mask=mask)
    pictures = [nc.render(study.gan, cell) for cell in (collage, *(cell for row in laid.cells for cell in row))]
    titles = [f"{names(study.gan, int(label))}, projected", *(title for row in laid.captions for title in row)]
    _captioned(study, "classes_card", pictures, titles)
    _captioned(study, "classes", [image, *pictures], ["photograph", *titles])


def _captioned(study: Study, name: str, pictures: list[Tensor], titles: list[str]) -> None:
    """Pictures (1, 3, S, S) in rows, a title below each."""
    enlarged = [resize_picture(picture, (CELL, CELL))[0].cpu() for picture in pictures]
    cells = torch.stack([captioned(picture, title) for picture, title in zip(enlarged, titles, strict=True)])
    rows = math.ceil(len(cells) / COLUMNS)
    study.sheet(name, cells.split(math.ceil(len(cells) / rows)), ())


def mix(study: Study, count: int = 4) -> None:
    """Two pictures mixed, latents and classes, and the features of the second one in the left half of the first.

    Every other row is of one class: there the mix is one of latents alone, and B the least like A of some samples.
    """
    gan, rows, titles = study.gan, [], []
    left, everywhere = masks(gan.resolution)["left"], torch.ones(1, 1)
    couples = [couple for pair in pairs(gan, -(-count // 2)) for couple in (_two(study, *pair), unlike(study, pair[0]))]
    for first, second in couples[:count]:
        between = nc.study_mix(first, second, left, MAPS[0], BETWEEN).cells[0]
        of_second = [nc.ClassMap().paint(int(second.latent.labels), everywhere, amount) for amount in BETWEEN]
        mixed = [cell.label(regions) for cell, regions in zip(between, of_second, strict=True)]
        halves = [nc.study_mix(first, second, left, layers, (1.0,)).cells[1][0] for layers in MAPS]
        rows.append(torch.cat([nc.render(gan, cell) for cell in (*mixed, *halves)]))
        titles.append(_title(gan, first, second))
    columns = ("A", *(f"mix {amount:g}" for amount in BETWEEN[1:-1]), "B", "B's left, map 1", "B's left, maps 1-3")
    study.sheet("mix", rows, titles, columns)


def pixels(study: Study, count: int = 2) -> None:
    """Label and feature collage against pasted pixels, and those with Poisson blending: the same regions and pairs."""
    gan, rows, titles, columns = study.gan, [], [], ()
    for first, second in (_two(study, *pair) for pair in pairs(gan, count)):
        for name, mask in masks(gan.resolution).items():
            laid = nc.study_pixels(first, second, mask, AT)
            rows.append(torch.cat(nc.with_pixel_collages(laid, [nc.render(gan, cell) for cell in laid.cells[0]])))
            titles.append(f"{_title(gan, first, second)}, {name}")
            columns = laid.column_titles
    study.sheet("pixels", rows, titles, columns)


def _two(study: Study, first: int, second: int) -> tuple[nc.Collage, nc.Collage]:
    """A drawn picture of each class, from different latents."""
    drawn_from = study.gan.sample(first, seed=study.seed), study.gan.sample(second, seed=study.seed + 1)
    return nc.Collage(drawn_from[0]), nc.Collage(drawn_from[1])


def unlike(study: Study, label: int) -> tuple[nc.Collage, nc.Collage]:
    """The first sample of a class, and the one of SAMPLES that is least like it, pixel by pixel."""
    samples = study.gan.sample(label, seed=study.seed, count=SAMPLES)
    pictures = generate(study.gan, samples)
    far = int((pictures - pictures[:1]).square().flatten(1).mean(1).argmax())
    first, second = (nc.Latent(samples.point[[i]], samples.labels[[i]]) for i in (0, far))
    return nc.Collage(first), nc.Collage(second)


def _title(gan: nc.Gan, first: nc.Collage, second: nc.Collage) -> str:
    above, below = (names(gan, int(each.latent.labels)) for each in (first, second))
    return f"{above} + {below}" if above != below else f"{above}, both"
