"""Our own files: one .safetensors with every part under canonical names, and a header that says what it is.

Names are `<part>.<name in the network>`, such as `generator.layers.0.conv1.weight`. The header's text fields are

    format       "neural-collage"
    version      "1"
    family       "sngan"
    parts        JSON: part -> its configuration
    class_names  JSON: list, empty where there are none
    others       the model's facts, one field each: licence, provenance, ...

Raw weights and their spectral-norm vectors u are kept, so that training can go on from a file.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from ..errors import CheckpointError, InputError
from ..gan import Gan
from ..networks.absent import AbsentGenerator
from ..ranges import expect
from .contents import Contents, as_path, some
from .outline import FAMILIES, SAVED, Config, Outline, check_fit
from .parts import family_of, weights

__all__ = ["outline", "save", "states"]

FORMAT, VERSION = "neural-collage", "1"
OWN_FIELDS = ("format", "version", "family", "parts", "class_names")
LARGEST = 2**20
"""No size in a configuration is larger; it keeps nonsense from being allocated."""
MOST = 64
"""No list in a configuration is longer, and no word."""


def outline(contents: Contents) -> Outline:
    """What the header says.

    Raises:
        CheckpointError: not one of our files, another version, or a header that is incomplete or wrong.
    """
    header = _Header(contents)
    if "format" not in header.fields:
        raise CheckpointError(
            f"A .safetensors file must be one that Neural Collage has written; {contents.path.name} is another "
            f"program's, of tensors such as {some(list(contents.shapes), 3) or 'none'}. Give the GAN's own file."
        )
    if header.text("format") != FORMAT:
        raise header.error(f'its format is {header.text("format")!r} and not "{FORMAT}"')
    if header.text("version") != VERSION:
        raise CheckpointError(
            f"Files of version {VERSION} can be read; {contents.path.name} has version {header.text('version')!r}. "
            "Update Neural Collage."
        )
    family = header.text("family")
    if family not in FAMILIES:
        raise header.error(f"its family is {family!r}; known are {', '.join(FAMILIES)}")
    configs = {part: header.config(family, part, values) for part, values in header.json("parts", dict).items()}
    class_names = tuple(header.json("class_names", list))
    if not all(isinstance(name, str) for name in class_names):
        raise header.error("class_names must be a list of texts")
    check_fit(configs)
    if class_names and len(class_names) != configs["generator"].n_classes:  # type: ignore[union-attr]
        raise header.error(f"{len(class_names)} class names do not fit the generator's classes")
    facts = {name: text for name, text in contents.metadata.items() if name not in OWN_FIELDS}
    return Outline(family, configs, class_names, facts)


def states(contents: Contents) -> dict[str, dict[str, Tensor]]:
    """For each part in the file, its weights under canonical names.

    Raises:
        CheckpointError: tensors of a part that the header does not know.
    """
    parts = outline(contents).parts
    if unknown := {name for name in contents.shapes if name.partition(".")[0] not in parts}:
        raise _Header(contents).error(f"its parts are {', '.join(parts)}, but it also holds {some(unknown)}")
    found: dict[str, dict[str, Tensor]] = {part: {} for part in parts}
    for name, tensor in contents.tensors(set(contents.shapes)).items():
        part, _, canonical = name.partition(".")
        found[part][canonical] = tensor
    return found


def save(gan: Gan, path: str | os.PathLike[str], *, half: bool = False) -> None:
    """Write all parts of a model into one file; an existing file is replaced only once the new one is whole.

    Args:
        gan: the model; its class names and facts go into the header.
        path: where to; the folder must exist.
        half: store matrices and kernels as 16-bit floats (half the size; they are read back as 32-bit ones).

    Raises:
        InputError: no model, or no path.
        CheckpointError: no generator, a network of no known family, weights that are not finite, parts that do not fit,
            facts under a reserved name, or a place that cannot be written.
    """
    path = as_path(path)
    expect(gan, Gan, "What is saved")
    if isinstance(gan.generator, AbsentGenerator):
        raise CheckpointError(
            "A model without a generator is not saved: this one is a discriminator alone. Load it together with its "
            "generator (`load(generator=..., discriminator=...)`), and save both."
        )
    modules = {part: getattr(gan, part) for part in SAVED if getattr(gan, part) is not None}
    # A network that has no configuration stands for itself here, and is refused by name below.
    configs: dict[str, Config] = {part: getattr(module, "config", module) for part, module in modules.items()}
    check_fit(configs)
    tensors = {
        f"{part}.{name}": _stored(f"{part}.{name}", tensor, half)
        for part, module in modules.items()
        for name, tensor in weights(module).items()
    }
    _write(tensors, _metadata(configs, gan), path)


def _metadata(configs: Mapping[str, Config], gan: Gan) -> dict[str, str]:
    facts = {
        name: text for name, text in gan.facts.items() if name != "family"
    }  # the family is the network's, not a claim
    if wrong := [name for name, text in facts.items() if name in OWN_FIELDS or not isinstance(text, str)]:
        raise CheckpointError(
            f"Facts must be texts under names other than {', '.join(OWN_FIELDS)}; these are not: {some(wrong)}. "
            "Rename them."
        )
    own = {"format": FORMAT, "version": VERSION, "family": family_of(configs["generator"])}
    parts = {part: asdict(config) for part, config in configs.items()}
    return {**own, "parts": json.dumps(parts), "class_names": json.dumps(gan.class_names, ensure_ascii=False), **facts}


def _stored(name: str, tensor: Tensor, half: bool) -> Tensor:
    """A tensor as it is written. Vectors (biases, statistics, step sizes) range widely and are small: kept whole."""
    if not torch.isfinite(tensor).all():
        raise CheckpointError(
            f"Weights must be finite to be saved; {name} holds NaN or infinity. Did the training diverge?"
        )
    tensor = tensor.detach().float().cpu().clone(memory_format=torch.contiguous_format)
    fits = tensor.dim() >= 2 and tensor.abs().max() <= torch.finfo(torch.float16).max
    return tensor.half() if half and fits else tensor


def _write(tensors: dict[str, Tensor], metadata: dict[str, str], path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.touch()
        permissions = temporary.stat().st_mode  # those of any new file; safetensors lets only the owner read its own
        save_file(tensors, temporary, metadata=metadata)
        temporary.chmod(permissions)
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"The model must be saved in an existing, writable folder; {path}: {error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


class _Header:
    """The text fields of one of our files, checked as they are read."""

    def __init__(self, contents: Contents) -> None:
        self.fields, self.path = contents.metadata, contents.path

    def error(self, what: str) -> CheckpointError:
        return CheckpointError(
            f"A .safetensors file written by Neural Collage is needed; in {self.path.name}, {what}. "
            "Convert the original model again (`neural-collage convert`)."
        )

    def text(self, name: str) -> str:
        if name not in self.fields:
            raise self.error(f"the header lacks the field {name!r}")
        return self.fields[name]

    def json(self, name: str, kind: type) -> Any:
        try:
            value = json.loads(self.text(name))
        except (ValueError, RecursionError) as error:  # a number of thousands of digits is the former
            raise self.error(f"the field {name!r} is not JSON ({error})") from error
        if not isinstance(value, kind):
            raise self.error(f"the field {name!r} must be a JSON {kind.__name__}, and is a {type(value).__name__}")
        return value

    def config(self, family: str, part: str, values: Any) -> Config:
        """A part's configuration, its fields of the declared types and within reason."""
        if part not in FAMILIES[family]:
            raise self.error(f"{part!r} is no part of a model; known are {', '.join(FAMILIES[family])}")
        kind = FAMILIES[family][part][0]
        types = get_type_hints(kind)
        wanted = {entry.name for entry in fields(kind)}
        if not isinstance(values, dict) or values.keys() != wanted:
            raise self.error(f"the {part}'s configuration must have exactly {some(wanted)}; it is {_short(values)}")
        for name, value in values.items():
            if not _is(value, types[name]):
                raise self.error(f"{name} of the {part} must be a size or word ({types[name]}); it is {_short(value)}")
        try:
            return kind(**values)
        except InputError as error:
            raise self.error(f"the {part}'s configuration is impossible: {error}") from error


def _is(value: Any, kind: Any) -> bool:
    """Whether a JSON value is what a field may hold: a size, number, word or switch, or a list where it is a tuple."""
    if kind is int:
        return type(value) is int and 0 <= value <= LARGEST
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)
    if kind in (bool, str):
        return type(value) is kind and len(str(value)) <= MOST
    return isinstance(value, list) and len(value) <= MOST and all(_is(item, get_args(kind)[0]) for item in value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
