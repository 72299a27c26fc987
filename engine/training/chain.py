"""`train all`: generator and discriminator, then the encoder, then the auxiliary pair (paper appendix B), to one file.

Each has a folder of its own and goes on where it stopped; one that has reached its end is passed over.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from ..checkpoints import load, save
from ..gan import Gan
from ..networks.spectral import fold
from .adversarial import AdversarialTask
from .card import write_card
from .inversion import EncoderTask
from .processes import Processes
from .rehearsal import rehearse
from .runs import Run
from .settings import EncoderSettings
from .snapshot import RunFolder

__all__ = ["rehearse_all", "train_all"]

KINDS = ("gan", "encoder", "auxiliary")


def train_all(args: argparse.Namespace, processes: Processes, device: str) -> None:
    """Train all parts, then write `model.safetensors` and its card `model.md` into the folder.

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
            print(f"Stopped. Call it again: it goes on with the {run.kind}.")
            return
        gan = load(run.model)
    if processes.first and gan:
        _finish(args, gan, runs)


def rehearse_all(args: argparse.Namespace, processes: Processes, device: str) -> None:
    """Print what `train_all` would do; see `rehearse`. Parts still to be trained are random."""
    gan: Gan | None = None
    runs = _runs(args, processes, device)
    for run in runs:
        state = None if gan and "rehearsed" in gan.facts else run.state()
        task = run.task(gan, state)
        if isinstance(task, AdversarialTask):
            _check_parts(task, runs[1:])
        rehearse(task, run.out)
        if isinstance(task, AdversarialTask):
            names = task.data.class_names
            parts = (fold(part).requires_grad_(False) for part in (task.average, task.discriminator))
            gan = Gan(*parts, class_names=names, facts={"rehearsed": "yes"})  # type: ignore[arg-type]
        elif isinstance(task, EncoderTask) and gan:
            gan = replace(gan, encoder=task.encoder.eval().requires_grad_(False))


def _runs(args: argparse.Namespace, processes: Processes, device: str) -> list[Run]:
    first = Run("gan", args, processes, device, args.out / "gan")
    others = [replace(first, kind=kind, out=args.out / kind, prefix=f"{kind}_") for kind in KINDS[1:]]
    return [first, *others]  # their pictures are shared


def _check_parts(task: AdversarialTask, parts: list[Run]) -> None:
    """Find out before the first step, not hours later, that an encoder or a pair does not go with the generator."""
    for run in parts:
        settings = run.part_settings(run.state())
        if isinstance(settings, EncoderSettings):
            settings.config(task.resolution, len(task.data.class_names), task.settings.dim_z)
        else:
            settings.config(task.settings.dim_z)


def _finish(args: argparse.Namespace, gan: Gan, runs: list[Run]) -> None:
    licence = {"licence": args.licence} if args.licence else {}
    gan = replace(gan, facts={**gan.facts, "data": args.data.name, **licence, **dict(args.fact)})
    folder = RunFolder(args.out)
    path = folder.path / "model.safetensors"
    save(gan, path, half=args.half)
    write_card(gan, folder, runs)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, and its card {path.with_suffix('.md')}")
