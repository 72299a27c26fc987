"""Translation of real photographs by the paper's protocol (its section 5.4 and appendix D), with the model's classes.

    python benchmarks/translation.py MODEL --data ZIP [--tasks 1000] [--out DIR] [--pairs DIR]

A task is a photograph of a source class, kept out of training, and a target class, both drawn at random. The object's
region is found by a segmenter (`regions.py`), the photograph is projected, a class map over the region gives the
target's label to every layer, and what is drawn is stitched into the photograph. A classifier that no GAN ever saw then
says whether the target is its first guess (top-1) or among its first five (top-5). Of few classes five are many: with
thirteen, chance alone misses 62 % in top-5; the paper had 143 to 1000 classes. That is why top-1 stands beside it.

The sheet shows photographs of the data set: it stays on this machine.

Shapes: T tasks, P photographs used, R the model's picture size, C classes.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from intervals import share_by_photograph
from neural_collage import engine as nc
from neural_collage.engine.sheet import save_png
from neural_collage.engine.training.data import to_network
from neural_collage.engine.training.judge import look
from regions import find_regions
from study import Study, Table
from tasks import SOURCES, TARGETS, Protocol, Tasks
from torch import Tensor
from tqdm import tqdm

SHOWN, PAIRS = 24, 100
"""Tasks on the sheet, and pairs that are written for people to judge."""
FEATHER = 2.0  # pixels over which a pasted edit fades in
TINT = (-0.6, 0.4, 1.0)  # of the class map on the sheet


@dataclass(frozen=True, eq=False)
class Projected:
    """The photographs of all tasks, each projected once: P of them."""

    photos: Tensor
    """(P, 3, R, R)."""
    regions: Tensor
    """(P, 1, R, R): the object, as the segmenter found it."""
    grown: Tensor
    """(P, 1, R, R): the region of the class map, and of what is stitched."""
    latent: nc.Latent
    """Theirs, after projection."""
    plain: Tensor
    """(P, 3, R, R): the reconstructions."""

    @classmethod
    def of(cls, gan: nc.Gan, photos: Tensor, labels: Tensor, protocol: Protocol) -> Projected:
        """Segment and project photographs (P, 3, R, R) of known classes (P,), from the encoder, on z.

        Each must have a region.
        """
        regions = find_regions(photos)
        grow = gan.resolution // 16 if protocol.grow is None else protocol.grow
        pieces = zip(photos.split(protocol.batch), labels.split(protocol.batch), strict=True)
        total = math.ceil(len(photos) / protocol.batch) * (protocol.steps + 1)
        with tqdm(total=total, desc="projection") as bar:
            best = [_projected(gan, *piece, protocol.steps, bar) for piece in pieces]
        latent = nc.join_latents(best)
        plain = torch.cat([nc.render(gan, nc.Collage(part)) for part in best])
        return cls(photos, regions, nc.shape_mask(regions, grow), latent, plain)

    def edited(self, gan: nc.Gan, which: Tensor, target: int) -> Tensor:
        """Some photographs (N,) with one target's label over their regions, at all layers: (N, 3, R, R)."""
        latent = nc.Latent(self.latent.point[which], self.latent.labels[which])
        return nc.render(gan, nc.Collage(latent).label(nc.ClassMap().paint(target, self.grown[which]), "all"))

    def stitched(self, pictures: Tensor, which: Tensor, mode: str) -> Tensor:
        """Pictures (N, 3, R, R) put into photographs (N,) where their regions are."""
        blend = nc.Blend(mode, feather=FEATHER, limits=(-1.0, 1.0))
        return nc.stitch(self.photos[which], pictures, self.grown[which], blend, unedited=self.plain[which])


def _projected(gan: nc.Gan, photos: Tensor, labels: Tensor, steps: int, bar: tqdm) -> nc.Latent:
    best = None
    for state in nc.project(gan, photos, labels.tolist(), steps=steps, space="z", start="encoder"):
        best = state.best
        bar.update()
    assert best is not None
    return best


