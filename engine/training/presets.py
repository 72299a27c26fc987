"""Named settings of the three trainings, as one table. Those called `paper` have the paper's values throughout.

`biggan-128` has those of the code that BigGAN is known by.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from ..networks.sngan import GENERATOR_CHANNELS
from ..networks.sngan_discriminator import DISCRIMINATOR_CHANNELS
from .settings import AuxiliarySettings, EncoderSettings, GanSettings, RunSettings

__all__ = ["PRESETS", "Preset"]

Settings = TypeVar("Settings", bound=RunSettings)


@dataclass(frozen=True)
class Preset:
    """Settings of `train gan`, and of the two trainings that follow it in `train all`."""

    gan: GanSettings
    encoder: EncoderSettings
    auxiliary: AuxiliarySettings
    told: str
    """What it is for, in a line."""


def _small(generator: tuple[int, ...], discriminator: tuple[int, ...], shrinking: int) -> GanSettings:
    return GanSettings(generator=generator, discriminator=discriminator, shrinking=shrinking)


def _layout(generator: str, discriminator: str, ch: int) -> GanSettings:
    """Networks from the two channel tables at width ch."""
    multiples, hidden, shrinking = DISCRIMINATOR_CHANNELS[discriminator]
    widths = tuple(m * ch for m in GENERATOR_CHANNELS[generator])
    return replace(_small(widths, tuple(m * ch for m in multiples), shrinking), hidden=hidden)


_PAPER_PAIR = AuxiliarySettings(
    dim_a=1000, dim_zeta=10_000, dim_b=1000, axes=0, inner_rate=2e-4, loss_weights=(20.0, 2.0, 1.0)
)


def _paper(layout: str, ch: int, batch: int) -> Preset:
    """The original configuration files: five discriminator steps, no average, no augmentation, full precision."""

    def own(settings: Settings) -> Settings:
        return replace(settings, steps=450_000, precision="fp32", crop=0.9, noise=1 / 128)

    gan = replace(
        own(_layout(layout, layout, ch)),
        batch=batch,
        fakes=2 * batch,
        discriminator_steps=5,
        discriminator_rate=2e-4,
        average=0.0,
        augment="none",
        flips=False,
    )
    return Preset(
        gan,
        own(EncoderSettings(ch=64, input_size=128, rate=5e-5, pixel_weight=0.0, batch=16)),
        own(replace(_PAPER_PAIR, rate=5e-5, step_rate=5e-5, batch=8)),
        f"the paper's dogs and cats at {layout} px",
    )


_TINY_16 = replace(_small((16, 16, 8), (8, 16), 2), dim_z=16, steps=1000, batch=8, fakes=8, precision="fp32")
_TINY_64 = _small((96, 96, 64, 32, 16), (16, 32, 64, 128, 128), 4)
_STARTER = replace(_small((192, 192, 128, 64, 32), (32, 64, 128, 256, 256), 4), average=0.9985)

_PAPER_128 = _paper("128", ch=64, batch=16)
# ajbrock/BigGAN-PyTorch, `launch_BigGAN_bs256x8.sh` and the defaults of its `utils.py`; 150,000 steps by its README.
# Where training differs from that code: real and made pictures go through D one after the other, not as one batch, so
# D's vectors u move twice a discriminator step; the generator steps before the discriminator, not after it; and the
# epsilon of spectral norm, which keeps a power step from dividing by zero, is 1e-12, the script's 1e-6.
# BigGAN's own paper takes two discriminator steps, at half these rates, and orthogonal regularisation of 1e-4.
_BIGGAN_128 = replace(
    _small(tuple(96 * m for m in (16, 16, 8, 4, 2, 1)), tuple(96 * m for m in (1, 2, 4, 8, 16, 16)), 5),
    family="biggan",
    hidden="output",
    dim_z=120,
    shared_dim=128,
    attention=(64,),
    steps=150_000,
    decay_from=1.0,
    batch=2048,
    accumulate=8,
    fakes=2048,
    generator_rate=1e-4,
    discriminator_rate=4e-4,
    beta2=0.999,
    adam_eps=1e-6,
    average=0.9999,
    average_from=20_000,
    augment="none",
    flips=False,
    precision="fp32",
)

PRESETS: dict[str, Preset] = {
    "tiny-16": Preset(
        _TINY_16,
        EncoderSettings(channels=(8, 16, 16), steps=500, precision="fp32"),
        AuxiliarySettings(axes=64, precision="fp32"),
        "to see that it runs",
    ),
    "tiny-64": Preset(
        replace(_TINY_64, steps=2000, batch=16, fakes=16, average=0.99),
        EncoderSettings(ch=12, steps=600, batch=16),
        AuxiliarySettings(),
        "a first look, on a CPU",
    ),
    "starter-64": Preset(
        _STARTER,
        EncoderSettings(steps=3000, batch=16),
        AuxiliarySettings(),
        "the starter's networks, on a CPU",
    ),
    # The layouts of the channel tables, and how many steps a few thousand photographs deserve.
    "small-64": Preset(
        replace(_layout("64", "64-deep", ch=32), steps=100_000),
        EncoderSettings(ch=32, steps=30_000),
        AuxiliarySettings(),
        "a small model, on a GPU",
    ),
    "small-128": Preset(
        replace(_layout("128", "128", ch=32), steps=200_000),
        EncoderSettings(ch=32, steps=50_000),
        AuxiliarySettings(),
        "the same at 128 px",
    ),
    "paper-128": _PAPER_128,
    "paper-256": _paper("256", ch=48, batch=8),
    # The encoder and the pair as the paper has them for its own generator of this size.
    "biggan-128": Preset(
        _BIGGAN_128, _PAPER_128.encoder, _PAPER_128.auxiliary, "BigGAN as ajbrock's code trains it, on many GPUs"
    ),
}
