"""The sheets of a model's card: all of them by one command, and compact enough to be kept beside the code.

python benchmarks/starter.py MODEL --data ZIP classes | mix | pixels
python benchmarks/starter.py MODEL --data ZIP sheets --card docs --samples models/fruits-64.jpg
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import collages
import comparisons
from PIL import Image
from study import Study

PAIRS = 2
"""Class pairs on the sheets: with three masks or four layers each, more rows are not readable on a card."""
SHEETS = {
    "samples": lambda study, args: collages.samples(study),
    "labels": lambda study, args: collages.labels(study, PAIRS),
    "layers": lambda study, args: collages.layers(study, PAIRS),
    "classes": lambda study, args: comparisons.classes(study, args.photo, args.steps),
    "mix": lambda study, args: comparisons.mix(study),
    "pixels": lambda study, args: comparisons.pixels(study, PAIRS),
}
"""What draws each, in the order of the card."""
FILES = {
    "samples": "samples",
    "labels": "strengths",
    "label_layers": "label_layers",
    "feature_layers": "feature_layers",
    "classes_card": "classes",
    "mix": "mix",
    "pixels": "pixels",
}
"""The card's pictures by the sheets that they are made of. None shows a photograph."""
LIMIT, QUALITIES = 250_000, range(90, 49, -5)
"""Bytes of the largest file, and the qualities that are tried for it."""


def sheets(study: Study, args: argparse.Namespace) -> None:
    """Draw all sheets; with `--card`, keep those of the card as JPEG there."""
    for draw in SHEETS.values():
        draw(study, args)
    if args.card:
        for sheet, name in FILES.items():
            path = args.samples if args.samples and sheet == "samples" else args.card / f"{name}.jpg"
            print(f"card: {compact(study.out / f'{sheet}.png', path)}", flush=True)


def compact(sheet: Path, path: Path) -> Path:
    """A sheet as JPEG of at most LIMIT bytes, in the best quality that fits: the file is whole or absent.

    Raises:
        ValueError: a sheet that is too large in every quality.
    """
    with Image.open(sheet) as opened:
        picture = opened.convert("RGB")
    for quality in QUALITIES:
        picture.save(data := BytesIO(), format="JPEG", quality=quality, optimize=True, progressive=True)
        if data.tell() <= LIMIT:
            break
    else:
        raise ValueError(f"{sheet} is larger than {LIMIT} bytes as JPEG of quality {QUALITIES[-1]}. Draw fewer rows.")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(data.getvalue())
    os.replace(partial, path)
    return path


COMMANDS: dict[str, Callable[[Study, argparse.Namespace], None]] = {
    "classes": SHEETS["classes"],
    "mix": lambda study, args: comparisons.mix(study, args.pairs),
    "pixels": lambda study, args: comparisons.pixels(study, args.pairs),
    "sheets": sheets,
}
"""What each runs."""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command line of each."""
    for name, pairs, text in (("mix", 4, "mix against feature collage"), ("pixels", 2, "collages against pixels")):
        commands.add_parser(name, help=text).add_argument("--pairs", type=int, default=pairs, help="class pairs")
    every = commands.add_parser("sheets", help="all sheets of the model's card")
    every.add_argument(
        "--card", type=Path, metavar="DIR", help="where they are kept as JPEG; classes without the photo"
    )
    every.add_argument("--samples", type=Path, metavar="FILE", help="where that of the samples is kept instead")
    for command in (every, commands.add_parser("classes", help="a photograph under every class")):
        command.add_argument("--photo", type=int, default=0, help="which of those kept out of training")
        command.add_argument("--steps", type=int, default=200, help="of its projection")