@dataclass(frozen=True, eq=False)
class Translated:
    """All tasks, done."""

    tasks: Tasks
    projected: Projected
    which: Tensor
    """(T,): each task's photograph among those projected."""
    edited: Tensor
    """(T, 3, R, R): what the model drew."""
    stitched: Tensor
    """(T, 3, R, R): the photographs, translated."""
    left_out: tuple[str, ...] = ()
    """Files of source photographs in which no object was found."""

    @classmethod
    def of(cls, study: Study, protocol: Protocol) -> Translated:
        """Draw the tasks and do them: each photograph is projected once, and drawn once for every target it has."""
        gan, held_out = study.gan, study.held_out
        sources, targets = gan.labels(protocol.sources).cpu(), gan.labels(protocol.targets).cpu()
        shown = torch.isin(held_out.labels, sources).nonzero()[:, 0]
        without = shown[find_regions(to_network(held_out.images[shown])).amax((1, 2, 3)) == 0]
        usable = held_out.labels.index_fill(0, without, -1)
        tasks = Tasks.drawn(usable, sources, targets, protocol.tasks, study.seed)
        places, which = tasks.photos.unique(return_inverse=True)
        print(tasks.told, flush=True)
        projected = Projected.of(gan, to_network(held_out.images[places]), held_out.labels[places], protocol)
        edited = torch.empty(len(which), *projected.photos.shape[1:])
        for target in tasks.targets.unique().tolist():
            for part in (tasks.targets == target).nonzero()[:, 0].split(protocol.batch):
                edited[part] = projected.edited(gan, which[part], target)
        stitched = projected.stitched(edited, which, protocol.mode)
        return cls(tasks, projected, which, edited, stitched, tuple(study.held_out_files[at] for at in without))

    @property
    def told(self) -> str:
        """How much was done, and what could not be."""
        if not self.left_out:
            return self.tasks.told
        without = f"left out, as no object was found in them: {len(self.left_out)} ({', '.join(self.left_out)})"
        return f"{self.tasks.told}; {without}"


def missed(study: Study, pictures: Tensor, targets: Tensor) -> Tensor:
    """(N, 2), true where the classifier's first guess, or its first five, miss the target (N,) of pictures (N, ...)."""
    chances, _ = look(study.classifier, pictures)
    before = (chances > chances.gather(1, targets[:, None])).sum(1)
    return torch.stack([before >= 1, before >= 5], 1)


def translation(study: Study, protocol: Protocol) -> Translated:
    """Do the protocol: figures overall and by source and target, every task as CSV, a sheet of some of them."""
    done = Translated.of(study, protocol)
    wrong = missed(study, done.stitched, done.tasks.targets)
    intervals = "Intervals are by a bootstrap over photographs, or Wilson's of photographs where all have one outcome"
    title = f"{done.told}. {intervals}. {study.kept_out}"
    study.write(Table("translation", ("pictures", *HEADER), _overall(study, done, wrong, protocol), 1, title))
    study.write(Table("translation_classes", ("source", "target", *HEADER), _by_class(study, done.tasks, wrong), 2))
    _write_tasks(study, done.tasks, wrong)
    _sheet(study, done)
    return done


HEADER = ("number", "distinct", "photographs", "top-1 error %", "95 % interval", "top-5 error %", "95 % interval")


def _overall(study: Study, done: Translated, wrong: Tensor, protocol: Protocol) -> list[tuple[str | int, ...]]:
    """Errors of the translated photographs, and of what they are to be held against."""
    held_out, tasks, count = study.held_out, done.tasks, study.gan.n_classes
    real = torch.isin(held_out.labels, study.gan.labels(protocol.targets).cpu()).nonzero()[:, 0]
    themselves = Tasks(real, held_out.labels[real])
    on_real = missed(study, to_network(held_out.images[real]), themselves.targets)
    every = torch.arange(len(done.projected.photos))
    plain = done.projected.stitched(done.projected.plain, every, protocol.mode)[done.which]
    chance = [f"{100 * max(0.0, 1 - guesses / count):.1f}" for guesses in (1, 5)]
    untouched = done.projected.photos[done.which]
    return [
        ("translated photographs", *figures(wrong, tasks)),
        ("real photographs of the target classes", *figures(on_real, themselves)),
        ("reconstructions, stitched", *figures(missed(study, plain, tasks.targets), tasks)),
        ("source photographs, untouched", *figures(missed(study, untouched, tasks.targets), tasks)),
        (f"chance, {count} classes", "", "", "", chance[0], "", chance[1], ""),
    ]


def _by_class(study: Study, tasks: Tasks, wrong: Tensor) -> list[tuple[str | int, ...]]:
    """Errors for each pair of a source and a target that occurs."""
    names, shown = study.gan.class_names, study.held_out.labels[tasks.photos]
    pairs = torch.stack([shown, tasks.targets], 1)
    rows = []
    for kind in pairs.unique(dim=0):
        own = (pairs == kind).all(1)
        rows.append((names[kind[0]], names[kind[1]], *figures(wrong[own], tasks[own])))
    return rows


def figures(wrong: Tensor, tasks: Tasks) -> tuple[str | int, ...]:
    """What a row of HEADER holds, from (T, 2): numbers, then error and interval in percent, top-1 and top-5."""
    told: list[str | int] = [len(wrong), tasks.distinct, tasks.shown]
    for each in wrong.T:
        low, high = share_by_photograph(each, tasks.photos)
        told += [f"{100 * each.double().mean().item():.1f}", f"{100 * low:.1f} to {100 * high:.1f}"]
    return tuple(told)


