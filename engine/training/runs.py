"""One run from flags to model: the data, the task with its settings, the loop under a progress bar, the file."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from ..checkpoints import save
from ..errors import InputError, TrainingError
from ..gan import Gan
from .adversarial import AdversarialTask
from .board import Board
from .data import ImageSet, load_images
from .flags import given_settings
from .hold_out import refuse_seen, told_hold_out
from .inception import Inception
from .inversion import AuxiliaryTask, EncoderTask
from .judge import trained_judge
from .loop import Every, train
from .meter import Meter
from .presets import PRESETS, Preset
from .processes import Processes
from .release import fingerprint, released
from .settings import AuxiliarySettings, EncoderSettings, GanSettings, RunSettings
from .snapshot import RunFolder, load_snapshot
from .starting import shaped_as, start_from
from .task import Task, held_size

__all__ = ["Run", "restore"]

State = dict[str, Any]
Settings = TypeVar("Settings", bound=RunSettings)
DEFAULTS = Preset(PRESETS["small-64"].gan, EncoderSettings(), AuxiliarySettings(), "")


@dataclass(frozen=True, eq=False)
class Run:
    """What a command's flags ask for. In `train all`, one for each of its three trainings."""

    kind: str
    """gan, encoder or auxiliary."""
    args: argparse.Namespace
    processes: Processes
    device: str
    out: Path
    """The run's folder."""
    hold_out: int = 0
    """Every n-th picture of each class is kept out of the training; 0: none."""
    prefix: str = ""
    """How the names of the flags of this kind's settings begin."""
    sets: dict[tuple[int, tuple[str, ...] | None, bool], ImageSet] = field(default_factory=dict)
    """Pictures that were loaded: by size, classes, and whether they are those held out."""

    @property
    def model(self) -> Path:
        """The file that the run ends with."""
        return self.out / "model.safetensors"

    def state(self) -> State | None:
        """What the folder's snapshot holds, if there is one."""
        path = self.out / "snapshot.pt"
        return load_snapshot(path, self.kind) if path.exists() else None

    def task(self, base: Gan | None, state: State | None) -> Task[Any]:
        """The task: a fresh one, or as the snapshot left it. `base` is the model to start from, or that gets the part.

        Raises:
            NeuralCollageError: settings, data, model and snapshot that do not go together.
        """
        task = self._gan_task(state, base) if self.kind == "gan" else self._part_task(state, base)
        if state:
            restore(task, state, self.out)
            self.refuse_seen(task, state)
        if not self.processes.agree(task.done):
            raise self._not_shared("they found different snapshots, or none, there")
        return task

    def finished(self, task: Task[Any]) -> bool:
        """Whether a task that goes on from the snapshot has nothing left to do, its model written; says so.

        Raises:
            TrainingError: a process does not find the model that another does.
        """
        over = task.done >= task.settings.steps and _newer(self.model, self.out / "snapshot.pt")
        if not self.processes.agree(int(over)):
            raise self._not_shared(f"{self.model} is there for some and not for others, or is of another time")
        if over and self.processes.first:
            print(f"{self.kind}: all {task.done} steps are made; {self.model}")
        return over

    def finish(self, task: Task[Any], base: Gan | None) -> bool:
        """Train to the end, or until the user stops it, and write the model; returns False if the user did.

        Raises:
            TrainingError: see `train`; or a process does not find the model that the first one wrote.
        """
        if self.finished(task):
            return True
        with self._board(task) as board:
            to_the_end = _drive(task, RunFolder(self.out, board), self._every(task), self._meter(task))
        if self.processes.first:
            gan = released(task.state(), base, self.device)
            save(gan, self.model)
            print(f"{task.done} of {task.settings.steps} steps of {self.kind}; {self.model}")
        self.processes.wait()
        if self.processes.any(not self.model.exists()):
            raise self._not_shared(f"{self.model}, which the first one wrote, is not there for another")
        return to_the_end

    def _not_shared(self, seen: str) -> TrainingError:
        return TrainingError(
            f"All processes of a run must see the same files in {self.out}; {seen}. Give an --out in a folder that all "
            "machines share."
        )

    def _board(self, task: Task[Any]) -> AbstractContextManager[Board | None]:
        """Where TensorBoard gets the numbers, if it is to have them and this process is the one that writes."""
        wanted = self.args.tensorboard and self.processes.first
        return closing(Board(self.out / "tensorboard", task.done)) if wanted else nullcontext()

    def settings(self, settings_of: type[Settings], start: Settings, state: State | None) -> Settings:
        """The flags' settings over the snapshot's, or over those to start from."""
        known = _again(settings_of, state) if state else start
        return replace(known, **given_settings(self.args, settings_of, self.prefix))

    def data(self, size: int, names: Sequence[str] | None, held_out: bool = False) -> ImageSet:
        """The pictures to train on, or those held out, in squares of this side; says what was found."""
        key = (size, tuple(names) if names else None, held_out)
        if key not in self.sets:
            found = load_images(self.args.data, size, names, self.hold_out, held_out, self.args.workers)
            self.sets[key] = self.sets[size, found.class_names, held_out] = found
            if self.processes.first:
                _tell(found, size, held_out)
        return self.sets[key]

    def _gan_task(self, state: State | None, base: Gan | None) -> AdversarialTask:
        preset = PRESETS[self.args.preset].gan
        settings = self.settings(GanSettings, shaped_as(base, preset) if base else preset, state)
        names = self.args.classes or (state["class_names"] if state else None)
        data = self.data(held_size(settings.resolution, settings), names)
        task = AdversarialTask(settings, data, self.device, self.processes)
        if base and not state:
            start_from(task, base)
        return task

    def part_settings(self, state: State | None) -> EncoderSettings | AuxiliarySettings:
        """Those of the encoder's or the auxiliary pair's training."""
        preset = PRESETS[self.args.preset] if self.prefix else DEFAULTS
        if self.kind == "encoder":
            return self.settings(EncoderSettings, preset.encoder, state)
        return self.settings(AuxiliarySettings, preset.auxiliary, state)

    def _part_task(self, state: State | None, base: Gan | None) -> EncoderTask | AuxiliaryTask:
        """Encoder or auxiliary pair for a model; its classes are the model's."""
        assert base is not None  # the parser requires --model here
        make, settings = EncoderTask if self.kind == "encoder" else AuxiliaryTask, self.part_settings(state)
        data = self.data(held_size(base.resolution, settings), self.args.classes or base.class_names or None)
        if len(data.class_names) != base.n_classes:
            raise InputError(
                f"The model has {base.n_classes} classes, the data {len(data.class_names)}. Choose --classes."
            )
        return make(settings, base, data, self.device, self.processes)  # type: ignore[arg-type]

    def _every(self, task: Task[Any]) -> Every:
        """How often; `train all` measures ten times unless told otherwise."""
        if self.kind != "gan":
            return Every(self.args.snapshot_every)
        asked = self.args.metrics_every
        metrics = asked if asked is not None else max(1, task.settings.steps // 10) if self.args.kind == "all" else 0
        return Every(self.args.snapshot_every, metrics=metrics, patience=self.args.patience)

    def _meter(self, task: Task[Any]) -> Meter | None:
        """What measures the run, if it is measured and this process is the one that does."""
        measured, file = self._every(task).metrics, self.args.inception if self.kind == "gan" else None
        if file and not measured:
            raise InputError("--inception is measured at every --metrics-every, which is 0. Give it a number of steps.")
        if not (measured and self.processes.first):
            return None
        shown = task.data.middle(task.resolution)
        held_out = (self.held_out(task) or None) if self.hold_out else None  # there may be none that can be used
        RunFolder(self.out)
        inception = Inception(file, self.out, self.device) if file else None  # at once: the file may be another one
        print("The judge of samples is read, or trained on the photographs.")
        return Meter(trained_judge(shown, self.out, device=self.device), shown, held_out, inception=inception)

    def refuse_seen(self, task: Task[Any], state: State) -> None:
        """See `hold_out.refuse_seen`; `state` is this run's, `task` one with the pictures that it would go on with."""
        if self.hold_out and "trained_on" in state:
            refuse_seen(state, self.held_out(task), task.data, self.out)

    def held_out(self, task: Task[Any]) -> ImageSet:
        """The pictures kept out of a task's training: the middle of each, as large as the model's."""
        return self.data(task.data.images.shape[-1], task.data.class_names, True).middle(task.resolution)


def _newer(model: Path, snapshot: Path) -> bool:
    """Whether a model is there, written after the snapshot."""
    return model.exists() and model.stat().st_mtime >= snapshot.stat().st_mtime


def _tell(found: ImageSet, size: int, held_out: bool) -> None:
    names = ", ".join(found.class_names[:16]) + (", ..." if len(found.class_names) > 16 else "")
    kept = f"of {len(found.class_names)} classes at {size} px: {names}; {told_hold_out(found.hold_out)}"
    print(f"{len(found)} pictures {'held out' if held_out else kept}")
    for files, why in ((found.skipped, "could not be decoded"), (found.tiny, f"are smaller than {size // 2} px")):
        if files:
            print(f"{len(files)} files {why} and are left out: {', '.join(files)}")


def _again(settings_of: type[Settings], state: State) -> Settings:
    """The settings that a snapshot holds."""
    try:
        return settings_of(**state["settings"])
    except TypeError as error:
        raise TrainingError(f"The snapshot has settings that this version does not know: {error}.") from error


def restore(task: Task[Any], state: State, out: Path) -> None:
    """Bring a task to where a snapshot of the folder `out` left it; what the user should know of it is printed.

    Raises:
        TrainingError: the snapshot is of other classes or other networks.
    """
    if tuple(state["class_names"]) != task.data.class_names:
        raise TrainingError(f"{out} was trained on {', '.join(state['class_names'])}; use another --out.")
    if "trained_on" not in state and task.processes.first:
        print(
            f"{out} is from before snapshots said what they were trained on; what was kept out is taken to be as now: "
            f"{told_hold_out(task.data.hold_out)}."
        )
    try:
        task.restore(state)
    except (RuntimeError, ValueError) as error:  # torch's words for shapes that do not fit
        raise TrainingError(f"{out} holds other networks; use another --out. {error}") from error
    if "diverged" in state:
        print(
            f"From this snapshot, at step {task.done}, the run diverged at step {state['diverged']}. Unless a flag is "
            "changed (rates, augmentation, R1, or --patience), it comes to the same end."
        )
    if isinstance(task, (EncoderTask, AuxiliaryTask)) and state.get("model") != fingerprint(task.gan.generator):
        print("The snapshot was made with another generator; its part goes on with the one given now, from step 0.")
        task.begin_again()


def _drive(task: Task[Any], folder: RunFolder, every: Every, meter: Meter | None) -> bool:
    """Run the loop under a progress bar until it ends or the user stops it; either way the state is saved.

    Returns:
        False if the user asked it to stop, be it in the last step.
    """
    steps, here = task.settings.steps, task.processes
    quiet = 0.1 if sys.stderr.isatty() else 30  # seconds between updates of the bar: a log file needs few
    bar = tqdm(total=steps, initial=task.done, unit="step", mininterval=quiet, disable=not here.first)
    with _stop_requests() as stopped, bar:
        progress = train(task, folder, every, meter)
        for now in progress:
            bar.set_postfix({name: f"{value:.3f}" for name, value in now.losses.items()}, refresh=False)
            bar.update(now.done - bar.n)
            if here.any(bool(stopped)):
                break
        progress.close()
        return not here.any(bool(stopped))


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
