"""The flags of `neural-collage train`: those of the settings come from the settings' own fields."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_type_hints

import torch

from .presets import PRESETS
from .settings import AuxiliarySettings, EncoderSettings, GanSettings, RunSettings

__all__ = ["given_settings", "parser"]

PREFIXES = {"encoder": EncoderSettings, "auxiliary": AuxiliarySettings}
"""What follows the GAN's training in `train all`; the names of its flags begin so there."""


def parser() -> argparse.ArgumentParser:
    """The parser of everything after `neural-collage train`."""
    top = argparse.ArgumentParser(prog="neural-collage train", description="Train a model, or a part of one.")
    kinds = top.add_subparsers(dest="kind", required=True)
    whole = _gan_parser(_add(kinds, "all", "all parts, one after the other, to one finished model"))
    for prefix, settings in PREFIXES.items():
        _add_settings(whole.add_argument_group(f"training of the {prefix}"), settings, f"{prefix}-")
    _release_notes(whole)
    gan = _gan_parser(_add(kinds, "gan", "a generator and its discriminator"))
    gan.add_argument("--from", dest="model", type=Path, metavar="FILE", help="start from a released model")
    for kind, told in (("encoder", "the start of projection"), ("auxiliary", "the pair A, B for projection on zeta")):
        part = _run_parser(_add(kinds, kind, told))
        part.add_argument("--model", type=Path, required=True, metavar="FILE", help="the model that gets the part")
        _add_settings(part.add_argument_group("settings"), PREFIXES[kind])
    _release_arguments(_add(kinds, "release", "write the model that a run's snapshot holds"))
    return top


def _add(kinds: Any, kind: str, told: str) -> argparse.ArgumentParser:
    what = "RUN --to FILE" if kind == "release" else "DATA --out DIR"
    return kinds.add_parser(kind, help=told, usage=f"neural-collage train {kind} {what} [--FLAG VALUE ...]")


def given_settings(args: argparse.Namespace, settings: type[RunSettings], prefix: str = "") -> dict[str, Any]:
    """The fields of a settings class that were given as flags, whose names begin with a prefix."""
    given = {field.name: vars(args)[prefix + field.name] for field in fields(settings)}
    return {name: value for name, value in given.items() if value is not None}


def _gan_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    _run_parser(parser)
    listed = "; ".join(f"{name}: {preset.told}" for name, preset in PRESETS.items())
    parser.add_argument("--preset", choices=list(PRESETS), default="small-64", help=f"(%(default)s) {listed}")
    parser.add_argument(
        "--metrics-every", type=int, metavar="N", help="steps between measures; 0: none (gan: 0; all: ten in all)"
    )
    parser.add_argument(
        "--inception",
        type=Path,
        metavar="FILE",
        help="pt_inception-2015-12-05-6726825d.pth: measure a Frechet distance in its features, too (an extra; one or "
        "two minutes each time on a CPU); of 512 samples: fewer make it larger, so compare it with its own kind only",
    )
    parser.add_argument(
        "--patience",
        type=_count_or_none,
        default=3,
        metavar="N",
        help="bad measures to stop at (%(default)s); 0: never",
    )
    _add_settings(parser.add_argument_group("training of generator and discriminator"), GanSettings)
    return parser


def _run_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    cuda = torch.cuda.is_available()
    add = parser.add_argument
    add("data", type=Path, help="zip or folder of class folders with JPEG or PNG files, or a CSV: file,class")
    add(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="the run; goes on where it stopped. Where several machines train, a folder that all of them share",
    )
    add("--classes", type=_names, metavar="A,B,...", help="the classes to take (all)")
    add("--hold-out", type=int, metavar="N", help="hold out each N-th picture; 0: none (as the run or model; 10)")
    add("--device", type=_device, default="cuda" if cuda else "cpu", help="cpu, cuda, cuda:1, ... (%(default)s)")
    add("--threads", type=_count, metavar="N", help="CPU threads (one a core)")
    add("--workers", type=_count_or_none, metavar="N", help="processes that decode pictures; 0: none beside this one")
    add("--snapshot-every", type=float, default=180.0, metavar="S", help="seconds (%(default)s)")
    add("--tensorboard", action="store_true", help="write all numbers for TensorBoard, too (an extra)")
    add("--dry-run", action="store_true", help="say what would happen, its memory and its time; train nothing")
    return parser


def _add_settings(group: Any, settings: type[RunSettings], prefix: str = "") -> None:
    kinds = get_type_hints(settings)
    for field in fields(settings):
        preset = settings is GanSettings or prefix or field.default is MISSING
        default = "preset's" if preset else _text(field.default)
        paper = "" if field.metadata["paper"] is None else f"; paper: {_text(field.metadata['paper'])}"
        group.add_argument(
            "--" + prefix + field.name.replace("_", "-"),
            dest=prefix.replace("-", "_") + field.name,
            type=READERS[kinds[field.name]],
            metavar="X",
            help=f"{field.metadata['help']} ({default}{paper})".replace("%", "%%"),
        )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(f"{entry:g}" for entry in value) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _release_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run; it may still be running")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE", help="the .safetensors to write")
    parser.add_argument("--model", type=Path, metavar="FILE", help="the model that the run's part belongs to")
    parser.add_argument("--best", action="store_true", help="the snapshot with the best measures, not the last")
    _release_notes(parser)


def _release_notes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--half", action="store_true", help="16-bit weights: half the size")
    parser.add_argument("--licence", metavar="TEXT", help="licence of the weights, for the header and the card")
    parser.add_argument(
        "--fact", type=_fact, action="append", default=[], metavar="NAME=TEXT", help="for the header; repeatable"
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _fact(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise argparse.ArgumentTypeError(f"a fact is NAME=TEXT; got {text!r}")
    return name, value


def _device(text: str) -> str:
    try:
        torch.device(text)
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"a device is cpu, cuda, cuda:1, ...; got {text!r}") from error
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on; got {text!r}")
    return int(text)


def _count_or_none(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a whole number, 0 for none; got {text!r}")
    return int(text)


def _yes_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise argparse.ArgumentTypeError(f"yes or no; got {text!r}")
    return text == "yes"


def _widths(text: str) -> tuple[int, ...]:
    return tuple(int(width) for width in text.split(","))


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in text.split(","))


READERS: dict[Any, Callable[[str], Any]] = {
    int: int,
    float: float,
    str: str,
    bool: _yes_no,
    tuple[int, ...]: _widths,
    tuple[float, ...]: _numbers,
}
"""How the text of a flag becomes a field of this type."""