def _write_tasks(study: Study, tasks: Tasks, wrong: Tensor) -> None:
    """Every task as CSV: too many for a table."""
    names, shown = study.gan.class_names, study.held_out.labels[tasks.photos].tolist()
    files = [study.held_out_files[place] for place in tasks.photos]
    rows = zip(files, shown, tasks.targets.tolist(), wrong.int().tolist(), strict=True)
    temporary = study.out / "translation_tasks.csv.part"
    with temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("photograph", "source", "target", "top-1 wrong", "top-5 wrong"))
        writer.writerows((photo, names[source], names[target], *both) for photo, source, target, both in rows)
    os.replace(temporary, study.out / "translation_tasks.csv")


def _sheet(study: Study, done: Translated) -> None:
    """The first tasks, which are random ones, from the photograph to its translation."""
    names, which = study.gan.class_names, done.which[:SHOWN]
    photos, grown = done.projected.photos[which], done.projected.grown[which]
    region = (done.projected.regions[which] * 2 - 1).expand_as(photos)
    class_map = photos + 0.6 * grown * (photos.new_tensor(TINT)[:, None, None] - photos)
    stages = photos, region, done.projected.plain[which], class_map, done.edited[:SHOWN], done.stitched[:SHOWN]
    labels = zip(study.held_out.labels[done.tasks.photos[:SHOWN]], done.tasks.targets[:SHOWN], strict=True)
    titles = [f"{names[source]} > {names[target]}" for source, target in labels]
    columns = ("photograph", "region", "reconstruction", "class map", "drawn", "stitched")
    study.sheet("translation", torch.stack(stages, 1), titles, columns)


def write_pairs(study: Study, done: Translated, folder: Path) -> None:
    """Pairs for a blind comparison (`blind.py`): folder/real has photographs of the target classes, kept out of
    training, folder/translated under the same names photographs that were translated to that class.
    """
    labels, generator = study.held_out.labels, torch.Generator().manual_seed(study.seed)
    targets = done.tasks.targets[:PAIRS].tolist()
    left: dict[int, list[int]] = {target: [] for target in targets}
    for number, (target, translated) in enumerate(zip(targets, done.stitched[:PAIRS], strict=True)):
        if not left[target]:  # no photograph is shown again before all of its class have been
            own = (labels == target).nonzero()[:, 0]
            left[target] = own[torch.randperm(len(own), generator=generator)].tolist()
        save_png(folder / "real" / f"{number:04}.png", study.held_out.images[left[target].pop()])
        save_png(folder / "translated" / f"{number:04}.png", translated)
    print(f"{len(targets)} pairs: {folder / 'real'} and {folder / 'translated'}")


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Protocol()
    parser.add_argument("model", type=Path, help="a .safetensors file with generator, discriminator and encoder")
    parser.add_argument("--data", type=Path, required=True, help="the training set")
    parser.add_argument("--tasks", type=int, default=default.tasks)
    parser.add_argument("--sources", default=SOURCES, help="names of the source classes, with commas between")
    parser.add_argument("--targets", default=TARGETS, help="names of the target classes")
    parser.add_argument("--steps", type=int, default=default.steps, help="of projection")
    parser.add_argument("--mode", choices=nc.STITCH_MODES, default=default.mode, help="how the edit is stitched back")
    parser.add_argument("--grow", type=int, help="pixels by which the region is grown; a sixteenth of the picture")
    parser.add_argument("--batch", type=int, default=default.batch, help="photographs projected together")
    parser.add_argument("--hold-out", type=int, default=10, help="every n-th picture was kept out of training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("output/starter"), help="where sheet and figures go")
    parser.add_argument("--pairs", type=Path, help="also write pairs for blind.py, into this folder")
    parser.add_argument("--threads", type=int, help="CPU threads")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Do the protocol; returns the process's exit status, 2 where the input is bad."""
    args = arguments().parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    started = time.monotonic()
    try:
        _run(args)
    except nc.NeuralCollageError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"translation: {time.monotonic() - started:.0f} s")
    return 0


def _run(args: argparse.Namespace) -> None:
    sources, targets = (tuple(name.strip() for name in text.split(",")) for text in (args.sources, args.targets))
    protocol = Protocol(sources, targets, args.tasks, args.steps, args.mode, args.grow, args.batch)
    study = Study(nc.load(args.model), args.data, args.out, args.hold_out, args.seed)
    done = translation(study, protocol)
    if args.pairs:
        write_pairs(study, done, args.pairs)


if __name__ == "__main__":
    sys.exit(main())
