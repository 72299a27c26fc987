"""The commands that measure: `classifier`, `descent`, and `figures`: both, beside an earlier model's where asked.

    python benchmarks/starter.py MODEL --data ZIP figures --before EARLIER_MODEL

Both models are measured by the same judge on the same photographs, so they must have the same classes and size.
Descents are kept in the folder of `--out`, so a stopped run goes on where it was, and what was measured once is read.
On more cores than one, let `descent --spaces z` and `descent --spaces zeta` run at the same time, and `figures` after.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import descent
import quality
from neural_collage import engine as nc
from study import Study


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Their command lines."""
    commands.add_parser("classifier", help="accuracy, spread and Fréchet distance of samples beside photographs")
    _add_plan(commands.add_parser("descent", help="eq. 4 and PSNR by space, start, rate and steps"))
    everything = commands.add_parser("figures", help="classifier and descent, beside an earlier model's")
    _add_plan(everything)
    everything.add_argument("--before", type=Path, help="an earlier model of the same classes")


def _add_plan(parser: argparse.ArgumentParser) -> None:
    plan = descent.Plan()
    parser.add_argument("--count", type=int, default=plan.count, help="photographs measured")
    parser.add_argument("--tuning", type=int, default=plan.tuning, help="other photographs, for the rates")
    parser.add_argument("--steps", type=int, nargs="+", default=list(plan.steps), help="the steps reported")
    parser.add_argument("--spaces", nargs="+", choices=plan.spaces, default=list(plan.spaces))


def _plan(args: argparse.Namespace) -> descent.Plan:
    return descent.Plan(args.count, args.tuning, tuple(sorted({0, *args.steps})), tuple(args.spaces))


def figures(study: Study, plan: descent.Plan, before: nc.Gan | None = None) -> bool:
    """Write everything measured of a model, and of an earlier one beside it; whether the model's samples suffice.

    Raises:
        InputError: the models have not the same classes in the same order, or not the same size.
    """
    if before:
        _check_same(study.gan, before)
    judged, found = quality.measure(study), descent.measure(study, plan)
    tables = (*judged.tables, *found.tables)
    descent.draw_all(study, found)
    if before:
        earlier = replace(study, gan=before)
        descents = descent.measure(earlier, plan)
        descent.draw_all(earlier, descents, "_before")
        others = (*quality.measure(earlier).tables, *descents.tables)
        tables = tuple(now.beside(then) for now, then in zip(tables, others, strict=True))
    for table in tables:
        study.write(table)
    return judged.enough


def _check_same(now: nc.Gan, before: nc.Gan) -> None:
    """Figures stand beside one another only where photographs and judge are the same."""
    for what, ours, theirs in (
        ("classes, in the same order", now.class_names, before.class_names),
        ("size", now.resolution, before.resolution),
    ):
        if ours != theirs:
            raise nc.InputError(
                f"Both models must have the same {what}; this one has {ours}, the earlier one {theirs}. Give an "
                "earlier model of the same kind, or leave --before out."
            )


COMMANDS: dict[str, Callable[[Study, argparse.Namespace], bool | None]] = {
    "classifier": lambda study, args: quality.classifier(study),
    "descent": lambda study, args: descent.descent(study, _plan(args)),
    "figures": lambda study, args: figures(study, _plan(args), nc.load(args.before) if args.before else None),
}
