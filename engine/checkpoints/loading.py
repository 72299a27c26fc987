"""load and peek: any weights file, or several, to one Gan.

file -> contents (`contents.py`) -> its format (`formats.py`) -> outline and canonical names (one layout a file)
     -> networks, strictly (`parts.py`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import CheckpointError, InputError
from ..gan import Gan
from ..networks.absent import AbsentGenerator
from .contents import Contents, as_path, open_contents
from .folders import files_in
from .formats import States, detect
from .outline import PARTS, Outline, check_fit
from .parts import build

__all__ = ["load", "peek"]

Source = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class _File:
    """A weights file that has been read."""

    contents: Contents
    outline: Outline
    states: States


def peek(path: Source) -> Outline:
    """What a weights file holds (parts, sizes, class names, facts), from its header alone: milliseconds, no weights.

    Of a folder, what the file of its generator holds, or of its discriminator where that is alone.

    Raises:
        CheckpointError: a file that is damaged or holds no known network.
    """
    contents = open_contents(next(iter(files_in(path).values())) if as_path(path).is_dir() else path)
    return detect(contents).describe(contents)


def load(
    path: Source | None = None,
    *,
    generator: Source | None = None,
    discriminator: Source | None = None,
    encoder: Source | None = None,
    auxiliary: Source | None = None,
    perception: Source | None = None,
) -> Gan:
    """Load a model from one file that holds all, from a file for each part, or from both (single parts then win).

    What a file is, is told by its content. Weights are copied, frozen, in evaluation mode, on the CPU, in float32, and
    can be differentiated through even when loaded under `torch.inference_mode()`.

    Args:
        path: a file with a generator and whatever else it has; or a folder with the files of `FOLDER` (`folders.py`).
        generator: a file that has a generator, in place of `path`.
        discriminator: a file that has a discriminator. It may come alone: then it measures pictures and nothing draws.
            This one and the others may be folders, too, of which the part's file is taken.
        encoder: a file that has an encoder.
        auxiliary: a file that has the auxiliary pair A, B. The authors' files of it also hold the generator, which must
            be the model's own, and which is taken where no other is given.
        perception: torchvision's VGG16 (vgg16-397923af.pth), to measure with where there is no discriminator.

    Raises:
        InputError: no file, or both `path` and `generator`.
        CheckpointError: a file that cannot be read, holds another part, or does not belong to the others.
    """
    named = {"generator": generator, "discriminator": discriminator, "encoder": encoder, "auxiliary": auxiliary}
    named |= {"perception": perception}
    given = {part: _within(part, file) for part, file in named.items() if file is not None}
    if path is None and not given:
        raise InputError("A model needs a file; none was given. Name one that holds a generator.")
    if path is not None and generator is not None:
        raise InputError(f"A model has one generator; got two files, {path} and {generator}. Give one of them.")
    if path is not None and os.path.isdir(path):
        path, given = None, {**files_in(path), **given}
    with torch.inference_mode(False), torch.no_grad():
        files = _read_all(path, given)
        if "generator" in files:
            check_fit({part: file.outline.configs[part] for part, file in files.items()})
        return _assemble(files)


def _within(part: str, source: Source) -> Source:
    """A part's file, which may be given by the folder that it lies in."""
    if not as_path(source).is_dir():
        return source
    found = files_in(source)
    if part not in found:
        raise CheckpointError(
            f"The folder for the {part} must hold its file; of {source} are known "
            f"{' and '.join(f'{path.name} ({other})' for other, path in found.items())}. Give the file itself."
        )
    return found[part]


def _read_all(path: Source | None, given: Mapping[str, Source]) -> dict[str, _File]:
    """For each part, the file it is taken from."""
    files: dict[str, _File] = {}
    if path is not None:
        whole = _read(path)
        files = dict.fromkeys(whole.outline.parts, whole)
    for part, source in given.items():
        file = _read(source)
        if part not in file.outline.parts:
            raise CheckpointError(
                f"The file for the {part} must hold one; {file.contents.path.name} holds "
                f"{' and '.join(f'the {other}' for other in file.outline.parts)}. Swap the files."
            )
        if part == "auxiliary" and "generator" in file.outline.parts:
            _same_generator(files.setdefault("generator", file), file)
        files[part] = file
    if "generator" not in files and (path is not None or set(given) != {"discriminator"}):
        names = ", ".join(f"{file.contents.path.name} ({part})" for part, file in files.items())
        alone = ", or load it by `discriminator=`: then it measures, and nothing draws" * (
            [*files] == ["discriminator"]
        )
        raise CheckpointError(f"A model needs a generator; only {names} arrived. Add the generator's file{alone}.")
    return files


def _read(source: Source) -> _File:
    contents = open_contents(source)
    known = detect(contents)
    return _File(contents, known.describe(contents), known.reader.states(contents))


def _same_generator(one: _File, other: _File) -> None:
    """The generator beside A and B must be the model's own, for they were trained through it."""
    first, second = one.states["generator"], other.states["generator"]
    differing = [
        name
        for name in first.keys() | second.keys()
        if name not in first or name not in second or not torch.equal(first[name], second[name])
    ]
    if differing:
        raise CheckpointError(
            f"An auxiliary pair belongs to the generator it was trained with; the one in {other.contents.path.name} "
            f"differs from {one.contents.path.name} in {len(differing)} weights, {min(differing)} for one. "
            "Use the two files of one model."
        )


def _assemble(files: Mapping[str, _File]) -> Gan:
    networks: dict[str, Any] = {
        part: build(
            files[part].outline.configs[part],
            files[part].states[part],
            f"the {part} of {files[part].contents.path.name}",
        )
        for part in PARTS
        if part in files
    }
    if "generator" not in networks:
        config = files["discriminator"].outline.configs["discriminator"]
        networks["generator"] = AbsentGenerator(config.resolution, config.n_classes).eval()
    main = files["generator" if "generator" in files else "discriminator"].outline
    origins = dict.fromkeys(file.outline.facts.get("provenance", "") for file in files.values())
    facts = {"family": main.family, **main.facts, "provenance": "; ".join(filter(None, origins))}
    return Gan(**networks, class_names=main.class_names, facts={name: text for name, text in facts.items() if text})
