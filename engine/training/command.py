"""`neural-collage train gan|encoder|auxiliary|release`: flags, a progress bar, and clean stops."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import torch
from tqdm import tqdm

from ..checkpoints import load, save
from ..errors import InputError, TrainingError
from ..gan import Gan
from .adversarial import AdversarialTask
from .data import ImageSet, load_images
from .flags import given_settings, parser
from .inversion import AuxiliaryTask, EncoderTask
from .loop import Every, train
from .presets import PRESETS
from .release import released
from .settings import AuxiliarySettings, EncoderSettings, GanSettings, RunSettings
from .snapshot import RunFolder, load_snapshot
from .starting import shaped_as, start_from
from .task import Task

__all__ = ["main"]

State = dict[str, Any]
Settings = TypeVar("Settings", bound=RunSettings)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `neural-collage train` with these arguments.

    Raises:
        NeuralCollageError: bad flags' values, data, model or snapshot, or losses that are not finite.
    """
    args = parser().parse_args(arguments)
    if args.kind == "release":
        _release(args)
        return
    if args.threads:
        torch.set_num_threads(args.threads)
    folder = RunFolder(args.out)
    state = load_snapshot(folder.snapshot, args.kind) if folder.snapshot.exists() else None
    base = load(args.model) if args.model else None
    task = _gan_task(args, state, base) if args.kind == "gan" else _part_task(args, state, base)
    if state:
        _restore(task, state, folder)
    _drive(task, folder, Every(args.snapshot_every))
    save(released(task.state(), base, args.device), folder.path / "model.safetensors")
    print(f"{task.done} of {task.settings.steps} steps; {folder.path / 'model.safetensors'}")


def _gan_task(args: argparse.Namespace, state: State | None, base: Gan | None) -> AdversarialTask:
    """Settings: flags over the snapshot's, over the shapes of the model to start from, over the preset."""
    preset = PRESETS[args.preset]
    settings = _again(GanSettings, state) if state else shaped_as(base, preset) if base else preset
    settings = replace(settings, **given_settings(args, GanSettings))
    names = args.classes or (state["class_names"] if state else None)
    data = _data(args, settings.resolution, names)
    task = AdversarialTask(settings, data, args.device)
    if base and not state:
        start_from(task, base)
    return task


def _part_task(args: argparse.Namespace, state: State | None, base: Gan | None) -> EncoderTask | AuxiliaryTask:
    """Encoder or auxiliary pair for a model; its classes are the model's."""
    assert base is not None  # the parser requires --model here
    settings_of = EncoderSettings if args.kind == "encoder" else AuxiliarySettings
    settings = _again(settings_of, state) if state else settings_of()
    settings = replace(settings, **given_settings(args, settings_of))
    data = _data(args, base.resolution, args.classes or base.class_names or None)
    if len(data.class_names) != base.n_classes:
        raise InputError(f"The model has {base.n_classes} classes, the data {len(data.class_names)}. Choose --classes.")
    if isinstance(settings, EncoderSettings):
        return EncoderTask(settings, base, data, args.device)
    return AuxiliaryTask(settings, base, data, args.device)


def _data(args: argparse.Namespace, resolution: int, names: Sequence[str] | None) -> ImageSet:
    """Load the training part of the data and say what was found."""
    data = load_images(args.data, resolution, names, args.hold_out)
    print(f"{len(data)} pictures of {len(data.class_names)} classes at {resolution} px: {', '.join(data.class_names)}")
    if data.skipped:
        print(f"{len(data.skipped)} files could not be decoded and are left out: {', '.join(data.skipped)}")
    return data


def _again(settings_of: type[Settings], state: State) -> Settings:
    """The settings that a snapshot holds."""
    try:
        return settings_of(**state["settings"])
    except TypeError as error:
        raise TrainingError(f"The snapshot has settings that this version does not know: {error}.") from error


def _restore(task: Task[Any], state: State, folder: RunFolder) -> None:
    if tuple(state["class_names"]) != task.data.class_names:
        raise TrainingError(f"{folder.snapshot} was trained on {', '.join(state['class_names'])}; use another --out.")
    if state.get("model") != task.state().get("model"):
        print("The snapshot was made with another generator; its part goes on with the one given now.")
    try:
        task.restore(state)
    except (RuntimeError, ValueError) as error:  # torch's words for shapes that do not fit
        raise TrainingError(f"{folder.snapshot} holds other networks; use another --out. {error}") from error


def _drive(task: Task[Any], folder: RunFolder, every: Every) -> None:
    """Run the loop under a progress bar until it ends or the user stops it; either way the state is saved."""
    steps = task.settings.steps
    quiet = 0.1 if sys.stderr.isatty() else 30  # seconds between updates of the bar: a log file needs few
    with _stop_requests() as stopped, tqdm(total=steps, initial=task.done, unit="step", mininterval=quiet) as bar:
        progress = train(task, folder, every)
        for now in progress:
            bar.set_postfix({name: f"{value:.3f}" for name, value in now.losses.items()}, refresh=False)
            bar.update(now.done - bar.n)
            if stopped:
                break
        progress.close()


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """A list that Ctrl-C or a termination signal adds to, so that the step under way is finished and saved first."""
    received: list[int] = []
    watched = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda sent, _: received.append(sent)) for number in watched}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _release(args: argparse.Namespace) -> None:
    """Write the model that a run's snapshot holds."""
    state = load_snapshot(RunFolder(args.run).snapshot)
    gan = released(state, load(args.model) if args.model else None)
    gan = replace(gan, facts={**gan.facts, **dict(args.fact)})
    save(gan, args.to, half=args.half)
    print(f"{args.to}: {args.to.stat().st_size / 1e6:.1f} MB, {state['done']} steps of `train {state['kind']}`")
