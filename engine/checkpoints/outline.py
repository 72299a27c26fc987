"""Outline: what a weights file holds, told without reading the weights.

Every reader gives one; `load` checks the outlines of several files against one another before it builds anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import CheckpointError
from ..networks.auxiliary import Auxiliary, AuxiliaryConfig
from ..networks.biggan import BigGANConfig, BigGANGenerator
from ..networks.biggan_deep import BigGANDeepConfig, BigGANDeepGenerator
from ..networks.biggan_discriminator import (
    BigGANDeepDiscriminator,
    BigGANDeepDiscriminatorConfig,
    BigGANDiscriminator,
    BigGANDiscriminatorConfig,
)
from ..networks.resnet_discriminator import ResNetDiscriminator, ResNetDiscriminatorConfig
from ..networks.sngan import GeneratorConfig, ResNetConfig, SNGANGenerator
from ..networks.sngan_discriminator import DiscriminatorConfig, SNGANDiscriminator
from ..networks.sngan_encoder import EncoderConfig, SNGANEncoder
from ..networks.stylegan import StyleGANConfig, StyleGANGenerator
from ..networks.stylegan2 import StyleGAN2Config, StyleGAN2Generator
from ..networks.stylegan2_discriminator import StyleGAN2Discriminator, StyleGAN2DiscriminatorConfig
from ..networks.stylegan3 import StyleGAN3Generator
from ..networks.stylegan3_config import StyleGAN3Config
from ..networks.vgg16 import VGG16, VGG16Config

__all__ = ["FAMILIES", "PARTS", "SAVED", "Config", "Outline", "check_fit"]

Config = Any
"""A network's configuration: a frozen dataclass of numbers, texts and tuples of numbers, one of those in `FAMILIES`."""

SAVED = ("generator", "discriminator", "encoder", "auxiliary")
"""Names of the parts of a model, in the order in which they are loaded and saved."""
PARTS = (*SAVED, "perception")
"""And what is loaded beside a model, but is no part of it: VGG16, to measure with."""

TRAINED = {"encoder": (EncoderConfig, SNGANEncoder), "auxiliary": (AuxiliaryConfig, Auxiliary)}
"""Parts that are trained for a model of any family that has a discriminator: they know its z and its pictures alone."""

FAMILIES = {
    # family: for each part, its configuration and its network
    "sngan": {
        "generator": (GeneratorConfig, SNGANGenerator),
        "discriminator": (DiscriminatorConfig, SNGANDiscriminator),
        **TRAINED,
    },
    "resnet": {
        "generator": (ResNetConfig, SNGANGenerator),
        "discriminator": (ResNetDiscriminatorConfig, ResNetDiscriminator),
        **TRAINED,
    },
    "stylegan": {"generator": (StyleGANConfig, StyleGANGenerator)},
    "stylegan2": {
        "generator": (StyleGAN2Config, StyleGAN2Generator),
        "discriminator": (StyleGAN2DiscriminatorConfig, StyleGAN2Discriminator),
        **TRAINED,
    },
    "stylegan3": {
        "generator": (StyleGAN3Config, StyleGAN3Generator),
        "discriminator": (StyleGAN2DiscriminatorConfig, StyleGAN2Discriminator),
        **TRAINED,
    },
    "biggan": {
        "generator": (BigGANConfig, BigGANGenerator),
        "discriminator": (BigGANDiscriminatorConfig, BigGANDiscriminator),
        **TRAINED,
    },
    "biggan-deep": {
        "generator": (BigGANDeepConfig, BigGANDeepGenerator),
        "discriminator": (BigGANDeepDiscriminatorConfig, BigGANDeepDiscriminator),
        **TRAINED,
    },
    "vgg16": {"perception": (VGG16Config, VGG16)},
}


@dataclass(frozen=True)
class Outline:
    """What a weights file holds."""

    family: str
    """A key of `FAMILIES`."""
    configs: Mapping[str, Config]
    """For each part in the file, what fixes its shape."""
    class_names: tuple[str, ...] = ()
    """One for each class, or none where the file has none."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the file says of itself: licence, provenance."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts in the file."""
        return tuple(part for part in PARTS if part in self.configs)

    @property
    def n_classes(self) -> int | None:
        """Number of classes of the generator; None without a generator."""
        return getattr(self.configs.get("generator"), "n_classes", None)

    @property
    def resolution(self) -> int | None:
        """Side of the generator's pictures in pixels; None without a generator."""
        return getattr(self.configs.get("generator"), "resolution", None)


AGREEMENT = {
    # quantity: the parts that must have the generator's. An encoder may read smaller pictures than the generator
    # draws: the released 256-px models have one for 128 px, and it resizes them itself.
    "n_classes": ("discriminator", "encoder"),
    "dim_z": ("encoder", "auxiliary"),
    "resolution": ("discriminator",),
}
WORDS = {"n_classes": "number of classes", "dim_z": "latent length", "resolution": "picture size in pixels"}

LARGEST_PICTURE = 4096
"""Side in pixels. A few thousand bytes can describe a network of many doublings, whose pictures no memory holds."""


def check_fit(configs: Mapping[str, Config]) -> None:
    """Refuse parts that do not belong together.

    Raises:
        CheckpointError: no generator, or another part has another number of classes, latent length or picture size,
            or pictures beyond `LARGEST_PICTURE`.
    """
    generator = configs.get("generator")
    if generator is None:
        raise CheckpointError(f"A model needs a generator; only {' and '.join(configs)} arrived. Add a generator file.")
    for part, config in configs.items():
        if getattr(config, "resolution", 0) > LARGEST_PICTURE:
            raise CheckpointError(
                f"Pictures of at most {LARGEST_PICTURE} px are drawn; the {part} asks for more. Do not trust this file."
            )
    for quantity, parts in AGREEMENT.items():
        for part in parts:
            wanted, found = getattr(generator, quantity), getattr(configs.get(part), quantity, None)
            # A discriminator of 0 classes looks at no labels, so it fits any generator.
            if found is not None and found != wanted and (quantity, found) != ("n_classes", 0):
                raise CheckpointError(
                    f"All parts must belong to one model. The {WORDS[quantity]} is {wanted} for the generator "
                    f"but {found} for the {part}. Use the {part} that was trained with this generator."
                )
