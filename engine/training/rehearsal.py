"""A dry run: what a training would do, its memory, and the time of a step, measured on a few that are thrown away."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .task import Task

__all__ = ["rehearse"]

TIMED = 2  # steps of each kind, after one that is not


def rehearse(task: Task[Any], out: Path) -> None:
    """Print what `task`, which is spoiled by it, would do in the folder `out`. Nothing is written."""
    told = [*_plan(task, out), *_costs(task)]
    if task.processes.first:
        print("\n  ".join(told))


def _plan(task: Task[Any], out: Path) -> Iterator[str]:
    settings = task.settings
    counts = task.data.labels.bincount(minlength=len(task.data.class_names)).tolist()
    pairs = sorted(zip(counts, task.data.class_names, strict=True))
    yield f"train {task.kind} into {out}: {_left(task)} steps to go of {settings.steps}, on {task.device}"
    yield ", ".join(f"{name} {value}" for name, value in asdict(settings).items() if name != "steps")
    yield f"pictures a class: {pairs[0][0]} ({pairs[0][1]}) to {pairs[-1][0]} ({pairs[-1][1]})"


def _costs(task: Task[Any]) -> Iterator[str]:
    networks = {name: getattr(task, name) for name in task.parts}
    sizes = {name: _millions(network) for name, network in networks.items() if isinstance(network, nn.Module)}
    yield "parameters in millions: " + ", ".join(f"{name} {size:.2f}" for name, size in sizes.items())
    left, first, seconds = _left(task), _prepared(task), _timed(task)
    once = f"{first:.3g} s before the first step, " if first >= 1 else ""
    pictures = task.settings.batch * getattr(task.settings, "discriminator_steps", 1)
    yield f"memory: pictures {_mb(task.data.images.nbytes)}, the process at its largest {_peak(task.device)}"
    yield (
        f"time: {once}{seconds:.3g} s a step, {1000 * seconds / pictures:.3g} s per thousand real pictures, "
        f"{(first + left * seconds) / 3600:.2g} hours in all {_uncounted(task)}; nothing was trained"
    )


def _left(task: Task[Any]) -> int:
    return max(task.settings.steps - task.done, 0)


def _prepared(task: Task[Any]) -> float:
    """Seconds of what comes before the first step."""
    started = time.perf_counter()
    task.prepare()
    return time.perf_counter() - started


def _uncounted(task: Task[Any]) -> str:
    """What else a run does: its time hangs on flags, and on what is there already."""
    more = ", the judge of samples and its measures, settling the statistics" if task.kind == "gan" else ""
    return f"(not counted: reading the pictures, snapshots{more})"


def _timed(task: Task[Any]) -> float:
    """Seconds a step on average: R1 comes only every so often. Of the auxiliary pair, with the whole objective."""
    own = task.settings
    every = own.r1_every if getattr(own, "r1", 0) else 1
    start = max(task.done, getattr(own, "code_steps", 0))
    start -= start % every
    _seconds(task, start, 1)
    rare = _seconds(task, start, TIMED)
    usual = _seconds(task, start + 1, TIMED) if every > 1 else rare
    return (rare + (every - 1) * usual) / every


def _seconds(task: Task[Any], number: int, times: int) -> float:
    """Seconds that the step of this number takes."""
    started = time.perf_counter()
    for _ in range(times):
        task.done = number
        task.step()  # which ends with numbers on the CPU, so that a GPU has done its work
    return (time.perf_counter() - started) / times


def _millions(network: nn.Module) -> float:
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


def _peak(device: torch.device) -> str:
    if device.type == "cuda":
        return _mb(torch.cuda.max_memory_allocated(device)) + " on the GPU"
    if sys.platform == "win32":
        return "not measured on Windows"
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return _mb(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def _mb(size: float) -> str:
    return f"{size / 1e6:.0f} MB"
