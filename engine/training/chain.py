"""`train all`: generator and discriminator, then the encoder, then the auxiliary pair (paper appendix B), to one file.

Each has a folder of its own and goes on where it stopped; one that has reached its end is passed over.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from ..checkpoints import load, save
from ..gan import Gan
from ..networks.spectral import fold
from .adversarial import AdversarialTask
from .card import write_card
from .hold_out import chosen_hold_out
from .inversion import EncoderTask
from .processes import Processes
from .rehearsal import rehearse
from .runs import Run
from .settings import EncoderSettings
from .snapshot import RunFolder
from .task import Task

__all__ = ["rehearse_all", "train_all"]

KINDS = ("gan", "encoder", "auxiliary")


def train_all(args: argparse.Namespace, processes: Processes, device: str) -> bool:
    """Train all parts, then write `model.safetensors` and its card `model.md` into the folder.

    Returns:
        False if the user stopped it.

    Raises:
        NeuralCollageError: as the single trainings.
    """
    gan: Gan | None = None
    runs = _runs(args, processes, device)
    for run in runs:
        task = run.task(gan, run.state())
        if isinstance(task, AdversarialTask):
            _check_parts(task, runs[1:])
        if not run.finish(task, gan):
            if processes.first:
                print("Stopped. Call it again: it goes on from here.")
            return False
        gan = load(run.model)
    if processes.first and gan:
        _finish(args, gan, runs)
    return True


def rehearse_all(args: argparse.Namespace, processes: Processes, device: str) -> bool:
    """Print what `train_all` would do; see `rehearse`. In the place of parts still to be trained stand unfinished ones.

    Behind such a generator an encoder or a pair begins again, as it would behind the finished one.
    """
    gan: Gan | None = None
    runs = _runs(args, processes, device)
    for run in runs:
        task = run.task(gan, run.state())
        if isinstance(task, AdversarialTask):
            _check_parts(task, runs[1:])
        if run.finished(task):
            gan = load(run.model)
            continue
        rehearse(task, run.out)
        gan = _unfinished(task, gan)
    return True


def _unfinished(task: Task[Any], gan: Gan | None) -> Gan | None:
    """What the next part is rehearsed with: the model as the steps of this part's rehearsal left it."""
    if isinstance(task, AdversarialTask):
        generator, discriminator = (fold(part).requires_grad_(False) for part in (task.average, task.discriminator))
        return Gan(generator, discriminator, class_names=task.data.class_names)  # type: ignore[arg-type]
    if isinstance(task, EncoderTask) and gan:
        return replace(gan, encoder=task.encoder.eval().requires_grad_(False))
    return gan


def _runs(args: argparse.Namespace, processes: Processes, device: str) -> list[Run]:
    """One for each part. They share the pictures, and what is kept out of them."""
    first = Run("gan", args, processes, device, args.out / "gan")
    runs = [first, *(replace(first, kind=kind, out=args.out / kind, prefix=f"{kind}_") for kind in KINDS[1:])]
    hold_out = chosen_hold_out(args.hold_out, [run.state() for run in runs])
    return [replace(run, hold_out=hold_out) for run in runs]


def _check_parts(task: AdversarialTask, parts: list[Run]) -> None:
    """Find out before the first step, not hours later, that an encoder or a pair cannot be trained.

    It does not go with the generator, its batch cannot be shared, or it was trained on what is to be kept out now.
    """
    for run in parts:
        state = run.state()
        settings = run.part_settings(state)
        if state:
            run.refuse_seen(task, state)
        run.processes.share(settings.batch, settings.accumulate, f"batch of the {run.kind}")
        if isinstance(settings, EncoderSettings):
            settings.config(task.resolution, len(task.data.class_names), task.settings.dim_z)
        else:
            if not state:
                settings.check_start(task.settings.dim_z)


def _finish(args: argparse.Namespace, gan: Gan, runs: list[Run]) -> None:
    licence = {"licence": args.licence} if args.licence else {}
    gan = replace(gan, facts={**gan.facts, "data": args.data.name, **licence, **dict(args.fact)})
    folder = RunFolder(args.out)
    path = folder.path / "model.safetensors"
    save(gan, path, half=args.half)
    write_card(gan, folder, runs)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, and its card {path.with_suffix('.md')}")
