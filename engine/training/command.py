"""`neural-collage train gan|encoder|auxiliary`: settings from the command line, a progress bar, and clean stops."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ..errors import TrainingError
from .adversarial import AdversarialTask
from .data import ImageSet, load_images
from .loop import Every, Task, train
from .presets import PRESETS, GanSettings
from .snapshot import RunFolder, load_snapshot

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    kinds = parser.add_subparsers(dest="kind", required=True)
    gan = kinds.add_parser("gan", help="generator and discriminator, from a folder or zip of class folders")
    _add_run(gan)
    gan.add_argument("--preset", choices=list(PRESETS), help="named settings (default: small-64)")
    for field in fields(GanSettings):
        gan.add_argument(f"--{field.name.replace('_', '-')}", type=_reader(str(field.type)), default=None)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="zip or folder of class folders with JPEG or PNG files")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run; goes on from its snapshot if it has one"
    )
    parser.add_argument("--classes", type=lambda text: text.split(","), help="classes to take, comma-separated")
    parser.add_argument("--hold-out", type=int, default=0, help="keep every n-th picture of each class out of training")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--snapshot-every", type=float, default=180.0, help="seconds between snapshots with sheets")


def _reader(kind: str) -> Any:
    """How a settings field is read from text, by its declared type."""
    readers = {
        "int": int,
        "float": float,
        "str": str,
        "bool": lambda text: {"yes": True, "no": False}[text],
        "tuple[int, ...]": lambda text: tuple(int(width) for width in text.split(",")),
    }
    return readers[kind]


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the process's exit status."""
    if args.threads:
        torch.set_num_threads(args.threads)
    folder = RunFolder(args.out)
    task, steps = _gan_task(args, folder)
    _drive(task, steps, folder, Every(args.snapshot_every))
    return 0


def _gan_task(args: argparse.Namespace, folder: RunFolder) -> tuple[AdversarialTask, int]:
    """The task from flags over the snapshot's settings over a preset."""
    state = load_snapshot(folder.snapshot, "gan") if folder.snapshot.exists() else None
    settings = GanSettings(**state["settings"]) if state else PRESETS[args.preset or "small-64"]
    given = {f.name: getattr(args, f.name) for f in fields(GanSettings) if getattr(args, f.name) is not None}
    settings = replace(settings, **given)
    classes = args.classes or (state["class_names"] if state else None)
    data = load_images(args.data, settings.resolution, classes, args.hold_out)
    _describe(data)
    task = AdversarialTask(settings, data, args.device)
    if state:
        if tuple(state["class_names"]) != data.class_names:
            raise TrainingError(f"{folder.snapshot} was trained on other classes; use another --out.")
        task.restore(state)
    return task, settings.steps


def _describe(data: ImageSet) -> None:
    size = data.images.shape[-1]
    print(f"{len(data)} pictures of {len(data.class_names)} classes at {size} px: {', '.join(data.class_names)}")
    if data.skipped:
        print(f"{len(data.skipped)} files could not be decoded and are left out: {', '.join(data.skipped)}")


def _drive(task: Task, steps: int, folder: RunFolder, every: Every) -> None:
    """Run the loop under a progress bar until it ends or the user stops it; either way the state is saved."""
    with _stop_requests() as stopped, tqdm(total=steps, initial=task.done, unit="step", dynamic_ncols=True) as bar:
        progress = train(task, steps, folder, every)
        for state in progress:
            bar.update(state.done - bar.n)
            bar.set_postfix({name: f"{value:.3f}" for name, value in state.losses.items()}, refresh=False)
            if stopped:
                break
        progress.close()
    print(f"{task.done} of {steps} steps; {folder.snapshot}")


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """A list that is filled by Ctrl-C or a termination signal, so that the step under way is finished first."""
    received: list[int] = []
    names = (signal.SIGINT, signal.SIGTERM)
    before = {name: signal.signal(name, lambda number, _: received.append(number)) for name in names}
    try:
        yield received
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
