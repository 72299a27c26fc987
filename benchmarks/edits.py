"""Real photographs, projected and edited end to end: crop, project, class map, render, stitch.

The model knows fruits on white alone, so what lies outside the fruit is made white before projection, and before the
independent classifier is asked. The class map covers the fruit's ellipse; the blend mask is that ellipse, as far as
the edited picture shows a fruit.

Shapes: H W size of a photograph, S side of its crop, R the model's picture size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from neural_collage import engine as nc
from neural_collage.engine.crop import resize_picture
from neural_collage.engine.style import resize
from neural_collage.engine.training.judge import look
from photos import FRUITS, Fruit
from study import Study
from torch import Tensor
from tqdm import tqdm
from variation import WHITE

RISE, ENOUGH = 0.5, 4  # the target's probability must rise by this much, on so many photographs
CELL = 128
FEATHER = 2.0  # photo pixels over which a pasted or transferred edit fades in


@dataclass(frozen=True)
class Descent:
    """How photographs are projected."""

    steps: int = 200
    space: str = "auto"
    start: str = "encoder"
    auto: bool = False
    """Whether projection finds the class, instead of being told what is shown."""


@dataclass(frozen=True, eq=False)
class Cut:
    """One fruit, cut out of its photograph."""

    fruit: Fruit
    photo: Tensor
    """(1, 3, H, W) in [-1, 1]."""
    mask: Tensor
    """(1, 1, H, W): the fruit in it."""
    crop: nc.Crop
    """The square around the fruit."""

    @classmethod
    def out_of(cls, fruit: Fruit, folder: Path) -> Cut:
        """Cut a fruit out of its photograph in `folder`."""
        photo = fruit.photo(folder)
        mask = fruit.mask((photo.shape[-2], photo.shape[-1]))
        return cls(fruit, photo, mask, nc.Crop.around(mask, padding=0.03))

    def square(self, size: int) -> Tensor:
        """The square (1, 3, size, size)."""
        return self.crop.cut(self.photo, size)

    def on_white(self, square: Tensor) -> Tensor:
        """A picture (1, 3, S, S) of the square with all outside the fruit white."""
        return 1 + (square - 1) * self.crop.cut_mask(self.mask, square.shape[-1])


@dataclass(frozen=True, eq=False)
class Projected:
    """All fruits, projected in one batch of N."""

    targets: Tensor
    """(N, 3, R, R): what was projected, on white."""
    first: Tensor
    """(N, 3, R, R): where the descent began."""
    images: Tensor
    """(N, 3, R, R): the reconstructions."""
    latent: nc.Latent
    """Theirs."""

    @classmethod
    def of(cls, study: Study, cuts: Sequence[Cut], descent: Descent) -> Projected:
        """Project every cut's fruit; the best latent of the descent is kept, photograph by photograph."""
        gan = study.gan
        targets = torch.cat([cut.on_white(cut.square(gan.resolution)) for cut in cuts])
        classes = "auto" if descent.auto else [cut.fruit.shown for cut in cuts]
        course = nc.project(gan, targets, classes, steps=descent.steps, space=descent.space, start=descent.start)
        states = [next(course)]
        for state in tqdm(course, total=descent.steps, desc="projection"):
            states[1:] = [state]
        best = states[-1].best
        return cls(targets, states[0].images, nc.render(gan, nc.Collage(best)), best)


def project(study: Study, folder: Path, descent: Descent, fruits: Sequence[Fruit] = FRUITS) -> None:
    """Project the fruits: a sheet from crop to reconstruction; eq. 4 and the pixel distance, before and after."""
    cuts = [Cut.out_of(fruit, folder) for fruit in fruits]
    done = Projected.of(study, cuts, descent)
    measure = nc.Reconstruction(study.gan, done.targets, pixel_weight=0)
    with torch.no_grad():
        distances = measure.perceptual_distance, measure.pixel_distance
        losses = [distance(images) for distance in distances for images in (done.first, done.images)]
    known = [study.gan.class_names[label] for label in done.latent.labels.tolist()]
    told = zip(cuts, known, *(loss.tolist() for loss in losses), strict=True)
    rows = [(cut.fruit.file, *figures) for cut, *figures in told]
    stages = (torch.cat([cut.square(CELL) for cut in cuts]), done.targets, done.first, done.images)
    columns = ("crop", "on white", "start", f"after {descent.steps} steps")
    study.sheet("project", _stages(stages), [cut.fruit.shown for cut in cuts], columns)
    study.table("project", ("photo", "class", "eq. 4 start", "eq. 4 end", "pixel MSE start", "pixel MSE end"), rows)


def _stages(stages: Sequence[Tensor]) -> Tensor:
    """Stages of (N, 3, any, any) to the cells of a sheet (N, stages, 3, CELL, CELL)."""
    return torch.stack([resize_picture(stage, (CELL, CELL)) for stage in stages], dim=1)


@dataclass(frozen=True)
class Manner:
    """How photographs are edited."""

    layers: str = "all"
    """Layers of the label collage."""
    mode: str = "paste"
    """How the edited crop is stitched back."""


