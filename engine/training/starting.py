"""Starting adversarial training from a released model, for the same classes or for others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..gan import Gan
from ..networks.sngan import GeneratorConfig
from ..networks.sngan_discriminator import DiscriminatorConfig
from .adversarial import AdversarialTask
from .settings import GanSettings

__all__ = ["adopt", "shaped_as", "start_from"]

CLASS_TABLES = (".gammas", ".betas", "embed.weight")
"""Ends of the names of tensors with one row a class."""


def shaped_as(base: Gan, settings: GanSettings) -> GanSettings:
    """The settings with the network shapes of a model.

    Raises:
        InputError: a model of another family, or without a discriminator.
    """
    generator = getattr(base.generator, "config", None)
    discriminator = getattr(base.discriminator, "config", None)
    if not isinstance(generator, GeneratorConfig) or not isinstance(discriminator, DiscriminatorConfig):
        raise InputError("Training goes on from an SNGAN model with its discriminator; this one is not. Use another.")
    hidden = "input" if discriminator.hidden[1:] == discriminator.channels[:-1] else "output"
    return replace(
        settings,
        generator=generator.channels,
        dim_z=generator.dim_z,
        discriminator=discriminator.channels,
        shrinking=discriminator.shrinking,
        hidden=hidden,
    )


def start_from(task: AdversarialTask, base: Gan) -> None:
    """Give the networks of a fresh run the weights of a model; see `adopt`."""
    classes = (base.class_names, task.data.class_names)
    for network in (task.generator, task.average):
        adopt(network, base.generator.state_dict(), *classes)
    adopt(task.discriminator, base.part("discriminator").state_dict(), *classes)


def adopt(network: nn.Module, weights: Mapping[str, Tensor], old: tuple[str, ...], new: tuple[str, ...]) -> None:
    """Start `network`, for classes `new`, from the weights of one for classes `old`.

    The rows of class tables go by name; a class that the old one lacks starts from the mean of all rows.

    Raises:
        InputError: other layers or shapes, or tables for other classes whose names are not known.
    """
    own = network.state_dict()
    if missing := own.keys() - weights.keys():
        raise InputError(f"To start from a model, both must have the same layers; it lacks {min(missing)}.")
    network.load_state_dict({name: _adopted(name, value, weights[name], old, new) for name, value in own.items()})


def _adopted(name: str, own: Tensor, weights: Tensor, old: tuple[str, ...], new: tuple[str, ...]) -> Tensor:
    if name.endswith(CLASS_TABLES) and old != new and len(weights) == len(old):
        rows = dict(zip(old, weights, strict=True))
        return torch.stack([rows.get(class_name, weights.mean(0)) for class_name in new])
    if name == "embed.u" and old != new:
        return own  # one entry a class; power iteration finds it again in a few steps
    if own.shape != weights.shape:
        raise InputError(
            f"To start from a model, {name} must have shape {tuple(own.shape)}; it has {tuple(weights.shape)}. "
            "Leave out the flags for widths; for other classes, the model must know its own by name."
        )
    return weights
