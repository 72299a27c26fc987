"""`neural-collage convert`: the authors' files, or any others that load, to one .safetensors of our own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..class_names import CLASS_LISTS, class_list
from ..errors import InputError
from ..gan import Gan
from ..networks.affine_norm import INTERPOLATIONS
from ..standing import choose_statistics, settle
from .loading import load
from .native import save

__all__ = ["main", "read_class_names"]


def main(arguments: Sequence[str]) -> None:
    """Load what the arguments name, give it its class names and facts, and save it.

    Raises:
        CheckpointError: files that cannot be loaded together, or a place that cannot be written.
        InputError: an output that is no .safetensors, or a list of names that does not fit.
    """
    options = _parser().parse_args(arguments)
    output = Path(options.output)
    if output.suffix != ".safetensors":
        raise InputError(f"The output must be named *.safetensors, which ComfyUI lists; got {output}.")
    parts = {part: getattr(options, part) for part in ("discriminator", "encoder", "auxiliary")}
    gan = load(options.generator, **parts)
    if options.class_names is not None:
        gan = replace(gan, class_names=_class_names(options.class_names, gan.n_classes))
    if options.truncation is not None:
        gan = settle(gan, truncation=options.truncation)
    if options.statistics is not None:
        gan = choose_statistics(gan, options.statistics)
    given = {"licence": options.licence, "provenance": options.provenance}
    gan = replace(gan, facts={**gan.facts, **{name: text for name, text in given.items() if text is not None}})
    save(gan, output, half=options.half)
    print(f"{output}: {_summary(gan)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="neural-collage convert", description=__doc__)
    parser.add_argument("generator", help="the generator's file; it may hold other parts as well")
    for part in ("discriminator", "encoder", "auxiliary"):
        parser.add_argument(f"--{part}", metavar="FILE", help=f"take the {part} from this file")
    lists = ", ".join(CLASS_LISTS)
    names = f"{lists}, or a text file: the name of each class, one a line"
    parser.add_argument("--class-names", metavar="NAMES", help=names)
    parser.add_argument("--licence", metavar="TEXT", help="under what terms the weights may be used")
    parser.add_argument("--provenance", metavar="TEXT", help="where the weights come from")
    settled = "measure the batch statistics anew, on pictures of latents of this truncation"
    parser.add_argument("--truncation", type=float, metavar="T", help=settled)
    between = "statistics between two truncations (Hugging Face's BigGAN-deep): linear, or as its own package has them"
    parser.add_argument("--statistics", choices=INTERPOLATIONS, help=between)
    parser.add_argument("--half", action="store_true", help="store matrices as 16-bit floats: half the size")
    parser.add_argument("--output", metavar="FILE", required=True, help="the .safetensors file to write")
    return parser


def _class_names(source: str, count: int) -> tuple[str, ...]:
    """The names of a known list, or of a file."""
    if source not in CLASS_LISTS:
        return read_class_names(source, count)
    names = class_list(source)
    if len(names) != count:
        raise InputError(
            f"There must be one name for each of the {count} classes; {source} has {len(names)}. "
            "Choose another list, or a file."
        )
    return names


def read_class_names(path: str | Path, count: int) -> tuple[str, ...]:
    """The lines of a UTF-8 text file, one name for each of `count` classes in their order.

    Raises:
        InputError: no such text file, empty lines, or another number of names.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Class names are read from a UTF-8 text file, one a line; {path}: {error}.") from error
    names = tuple(line.strip() for line in text.rstrip().splitlines())
    if len(names) != count or not all(names):
        raise InputError(
            f"There must be one name, on a line of its own, for each of the {count} classes; {path} has {len(names)} "
            f"lines, {sum(not name for name in names)} of them empty. Correct the list."
        )
    return names


def _summary(gan: Gan) -> str:
    parts = [part for part in ("generator", "discriminator", "encoder", "auxiliary") if getattr(gan, part) is not None]
    return f"{', '.join(parts)}; {gan.resolution} px, {gan.n_classes} classes"
