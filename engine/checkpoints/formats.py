"""Which format a weights file has, told by the names in it and never by its own name.

One row of `FORMATS` for each layout that people hold: what it is called, in which container it comes, the names that
every such file has, and the module that reads it. The first row whose marks are all there is taken; where none is, the
nearest one is told, and what the file lacks of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Protocol

from torch import Tensor

from ..class_names import fitting_list
from ..errors import CheckpointError
from . import (
    biggan,
    biggan_deep,
    biggan_discriminator,
    biggan_hf,
    chainer,
    genforce,
    interfacegan,
    lernapparat,
    mimicry,
    native,
    rosinality,
    studiogan,
    studiogan_resnet,
    stylegan2,
    stylegan2_rosinality,
    stylegan2_tensorflow,
    stylegan3,
    stylegan_tensorflow,
    torchvision_vgg,
)
from .contents import Contents, some
from .outline import Outline

__all__ = ["FORMATS", "Format", "detect"]

States = Mapping[str, Mapping[str, Tensor]]
"""For each part in a file, its weights under canonical names."""


class Reader(Protocol):
    """What a module that reads a layout offers."""

    def outline(self, contents: Contents) -> Outline:
        """What a file holds; raises CheckpointError where names or shapes contradict one another."""
        ...

    def states(self, contents: Contents) -> States:
        """Its weights, for each part, under canonical names; raises CheckpointError likewise."""
        ...


@dataclass(frozen=True)
class Format:
    """A layout of weights files."""

    title: str
    """For messages: whose files these are."""
    container: str
    """Of which kind the file is: "npz", "safetensors", "torch" or "pickle"."""
    reader: Reader
    """The module that reads it."""
    marks: tuple[str, ...] = ()
    """Patterns (`*` for anything), each of which fits at least one name in every such file."""
    class_lists: tuple[str, ...] = ("imagenet",)
    """Lists of class names (`class_names.py`) that its models are trained with, told by their number of classes."""

    def describe(self, contents: Contents) -> Outline:
        """What a file holds, as `outline`; where it has no class names of its own, those of the list that fits."""
        outline = self.reader.outline(contents)
        names = outline.class_names or fitting_list(outline.n_classes, self.class_lists)
        return replace(outline, class_names=names)

    def missing(self, fitting: Collection[str]) -> list[str]:
        """The marks that a file lacks, of all marks of which some `fit` it."""
        return [mark for mark in self.marks if mark not in fitting]


FORMATS = (
    # the first whose marks a file has is taken, so of two that resemble one another the more particular stands first
    Format("Neural Collage", "safetensors", native, class_lists=()),
    Format("the paper's authors (Chainer)", "npz", chainer, class_lists=("imagenet", "dogs-cats")),
    Format("mimicry", "torch", mimicry, mimicry.MARKS),
    Format("ajbrock's BigGAN-deep", "torch", biggan_deep, biggan_deep.MARKS),
    Format("ajbrock's BigGAN", "torch", biggan, biggan.MARKS),
    Format("ajbrock's BigGAN-deep discriminator", "torch", biggan_discriminator, biggan_discriminator.DEEP_MARKS),
    Format("ajbrock's BigGAN discriminator", "torch", biggan_discriminator, biggan_discriminator.MARKS),
    Format("Hugging Face's BigGAN-deep", "torch", biggan_hf, biggan_hf.MARKS),
    Format("StudioGAN, BigGAN", "torch", studiogan, studiogan.MARKS),
    Format("StudioGAN, resnet", "torch", studiogan_resnet, studiogan_resnet.MARKS),
    Format("StyleGAN, genforce", "torch", genforce, genforce.MARKS),
    Format("StyleGAN, rosinality", "torch", rosinality, rosinality.MARKS),
    Format("StyleGAN, interfacegan", "torch", interfacegan, interfacegan.MARKS),
    Format("StyleGAN, lernapparat", "torch", lernapparat, lernapparat.MARKS),
    Format("NVIDIA, StyleGAN (TensorFlow)", "pickle", stylegan_tensorflow, stylegan_tensorflow.MARKS),
    Format("NVIDIA, StyleGAN2-ADA", "pickle", stylegan2, stylegan2.MARKS),
    Format("NVIDIA, StyleGAN2 (TensorFlow)", "pickle", stylegan2_tensorflow, stylegan2_tensorflow.MARKS),
    Format("rosinality, StyleGAN2", "torch", stylegan2_rosinality, stylegan2_rosinality.MARKS),
    Format("NVIDIA, StyleGAN3", "pickle", stylegan3, stylegan3.MARKS),
    Format("torchvision's VGG16", "torch", torchvision_vgg, torchvision_vgg.MARKS),
)


def detect(contents: Contents) -> Format:
    """The format of an opened file.

    Raises:
        CheckpointError: an optimizer's file, or none that is known; the nearest one is told.
    """
    if _is_optimizer(contents.tree):
        raise CheckpointError(
            f"{contents.path.name} is the state of an optimizer, which training leaves beside its weights. Give the "
            "weights: for BigGAN the file without _optim, best G_ema.pth."
        )
    if _is_bookkeeping(contents.tree):
        raise CheckpointError(
            f"{contents.path.name} is the bookkeeping of a BigGAN training run, and holds no weights. Give the file "
            "beside it, best G_ema.pth."
        )
    formats = [known for known in FORMATS if contents.container == known.container]
    fitting = _fitting(formats, contents)
    for known in formats:
        if not known.missing(fitting):
            return known
    if not formats:
        raise CheckpointError(f"No known model comes as a {contents.container} file; got {contents.path.name}.")
    nearest = min(formats, key=lambda known: len(known.missing(fitting)) / len(known.marks))
    raise CheckpointError(
        f"The names in {contents.path.name} must be those of a known model. The nearest is that of {nearest.title}, "
        f"but the file lacks {some(nearest.missing(fitting))}; it has "
        f"{some(list(contents.shapes)) or 'no tensors'}. Known are "
        f"{'; '.join(known.title for known in FORMATS)}."
    )


def _fitting(formats: Iterable[Format], contents: Contents) -> set[str]:
    """The marks that fit a name in the file. Its longest text must be in the name, which is faster to tell."""
    names = list(contents.shapes)
    marks = {mark: max(mark.split("*"), key=len) for known in formats for mark in known.marks}
    return {mark for mark, text in marks.items() if any(text in name and fnmatchcase(name, mark) for name in names)}


def _is_optimizer(tree: object) -> bool:
    return isinstance(tree, dict) and {"state", "param_groups"} <= tree.keys()


def _is_bookkeeping(tree: object) -> bool:
    """Whether a file is ajbrock's `state_dict.pth`: counts, best scores and settings of a run."""
    return isinstance(tree, dict) and {"itr", "epoch", "config"} <= tree.keys()
