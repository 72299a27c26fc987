"""Which format a weights file has, told by the names in it and never by its own name.

One row of `FORMATS` for each layout that people hold: what it is called, in which container it comes, the names that
every such file has, and the module that reads it. The first row whose marks are all there is taken; where none is, the
nearest one is told, and what the file lacks of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

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


@dataclass(frozen=True)
class Format:
    """A layout of weights files."""

    title: str
    """For messages: whose files these are."""
    containers: tuple[str, ...]
    """Of which kinds the file may be: "npz", "safetensors", "torch" or "pickle"."""
    marks: tuple[str, ...]
    """Patterns (`*` for anything), each of which fits at least one name in every such file."""
    outline: Callable[[Contents], Outline]
    """What a file holds; raises CheckpointError where names or shapes contradict one another."""
    states: Callable[[Contents], States]
    """Its weights, for each part, under canonical names; raises CheckpointError likewise."""
    class_lists: tuple[str, ...] = ("imagenet",)
    """Lists of class names (`class_names.py`) that its models are trained with, told by their number of classes."""

    def describe(self, contents: Contents) -> Outline:
        """What a file holds, as `outline`; where it has no class names of its own, those of the list that fits."""
        outline = self.outline(contents)
        names = outline.class_names or fitting_list(outline.n_classes, self.class_lists)
        return replace(outline, class_names=names)

    def missing(self, contents: Contents) -> list[str]:
        """The marks that a file lacks."""
        names = list(contents.shapes)
        return [mark for mark in self.marks if not any(fnmatchcase(name, mark) for name in names)]


FORMATS = (
    Format("Neural Collage", ("safetensors",), (), native.outline, native.states, ()),
    Format("the paper's authors (Chainer)", ("npz",), (), chainer.outline, chainer.states, ("imagenet", "dogs-cats")),
    Format("mimicry", ("torch",), mimicry.MARKS, mimicry.outline, mimicry.states),
    Format("ajbrock's BigGAN-deep", ("torch",), biggan_deep.MARKS, biggan_deep.outline, biggan_deep.states),
    Format("ajbrock's BigGAN", ("torch",), biggan.MARKS, biggan.outline, biggan.states),
    Format(
        "ajbrock's BigGAN-deep discriminator",
        ("torch",),
        biggan_discriminator.DEEP_MARKS,
        biggan_discriminator.outline,
        biggan_discriminator.states,
    ),
    Format(
        "ajbrock's BigGAN discriminator",
        ("torch",),
        biggan_discriminator.MARKS,
        biggan_discriminator.outline,
        biggan_discriminator.states,
    ),
    Format("Hugging Face's BigGAN-deep", ("torch",), biggan_hf.MARKS, biggan_hf.outline, biggan_hf.states),
    Format("StudioGAN, BigGAN", ("torch",), studiogan.MARKS, studiogan.outline, studiogan.states),
    Format("StudioGAN, resnet", ("torch",), studiogan_resnet.MARKS, studiogan_resnet.outline, studiogan_resnet.states),
    Format("StyleGAN, genforce", ("torch",), genforce.MARKS, genforce.outline, genforce.states),
    Format("StyleGAN, rosinality", ("torch",), rosinality.MARKS, rosinality.outline, rosinality.states),
    Format("StyleGAN, interfacegan", ("torch",), interfacegan.MARKS, interfacegan.outline, interfacegan.states),
    Format("StyleGAN, lernapparat", ("torch",), lernapparat.MARKS, lernapparat.outline, lernapparat.states),
    Format(
        "NVIDIA, StyleGAN (TensorFlow)",
        ("pickle",),
        stylegan_tensorflow.MARKS,
        stylegan_tensorflow.outline,
        stylegan_tensorflow.states,
    ),
    Format("NVIDIA, StyleGAN2-ADA", ("pickle",), stylegan2.MARKS, stylegan2.outline, stylegan2.states),
    Format(
        "NVIDIA, StyleGAN2 (TensorFlow)",
        ("pickle",),
        stylegan2_tensorflow.MARKS,
        stylegan2_tensorflow.outline,
        stylegan2_tensorflow.states,
    ),
    Format(
        "rosinality, StyleGAN2",
        ("torch",),
        stylegan2_rosinality.MARKS,
        stylegan2_rosinality.outline,
        stylegan2_rosinality.states,
    ),
    Format("NVIDIA, StyleGAN3", ("pickle",), stylegan3.MARKS, stylegan3.outline, stylegan3.states),
    Format("torchvision's VGG16", ("torch",), torchvision_vgg.MARKS, torchvision_vgg.outline, torchvision_vgg.states),
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
    formats = [known for known in FORMATS if contents.container in known.containers]
    for known in formats:
        if not known.missing(contents):
            return known
    if not formats:
        raise CheckpointError(f"No known model comes as a {contents.container} file; got {contents.path.name}.")
    nearest = min(formats, key=lambda known: len(known.missing(contents)) / len(known.marks))
    raise CheckpointError(
        f"The names in {contents.path.name} must be those of a known model. The nearest is that of {nearest.title}, "
        f"but the file lacks {some(nearest.missing(contents))}; it has {some(list(contents.shapes))}. Known are "
        f"{'; '.join(known.title for known in FORMATS)}."
    )


def _is_optimizer(tree: object) -> bool:
    return isinstance(tree, dict) and {"state", "param_groups"} <= tree.keys()


def _is_bookkeeping(tree: object) -> bool:
    """Whether a file is ajbrock's `state_dict.pth`: counts, best scores and settings of a run."""
    return isinstance(tree, dict) and {"itr", "epoch", "config"} <= tree.keys()
