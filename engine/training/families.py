"""The families whose generator and discriminator are trained. A row of `FAMILIES` is all that training knows of one.

Settings become configurations, configurations become networks in a trainable form, and a model's configurations become
settings again, so that a run can start from it. Everything else in training asks for networks and gets them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..networks.biggan import BigGANConfig
from ..networks.biggan_discriminator import BigGANDiscriminatorConfig
from ..networks.biggan_training import trainable_discriminator, trainable_generator
from ..networks.discriminator import Discriminator
from ..networks.generator import Generator
from ..networks.sngan import GeneratorConfig, SNGANGenerator
from ..networks.sngan_discriminator import DiscriminatorConfig, SNGANDiscriminator

if TYPE_CHECKING:
    from .settings import GanSettings

__all__ = ["FAMILIES", "Family", "networks"]


@dataclass(frozen=True)
class Family:
    """How the networks of a family are made."""

    configs: tuple[type, type]
    """Configurations of generator and discriminator."""
    shapes: Callable[[GanSettings, int], tuple[Any, Any]]
    """Settings and the number of classes -> both configurations."""
    settings: Callable[[Any, Any], dict[str, Any]]
    """Both configurations -> the settings that have those shapes, beside those that every family has."""
    generator: Callable[[Any], Generator]
    """A configuration -> a generator of random weights, to be trained."""
    discriminator: Callable[[Any], Discriminator]
    """The same for a discriminator."""


def _sngan(settings: GanSettings, n_classes: int) -> tuple[GeneratorConfig, DiscriminatorConfig]:
    if settings.attention or settings.shared_dim:
        raise InputError(
            f"Networks of the family {settings.family} have neither attention nor a shared embedding; got "
            f"{settings.attention} and {settings.shared_dim}. Give --attention 0 and --shared-dim 0, or another family."
        )
    generator = GeneratorConfig(settings.generator, n_classes, settings.dim_z)
    known = n_classes if n_classes > 1 else 0
    return generator, DiscriminatorConfig(
        settings.discriminator, _hidden(settings), settings.shrinking, known, generator.resolution
    )


BOTTOM, EPS = 4, 1e-5
"""Side of a BigGAN's first map in pixels, and what its norms add to a variance, as its training scripts have it."""


def _biggan(settings: GanSettings, n_classes: int) -> tuple[BigGANConfig, BigGANDiscriminatorConfig]:
    resolution = BOTTOM * 2 ** (len(settings.generator) - 1)
    rising = [BOTTOM * 2 ** (number + 1) for number in range(len(settings.generator) - 1)]
    falling = [resolution // 2 ** (number + 1) for number in range(settings.shrinking)]
    if unknown := set(settings.attention) - {*rising, *falling}:
        raise InputError(
            f"Attention is given by the side of a map, one of {', '.join(map(str, sorted({*rising, *falling})))} px in "
            f"these networks; got {min(unknown)}."
        )
    generator = BigGANConfig(
        settings.generator,
        n_classes,
        settings.dim_z,
        settings.shared_dim,
        hierarchical=settings.shared_dim > 0,
        attention=_attended(rising, settings.attention),
        eps=EPS,
        last_eps=EPS,
    )
    known, attention = n_classes if n_classes > 1 else 0, _attended(falling, settings.attention)
    return generator, BigGANDiscriminatorConfig(
        settings.discriminator, _hidden(settings), settings.shrinking, attention, known, resolution
    )


def _attended(sides: list[int], attention: tuple[int, ...]) -> tuple[int, ...]:
    """Numbers of the blocks whose output has one of the sides that attention looks at."""
    return tuple(number for number, side in enumerate(sides) if side in attention)


def _hidden(settings: GanSettings) -> tuple[int, ...]:
    widths = settings.discriminator
    return widths[0], *(widths[:-1] if settings.hidden == "input" else widths[1:])


def _of_sngan(generator: GeneratorConfig, discriminator: DiscriminatorConfig) -> dict[str, Any]:
    return {"attention": (), "shared_dim": 0}


def _of_biggan(generator: BigGANConfig, discriminator: BigGANDiscriminatorConfig) -> dict[str, Any]:
    sides = {generator.bottom * 2 ** (number + 1) for number in generator.attention}
    return {"attention": tuple(sorted(sides)), "shared_dim": generator.shared_dim}


FAMILIES = {
    # name in the settings: how its networks are made
    "sngan": Family(
        (GeneratorConfig, DiscriminatorConfig),
        _sngan,
        _of_sngan,
        SNGANGenerator,
        SNGANDiscriminator,
    ),
    "biggan": Family(
        (BigGANConfig, BigGANDiscriminatorConfig),
        _biggan,
        _of_biggan,
        trainable_generator,
        trainable_discriminator,
    ),
}


def networks(settings: GanSettings, n_classes: int) -> tuple[Generator, Discriminator]:
    """Generator and discriminator of random weights, as the settings have them, to be trained.

    Raises:
        InputError: widths and numbers that make no network.
    """
    family = FAMILIES[settings.family]
    generator, discriminator = family.shapes(settings, n_classes)
    return family.generator(generator), family.discriminator(discriminator)
