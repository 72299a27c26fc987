"""The paper's studies: one picture edited in many ways, as rows and columns of collages under titles.

A study is collages and titles; it draws nothing. Render its cells (in any order, one by one) and `draw_study` lays the
pictures out.

Shapes: N pictures of a collage, S side of a cell in pixels.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .class_map import ClassMap
from .collage import Collage, mix
from .crop import resize_picture
from .errors import InputError
from .gan import Gan
from .ranges import expect, real, whole
from .sheet import captioned, contact_sheet
from .stitch import Blend, stitch

__all__ = [
    "Study",
    "draw_study",
    "stack_sheets",
    "study_classes",
    "study_layers",
    "study_mix",
    "study_pixels",
    "study_strengths",
    "with_pixel_collages",
]

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
HALVES = (0.0, 0.5, 1.0)
MOST_MAPS = 4
"""How many feature maps the study of layers goes down to (paper figure 6)."""
PIXEL_MODES = ("paste", "normal")
"""The pixel collages of a study, as `stitch` makes them: pasted, and pasted by Poisson blending."""


@dataclass(frozen=True, eq=False)
class Study:
    """Collages in rows and columns. Rows may differ in length."""

    cells: tuple[tuple[Collage, ...], ...]
    """Rows, from above."""
    row_titles: tuple[str, ...] = ()
    """One for each row, or none."""
    column_titles: tuple[str, ...] = ()
    """One for each column, or none."""
    captions: tuple[tuple[str, ...], ...] = ()
    """One below each cell, or none."""
    pasted: Tensor | None = None
    """(H, W), (N, H, W) or (N, 1, H, W), 0 to 1: where it is given, each row ends in two more pictures, which no
    network draws: the second cell's pixels pasted over the first's here, and that with Poisson blending."""


def study_strengths(
    collage: Collage, class_map: ClassMap, layers: str = "all", strengths: Sequence[float] = STRENGTHS
) -> Study:
    """A label collage at rising strength: continuous change of class (paper figure 5).

    Args:
        collage: what is edited; its own edits stay.
        class_map: the regions; their strengths are multiplied.
        layers: which conditional norms, in the grammar of `layers.py`.
        strengths: 0 to 1 each.
    """
    expect(collage, Collage, "What is edited")
    expect(class_map, ClassMap, "The class map")
    strengths = [real(strength, "Strength", 0, 1) for strength in strengths]
    cells = tuple(collage.label(class_map.faded(strength), layers) for strength in strengths)
    return Study((cells,), (layers,), tuple(f"{strength:.0%}" for strength in strengths))


def study_layers(
    gan: Gan,
    collage: Collage,
    class_map: ClassMap | None = None,
    reference: Collage | None = None,
    mask: Tensor | None = None,
) -> list[Study]:
    """What an edit does at different layers: of a label collage, of a feature collage, or of both.

    Args:
        gan: whose layers these are.
        collage: what is edited; its own edits stay.
        class_map: regions, for the study of label collages.
        reference: where features come from, for the study of feature collages.
        mask: (H, W), (N, H, W) or (N, 1, H, W), 0 to 1: where they land.

    Raises:
        InputError: neither a class map nor a reference, or a reference without a mask or the other way round.
    """
    expect(collage, Collage, "What is edited")
    expect(gan, Gan, "The model")
    if (reference is None) != (mask is None) or (reference is None and class_map is None):
        raise InputError(
            "A study of layers needs a class map, or a reference and a mask, or all three. Connect what is missing."
        )
    labels = [] if class_map is None else [_label_layers(gan, collage, class_map)]
    return labels + ([] if reference is None or mask is None else [_feature_layers(gan, collage, reference, mask)])


def _label_layers(gan: Gan, collage: Collage, class_map: ClassMap) -> Study:
    """A label collage at the first layer, at all but the first, and at all (paper figure 7)."""
    sizes = sorted(set(gan.generator.norm_sizes))
    texts = {f"first ({sizes[0]} px)": f"{sizes[0]}", "all but the first": f"{sizes[min(1, len(sizes) - 1)]}-"}
    edited = [collage.label(class_map, layers) for layers in (*texts.values(), "all")]
    return Study(((collage, *edited),), ("labels",), ("unedited", *texts, "all"))


def _feature_layers(gan: Gan, collage: Collage, reference: Collage, mask: Tensor) -> Study:
    """A feature collage at the first one, two, three and four maps, at several strengths (paper figure 6)."""
    most = min(MOST_MAPS, len(gan.generator.feature_sizes))
    rows = {f"map 1-{last}" if last > 1 else "map 1": f"#1-{last}" for last in range(1, most + 1)}
    cells = tuple(
        tuple(collage.feature(reference, mask, layers, strength) for strength in HALVES) for layers in rows.values()
    )
    return Study(cells, tuple(rows), tuple(f"{strength:.0%}" for strength in HALVES))


def study_classes(
    gan: Gan, collage: Collage, classes: Sequence[Hashable] = (), mask: Tensor | None = None, columns: int = 8
) -> Study:
    """One latent under every class, or one region of it under every class: one picture to many (paper figure 4).

    Args:
        gan: whose classes these are.
        collage: what is drawn under other classes; its edits stay.
        classes: numbers or names; empty for all.
        mask: 0 to 1: only this region changes its class. None: the whole picture is of that class.
        columns: pictures in a row.

    Raises:
        LabelError: a class that the model does not have.
        InputError: a collage that starts from styles w, which have their class in them already.
    """
    expect(collage, Collage, "What is drawn")
    numbers = expect(gan, Gan, "The model").labels(list(classes) or list(range(gan.n_classes))).tolist()
    columns = whole(columns, "The number of columns", 1, 64)
    made = [_under(collage, number, mask) for number in numbers]
    rows = [tuple(made[i : i + columns]) for i in range(0, len(made), columns)]
    titles = [gan.class_names[number] if gan.class_names else str(number) for number in numbers]
    captions = [tuple(titles[i : i + columns]) for i in range(0, len(titles), columns)]
    return Study(tuple(rows), captions=tuple(captions))


def _under(collage: Collage, number: int, mask: Tensor | None) -> Collage:
    if mask is not None:
        return collage.label(ClassMap().paint(number, mask))
    if collage.latent.w is not None:
        raise InputError("Another class needs a latent z; this collage starts from styles w. Draw or project z.")
    return replace(collage, latent=replace(collage.latent, labels=torch.full_like(collage.latent.labels, number)))


def study_mix(
    first: Collage, second: Collage, mask: Tensor | None = None, layers: str = "all",
    strengths: Sequence[float] = STRENGTHS,
) -> Study:  # fmt: skip
    """Interpolation of latents above, feature collage below: the same pair, rising strength (paper figure 8).

    Args:
        first: what both rows start from.
        second: what the upper row goes towards, and where the lower one takes features from.
        mask: where features land, 0 to 1; None for the whole picture.
        layers: feature maps, in the grammar of `layers.py`.
        strengths: 0 to 1 each.

    Raises:
        InputError: as `mix` and `Collage.feature`.
    """
    where = torch.ones(1, 1, 1, 1) if mask is None else mask
    upper = tuple(mix(first, second, strength) for strength in strengths)
    lower = tuple(first.feature(second, where, layers, strength) for strength in strengths)
    return Study((upper, lower), ("mix", "features"), tuple(f"{strength:.0%}" for strength in strengths))


def study_pixels(collage: Collage, reference: Collage, mask: Tensor, layers: str = "all") -> Study:
    """Both kinds of collage against pixel collage: what comes of one region of another picture, pasted four ways.

    A row has the two pictures, the label collage of the reference's class, the feature collage of its features, and
    the two that `with_pixel_collages` makes of the first two.

    Args:
        collage: what is edited; its own edits stay.
        reference: whose class, features and pixels are taken.
        mask: (H, W), (N, H, W) or (N, 1, H, W), 0 to 1: the region, the same for all four.
        layers: feature maps of the feature collage, in the grammar of `layers.py`.

    Raises:
        InputError: as `ClassMap.paint` and `Collage.feature`.
    """
    expect(collage, Collage, "What is edited")
    expect(reference, Collage, "The reference")
    labels, features = ClassMap().paint(reference, mask), collage.feature(reference, mask, layers)
    titles = ("picture", "reference", "label collage", "feature collage", "pixels pasted", "pixels, Poisson")
    return Study(((collage, reference, collage.label(labels), features),), column_titles=titles, pasted=mask)


def with_pixel_collages(study: Study, pictures: Sequence[Tensor]) -> list[Tensor]:
    """The pictures of a study, with those that no network draws at the end of their rows.

    Args:
        study: whose pictures these are. Without `pasted` they are all there.
        pictures: (N, 3, R, R) in [-1, 1] for each cell, row by row.

    Raises:
        InputError: pictures that are too few or do not fit one another, or a mask that does not fit them.
    """
    if study.pasted is None:
        return list(pictures)
    rest, found = list(pictures), []
    for cells in study.cells:
        row, rest = rest[: len(cells)], rest[len(cells) :]
        if len(row) < 2:
            raise InputError(f"A pixel collage needs two pictures in each row; got {len(row)}.")
        blends = [Blend(mode, limits=(-1.0, 1.0)) for mode in PIXEL_MODES]
        found += row + [stitch(row[0], row[1], study.pasted, blend) for blend in blends]
    return found + rest


def draw_study(study: Study, pictures: Sequence[Tensor], side: int = 128) -> Tensor:
    """The pictures of a study under its titles.

    Args:
        study: whose titles these are.
        pictures: (N, 3, R, R) in [-1, 1] for each cell, row by row, as `with_pixel_collages` completes them. Where N is
            above 1 each row of the study becomes N.
        side: S of each cell.

    Returns:
        (1, 3, H, W) in [-1, 1].

    Raises:
        InputError: another number of pictures than the study has cells, or batches of different length.
    """
    side, rest = whole(side, "The side of a sheet's cells", 8, 4096), list(pictures)
    added = 0 if study.pasted is None else len(PIXEL_MODES)
    if len(rest) != sum(len(cells) + added for cells in study.cells) or len({len(each) for each in rest}) != 1:
        raise InputError(f"A study needs one batch of pictures for each cell, all of one length; got {len(rest)}.")
    rows, titles = [], []
    for number, cells in enumerate(study.cells):
        batches = [
            resize_picture(rest.pop(0).float().cpu(), (side, side)).clamp(-1, 1) for _ in range(len(cells) + added)
        ]
        for row in zip(*batches, strict=True):
            rows.append(list(map(captioned, row, study.captions[number])) if study.captions else list(row))
        titles += [study.row_titles[number]] * len(batches[0]) if study.row_titles else []
    sheet, _ = contact_sheet(rows, titles, study.column_titles, gap=4)
    return sheet[None].float() / 127.5 - 1


def stack_sheets(sheets: Sequence[Tensor]) -> Tensor:
    """Sheets (1, 3, H, W) in [-1, 1] one below the other, on white: (1, 3, sum of H, largest W)."""
    width = max(sheet.shape[-1] for sheet in sheets)
    return torch.cat([F.pad(sheet, (0, width - sheet.shape[-1]), value=1.0) for sheet in sheets], dim=2)
