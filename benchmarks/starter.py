"""Studies of a trained model, by one command each: sheets to look at, figures as Markdown and CSV.

    python benchmarks/starter.py MODEL --data ZIP samples
    python benchmarks/starter.py MODEL --data ZIP labels | layers
    python benchmarks/starter.py MODEL --data ZIP figures --before EARLIER_MODEL
    python benchmarks/starter.py MODEL --data ZIP classifier | descent
    python benchmarks/starter.py MODEL --data ZIP classes | mix | pixels
    python benchmarks/starter.py MODEL --data ZIP sheets --card docs --samples models/fruits-64.jpg
    python benchmarks/starter.py MODEL --data ZIP project --photos FOLDER
    python benchmarks/starter.py MODEL --data ZIP photos --photos FOLDER

ZIP is the set that the model was trained on; whatever is measured on photographs is measured on those kept out of
training. Without the options, both are looked for in the folder that NEURAL_COLLAGE_DATA names.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cards
import collages
import edits
import figures
import torch
from neural_collage import engine as nc
from study import Study

COMMANDS: dict[str, Callable[[Study, argparse.Namespace], bool | None]] = {
    "samples": lambda study, args: collages.samples(study, args.count),
    "labels": lambda study, args: collages.labels(study, args.pairs),
    "layers": lambda study, args: collages.layers(study, args.pairs),
    **cards.COMMANDS,
    **figures.COMMANDS,
    "project": lambda study, args: edits.project(study, args.photos, _descent(args)),
    "photos": lambda study, args: edits.photos(
        study, args.photos, _descent(args), edits.Manner(args.layers, args.mode)
    ),
}
"""What each runs; False where it found a demand unmet."""


def _descent(args: argparse.Namespace) -> edits.Descent:
    return edits.Descent(args.steps, args.space, args.start, args.auto)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = os.environ.get("NEURAL_COLLAGE_DATA")
    parser.add_argument("model", type=Path, help="a .safetensors file with all parts")
    parser.add_argument(
        "--data",
        type=Path,
        default=folder and Path(folder, "fruits28-64.zip"),
        required=not folder,
        help="training set",
    )
    parser.add_argument("--out", type=Path, default=Path("output/starter"), help="where sheets and figures go")
    parser.add_argument("--hold-out", type=int, default=10, help="every n-th picture was kept out of training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="CPU threads")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("samples", help="samples of each class").add_argument("--count", type=int, default=8)
    for name in ("labels", "layers"):
        text = {"labels": "label collages: masks and strengths", "layers": "layers of both kinds of collage"}[name]
        commands.add_parser(name, help=text).add_argument("--pairs", type=int, default=4, help="class pairs")
    cards.add_commands(commands)
    figures.add_commands(commands)
    _add_photos(commands.add_parser("project", help="six projected photographs"), folder)
    editing = commands.add_parser("photos", help="six photographs edited end to end")
    _add_photos(editing, folder)
    editing.add_argument("--mode", choices=nc.STITCH_MODES, default="paste", help="how the edit is stitched back")
    editing.add_argument("--layers", default="all", help="layers of the label collage")
    return parser


def _add_photos(parser: argparse.ArgumentParser, folder: str | None) -> None:
    photos = folder and Path(folder, "photos")
    parser.add_argument("--photos", type=Path, default=photos, required=not folder, help="folder of the photographs")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--space", choices=["auto", *nc.RATES], default="auto")
    parser.add_argument("--start", choices=("encoder", "seeds", "zeros"), default="encoder")
    parser.add_argument("--auto", action="store_true", help="let projection find the class")


def main(argv: list[str] | None = None) -> int:
    """Run one study; returns the process's exit status, 1 where a demand is unmet, 2 where the input is bad."""
    args = arguments().parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    started = time.monotonic()
    try:
        study = Study(nc.load(args.model), args.data, args.out, args.hold_out, args.seed)
        met = COMMANDS[args.command](study, args)
    except nc.NeuralCollageError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{args.command}: {time.monotonic() - started:.0f} s")
    return 1 if met is False else 0


if __name__ == "__main__":
    sys.exit(main())
