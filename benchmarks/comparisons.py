"""Ways to the same end, side by side: one photograph under every class, mix and collage, pixels and collage.

Shapes: S side of the model's pictures.
"""

from __future__ import annotations

import torch
from collages import masks, names, pairs
from edits import CELL, drawn
from neural_collage import engine as nc
from neural_collage.engine.crop import resize_picture
from neural_collage.engine.sheet import captioned
from study import Study
from torch import Tensor

COLUMNS = 7
"""Pictures in a row of the sheet of classes."""
BETWEEN = (0.0, 0.25, 0.5, 0.75, 1.0)
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
    study.sheet(name, cells.split(COLUMNS), ())


def mix(study: Study, count: int = 4) -> None:
    """Two pictures mixed as latents, and the features of the second one in the left half of the first."""
    gan, rows, titles = study.gan, [], []
    left = masks(gan.resolution)["left"]
    for first, second in _pictures(study, count):
        between = nc.study_mix(first, second, left, MAPS[0], BETWEEN).cells[0]
        halves = [nc.study_mix(first, second, left, layers, (1.0,)).cells[1][0] for layers in MAPS]
        rows.append(torch.cat([nc.render(gan, cell) for cell in (*between, *halves)]))
        titles.append(_title(gan, first, second))
    columns = ("A", *(f"mix {amount:g}" for amount in BETWEEN[1:-1]), "B", "B's left, first map", "B's left, maps 1-3")
    study.sheet("mix", rows, titles, columns)


def pixels(study: Study, count: int = 2) -> None:
    """Label and feature collage against pasted pixels, and those with Poisson blending: the same regions and pairs."""
    gan, rows, titles, columns = study.gan, [], [], ()
    for first, second in _pictures(study, count):
        for name, mask in masks(gan.resolution).items():
            laid = nc.study_pixels(first, second, mask, AT)
            rows.append(torch.cat(nc.with_pixel_collages(laid, [nc.render(gan, cell) for cell in laid.cells[0]])))
            titles.append(f"{_title(gan, first, second)}, {name}")
            columns = laid.column_titles
    study.sheet("pixels", rows, titles, columns)


def _pictures(study: Study, count: int) -> list[tuple[nc.Collage, nc.Collage]]:
    """One drawn picture of each class of each pair."""
    seed = study.seed
    return [
        (nc.Collage(study.gan.sample(first, seed=seed)), nc.Collage(study.gan.sample(second, seed=seed + 1)))
        for first, second in pairs(study.gan, count)
    ]


def _title(gan: nc.Gan, first: nc.Collage, second: nc.Collage) -> str:
    return " < ".join(names(gan, int(each.latent.labels)) for each in (first, second))
