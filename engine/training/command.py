"""`neural-collage train all|gan|encoder|auxiliary|release`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import torch

from ..checkpoints import load, save
from .chain import rehearse_all, train_all
from .flags import parser
from .hold_out import chosen_hold_out
from .processes import Processes, join_processes
from .rehearsal import rehearse
from .release import released
from .runs import Run
from .snapshot import RunFolder, load_snapshot

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `neural-collage train` with these arguments.

    Raises:
        NeuralCollageError: bad flags' values, data, model or snapshot, losses that are not finite, or a full disk.
        KeyboardInterrupt: the user stopped the training, by Ctrl-C or a termination signal; what was made is saved.
    """
    args = parser().parse_args(arguments)
    if args.kind == "release":
        _release(args)
        return
    if args.threads:
        torch.set_num_threads(args.threads)
    processes, device = join_processes(args.device)
    if args.kind == "all":
        to_the_end = (rehearse_all if args.dry_run else train_all)(args, processes, device)
    else:
        to_the_end = _train(args, processes, device)
    if not to_the_end:
        raise KeyboardInterrupt


def _train(args: argparse.Namespace, processes: Processes, device: str) -> bool:
    """Train one part, or rehearse it; returns False if the user stopped it."""
    run = Run(args.kind, args, processes, device, args.out)
    base, state = load(args.model) if args.model else None, run.state()
    run = replace(run, hold_out=chosen_hold_out(args.hold_out, [state], base.facts if base else None))
    task = run.task(base, state)
    if not args.dry_run:
        return run.finish(task, base)
    if not run.finished(task):
        rehearse(task, args.out)
    return True


def _release(args: argparse.Namespace) -> None:
    """Write the model that a run's snapshot holds."""
    folder = RunFolder(args.run)
    state = load_snapshot(folder.best if args.best else folder.snapshot)
    gan = released(state, load(args.model) if args.model else None)
    licence = {"licence": args.licence} if args.licence else {}
    gan = replace(gan, facts={**gan.facts, **licence, **dict(args.fact)})
    save(gan, args.to, half=args.half)
    print(f"{args.to}: {args.to.stat().st_size / 1e6:.1f} MB, {state['done']} steps of `train {state['kind']}`")
