"""Starting adversarial training from a released model, for the same classes or for others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..gan import Gan
from ..networks.spectral import find_vectors, plain_name
from .adversarial import AdversarialTask
from .families import FAMILIES
from .settings import GanSettings

__all__ = ["adopt", "shaped_as", "start_from"]

CLASS_TABLES = (".gammas", ".betas")
"""Ends of the names of tensors with one row a class; the weights of embeddings are others."""


def shaped_as(base: Gan, settings: GanSettings) -> GanSettings:
    """The settings with the network shapes of a model.

    Raises:
        InputError: a model of another family, without a discriminator, or of shapes that no settings have.
    """
    configs: Any = tuple(getattr(part, "config", None) for part in (base.generator, base.discriminator))
    known: dict[Any, str] = {family.configs: name for name, family in FAMILIES.items()}
    name = known.get(tuple(map(type, configs)))
    if name is None:
        raise InputError(
            f"Training goes on from a model of one of the families {', '.join(FAMILIES)} with its discriminator; this "
            "one is not. Use another."
        )
    generator, discriminator = configs
    hidden = "input" if discriminator.hidden[1:] == discriminator.channels[:-1] else "output"
    shaped = replace(
        settings,
        family=name,
        generator=generator.channels,
        dim_z=generator.dim_z,
        discriminator=discriminator.channels,
        shrinking=discriminator.shrinking,
        hidden=hidden,
        **FAMILIES[name].settings(generator, discriminator),
    )
    if shaped.configs(generator.n_classes) != configs:
        raise InputError(
            f"Training makes other networks than this model's: {shaped.configs(generator.n_classes)}; the model has "
            f"{configs}. Use another."
        )
    return shaped


def start_from(task: AdversarialTask, base: Gan) -> None:
    """Give the networks of a fresh run the weights of a model; see `adopt`.

    Where spectral norm was divided out of the model's weights, its vectors are found anew; the norms start at one.
    """
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
    tables = {f"{name}.weight" for name, module in network.named_modules() if isinstance(module, nn.Embedding)}
    kept = {}
    for name, own in network.state_dict().items():
        plain = plain_name(name)
        if plain is None or (plain == "embed.u" and old != new):
            kept[name] = own  # a vector of spectral norm: power iteration finds it
        elif plain not in weights:
            raise InputError(f"To start from a model, both must have the same layers; it lacks {plain}.")
        elif plain.endswith(CLASS_TABLES) or plain in tables:
            kept[name] = _fitting(plain, own, _by_name(weights[plain], old, new))
        else:
            kept[name] = _fitting(plain, own, weights[plain])
    network.load_state_dict(kept)
    find_vectors(network)


def _by_name(table: Tensor, old: tuple[str, ...], new: tuple[str, ...]) -> Tensor:
    """The rows of a class table (old classes, ...) in the order of the new classes, where the old ones are known."""
    if old == new or len(table) != len(old):
        return table
    rows = dict(zip(old, table, strict=True))
    return torch.stack([rows.get(class_name, table.mean(0)) for class_name in new])


def _fitting(name: str, own: Tensor, weights: Tensor) -> Tensor:
    if own.shape != weights.shape:
        raise InputError(
            f"To start from a model, {name} must have shape {tuple(own.shape)}; it has {tuple(weights.shape)}. "
            "Leave out the flags for widths; for other classes, the model must know its own by name."
        )
    return weights
