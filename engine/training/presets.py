"""Named settings of adversarial training. Those called `paper` have the paper's values throughout."""

from __future__ import annotations

from dataclasses import replace

from ..networks.sngan import GENERATOR_CHANNELS
from ..networks.sngan_discriminator import DISCRIMINATOR_CHANNELS
from .settings import GanSettings

__all__ = ["PRESETS"]


def _small(generator: tuple[int, ...], discriminator: tuple[int, ...], shrinking: int) -> GanSettings:
    return GanSettings(generator=generator, discriminator=discriminator, shrinking=shrinking)


def _layout(generator: str, discriminator: str, ch: int) -> GanSettings:
    """Networks from the two channel tables at width ch."""
    multiples, hidden, shrinking = DISCRIMINATOR_CHANNELS[discriminator]
    widths = tuple(m * ch for m in GENERATOR_CHANNELS[generator])
    return replace(_small(widths, tuple(m * ch for m in multiples), shrinking), hidden=hidden)


def _paper(layout: str, ch: int, batch: int) -> GanSettings:
    """The original configuration files: five discriminator steps, no average, no augmentation, full precision."""
    return replace(
        _layout(layout, layout, ch),
        steps=450_000,
        batch=batch,
        fakes=2 * batch,
        discriminator_steps=5,
        discriminator_rate=2e-4,
        average=0.0,
        augment="none",
        flips=False,
        precision="fp32",
    )


PRESETS: dict[str, GanSettings] = {
    # widths of the generator and of the discriminator, how many of its blocks shrink
    "tiny-16": replace(_small((16, 16, 8), (8, 16), 2), dim_z=16, steps=1000, batch=8, fakes=8, precision="fp32"),
    "tiny-64": _small((96, 96, 64, 32, 16), (16, 32, 64, 128, 128), 4),
    "starter-64": replace(_small((192, 192, 128, 64, 32), (32, 64, 128, 256, 256), 4), average=0.9985),
    # the layouts of the channel tables, and how many steps a few thousand photographs deserve
    "small-64": replace(_layout("64", "64-deep", ch=32), steps=100_000),
    "small-128": replace(_layout("128", "128", ch=32), steps=200_000),
    # the paper's dogs and cats
    "paper-128": _paper("128", ch=64, batch=16),
    "paper-256": _paper("256", ch=48, batch=8),
}
