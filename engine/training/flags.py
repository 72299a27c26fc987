"""The flags of `neural-collage train`. Every field of a settings class is a flag of the same name."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import torch

from .presets import PRESETS
from .settings import AuxiliarySettings, EncoderSettings, GanSettings, RunSettings

__all__ = ["given_settings", "parser"]


def parser() -> argparse.ArgumentParser:
    """The parser of everything after `neural-collage train`."""
    top = argparse.ArgumentParser(prog="neural-collage train", description="Train a model, or a part of one.")
    kinds = top.add_subparsers(dest="kind", required=True)
    gan = _run_parser(kinds.add_parser("gan", help="a generator and its discriminator"), GanSettings)
    gan.add_argument("--preset", choices=list(PRESETS), default="small-64", help="named settings (%(default)s)")
    gan.add_argument("--from", dest="model", type=Path, metavar="FILE", help="start from a released model")
    encoder = _run_parser(kinds.add_parser("encoder", help="the start of projection"), EncoderSettings)
    auxiliary = _run_parser(
        kinds.add_parser("auxiliary", help="the pair A, B for projection on zeta"), AuxiliarySettings
    )
    for part in (encoder, auxiliary):
        part.add_argument("--model", type=Path, required=True, metavar="FILE", help="the model that gets the part")
    _release_arguments(kinds.add_parser("release", help="write the model that a run's snapshot holds"))
    return top


def given_settings(args: argparse.Namespace, settings: type[RunSettings]) -> dict[str, Any]:
    """The fields of a settings class that were given as flags."""
    return {field.name: vars(args)[field.name] for field in fields(settings) if vars(args)[field.name] is not None}


def _run_parser(parser: argparse.ArgumentParser, settings: type[RunSettings]) -> argparse.ArgumentParser:
    cuda = torch.cuda.is_available()
    parser.add_argument("data", type=Path, help="zip or folder of class folders with JPEG or PNG files")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the run; goes on where it stopped")
    parser.add_argument("--classes", type=_names, metavar="A,B,...", help="the classes to take (all)")
    parser.add_argument(
        "--hold-out", type=int, default=10, metavar="N", help="hold out each N-th picture; 0: none (10)"
    )
    parser.add_argument(
        "--device", type=_device, default="cuda" if cuda else "cpu", help="cpu, cuda, cuda:1, ... (%(default)s)"
    )
    parser.add_argument("--threads", type=_count, metavar="N", help="CPU threads (one a core)")
    parser.add_argument("--snapshot-every", type=float, default=180.0, metavar="S", help="seconds (%(default)s)")
    kinds = get_type_hints(settings)
    for field in fields(settings):
        flag, default = (
            "--" + field.name.replace("_", "-"),
            field.default if settings is not GanSettings else "preset's",
        )
        parser.add_argument(flag, type=READERS[kinds[field.name]], metavar="X", help=f"({default})")
    return parser


def _release_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="folder of the run; it may still be running")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE", help="the .safetensors to write")
    parser.add_argument("--model", type=Path, metavar="FILE", help="the model that the run's part belongs to")
    parser.add_argument("--half", action="store_true", help="16-bit weights: half the size")
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


def _yes_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise argparse.ArgumentTypeError(f"yes or no; got {text!r}")
    return text == "yes"


def _widths(text: str) -> tuple[int, ...]:
    return tuple(int(width) for width in text.split(","))


READERS: dict[Any, Callable[[str], Any]] = {
    int: int,
    float: float,
    str: str,
    bool: _yes_no,
    tuple[int, ...]: _widths,
}
"""How the text of a flag becomes a field of this type."""