@dataclass(frozen=True, eq=False)
class Edit:
    """One fruit, edited."""

    cut: Cut
    plain: Tensor
    """(1, 3, R, R): the unedited reconstruction."""
    edited: Tensor
    """(1, 3, R, R): the same latent under the class map."""
    mask: Tensor
    """(1, 1, side, side): the blend mask, in the square."""
    photo: Tensor
    """(1, 3, H, W): the photograph with the edit stitched back."""

    @classmethod
    def of(cls, gan: nc.Gan, cut: Cut, latent: nc.Latent, manner: Manner) -> Edit:
        """Paint the target class over the fruit, render, stitch back."""
        plain = nc.Collage(latent)
        regions = nc.ClassMap().paint(cut.fruit.target, cut.crop.cut_mask(cut.mask, CELL))
        pictures = nc.render(gan, plain), nc.render(gan, plain.label(regions, manner.layers))
        # A drawn fruit can be smaller than the one in the photograph; its white surroundings are no part of the edit.
        mask = cut.crop.cut_mask(cut.mask, cut.crop.side) * resize(drawn(pictures[1]), (cut.crop.side, cut.crop.side))
        blend = nc.Blend(manner.mode, feather=FEATHER, limits=(-1.0, 1.0))
        return cls(cut, *pictures, mask, nc.stitch(cut.photo, pictures[1], mask, blend, cut.crop, pictures[0]))

    @property
    def kept(self) -> bool:
        """Whether the photograph is what it was, bit by bit, outside the blend mask."""
        outside = self.cut.crop.place_mask(self.mask).expand_as(self.photo) == 0
        return torch.equal(self.photo[outside], self.cut.photo[outside])

    def chances(self, study: Study) -> list[float]:
        """The classifier's probability of the target class: reconstruction, edited crop, stitched photograph's crop."""
        target = study.gan.label(self.cut.fruit.target)
        seen = [self.plain, self.edited, self.cut.crop.cut(self.photo, study.gan.resolution)]
        inside = [self.cut.on_white(picture) for picture in seen]
        return look(study.classifier, torch.cat(inside))[0][:, target].tolist()

    def stages(self) -> Tensor:
        """Every stage as a cell of a sheet: (8, 3, CELL, CELL)."""
        cut, before = self.cut, self.cut.square(CELL)
        painted = before + (1 - before) * cut.crop.cut_mask(cut.mask, CELL) * 0.6
        after = cut.crop.cut(self.photo, CELL)
        crops = before, cut.on_white(before), self.plain, painted, self.edited, after
        return _stages([on_square(cut.photo), *crops, on_square(self.photo)])[0]


STAGES = ("photo", "crop", "on white", "reconstruction", "class map", "edited crop", "stitched crop", "stitched photo")


def photos(study: Study, folder: Path, descent: Descent, manner: Manner, fruits: Sequence[Fruit] = FRUITS) -> bool:
    """Edit the fruits in their photographs; a sheet of every stage, and whether both demands are met.

    Demanded: outside the blend mask the stitched photograph is the original, bit by bit; inside it the classifier's
    probability of the target class is higher by RISE than for the unedited reconstruction, on ENOUGH photographs.
    """
    cuts = [Cut.out_of(fruit, folder) for fruit in fruits]
    latent = Projected.of(study, cuts, descent).latent
    single = [nc.Latent(z[None], label[None]) for z, label in zip(latent.point, latent.labels, strict=True)]
    edits = [Edit.of(study.gan, cut, own, manner) for cut, own in zip(cuts, single, strict=True)]
    chances = [edit.chances(study) for edit in edits]
    titles = [f"{cut.fruit.shown} > {cut.fruit.target}" for cut in cuts]
    rises = [stitched - plain for plain, _, stitched in chances]
    told = zip(cuts, titles, chances, rises, edits, strict=True)
    rows = [(cut.fruit.file, title, *chance, rise, edit.kept) for cut, title, chance, rise, edit in told]
    header = ("photo", "edit", "p reconstruction", "p edited crop", "p stitched", "rise", "same outside")
    study.sheet(f"photos_{manner.mode}", [edit.stages() for edit in edits], titles, STAGES)
    study.table(f"photos_{manner.mode}", header, rows)
    return _met(rises, [edit.kept for edit in edits])


def _met(rises: Sequence[float], kept: Sequence[bool]) -> bool:
    """Whether both demands are met, said in words."""
    enough = sum(rise >= RISE for rise in rises)
    print(f"rise of at least {RISE:g}: {enough} of {len(rises)} ({ENOUGH} are demanded)")
    print(f"bit-identical outside the blend mask: {sum(kept)} of {len(kept)} (all are demanded)")
    return enough >= ENOUGH and all(kept)


def drawn(picture: Tensor) -> Tensor:
    """(1, 1, R, R): zero in the white around what a picture (1, 3, R, R) shows, one elsewhere, highlights included."""
    white = (picture.amin((0, 1)) > WHITE).cpu().to(torch.uint8).numpy()
    _, pieces = cv2.connectedComponents(np.pad(white, 1, constant_values=1), connectivity=4)
    around = torch.from_numpy(pieces[1:-1, 1:-1] == pieces[0, 0])  # one piece with the border, which is white
    return 1 - around.float()[None, None]


def on_square(photo: Tensor) -> Tensor:
    """A photograph (N, 3, H, W) on a grey square (N, 3, side, side)."""
    height, width = photo.shape[-2:]
    side = max(height, width)
    canvas = photo.new_zeros(len(photo), 3, side, side)
    canvas[..., :height, :width] = photo
    return canvas
