"""`neural-collage convert`: the authors' files, or any others that load, to one .safetensors of our own."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from ..gan import Gan
from .loading import load
from .native import save

__all__ = ["convert", "read_class_names"]


def convert(options: argparse.Namespace) -> None:
    """Load what the options name, give it its class names and facts, and save it.

    Raises:
        CheckpointError: files that cannot be loaded together, or a place that cannot be written.
        InputError: an output that is no .safetensors, or a list of names that does not fit.
    """
    output = Path(options.output)
    if output.suffix != ".safetensors":
        raise InputError(f"The output must be named *.safetensors, which ComfyUI lists; got {output}.")
    parts = {part: getattr(options, part) for part in ("discriminator", "encoder", "auxiliary")}
    gan = load(options.generator, **parts)
    if options.class_names is not None:
        gan = replace(gan, class_names=read_class_names(options.class_names, gan.n_classes))
    given = {"licence": options.licence, "provenance": options.provenance}
    gan = replace(gan, facts={**gan.facts, **{name: text for name, text in given.items() if text is not None}})
    save(gan, output, half=options.half)
    print(f"{output}: {_summary(gan)}")


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
