"""What a training run can be set to, and named sets of such settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import InputError
from ..networks.sngan import GENERATOR_CHANNELS, GeneratorConfig
from ..networks.sngan_discriminator import DISCRIMINATOR_CHANNELS, DiscriminatorConfig

__all__ = ["PRESETS", "GanSettings"]


@dataclass(frozen=True)
class GanSettings:
    """Settings of adversarial training. The defaults are for small models; `PAPER` below has the paper's."""

    generator: tuple[int, ...]
    """Width of the first 4x4 map and of each block's output."""
    discriminator: tuple[int, ...]
    """Width of each block's output."""
    shrinking: int
    """How many blocks of the discriminator halve the size."""
    hidden: str = "input"
    """Which of its two widths the first convolution of a discriminator block has: input or output."""
    dim_z: int = 128
    """Length of the latent."""
    steps: int = 20_000
    """Generator steps in all."""
    decay_from: float = 8 / 9
    """Share of the steps after which the learning rates fall linearly to zero (paper: 400 000 of 450 000)."""
    batch: int = 32
    """Real pictures, and as many made ones, in each discriminator step."""
    fakes: int = 32
    """Made pictures in each generator step."""
    discriminator_steps: int = 1
    """Discriminator steps after each generator step."""
    generator_rate: float = 2e-4
    """Adam's learning rate of the generator."""
    discriminator_rate: float = 4e-4
    """Adam's learning rate of the discriminator. With one step to the generator's one, it learns twice as fast."""
    beta1: float = 0.0
    """Adam's first beta."""
    beta2: float = 0.9
    """Adam's second beta."""
    average: float = 0.999
    """Decay of the moving average of the generator's weights; 0 keeps the last weights, as the paper does."""
    augment: str = "colour:0.5,translation,cutout:0.5"
    """Differentiable augmentation, as `augment.parse_augmentations` reads it."""
    flips: bool = True
    """Whether real pictures are mirrored at random."""
    precision: str = "bf16"
    """bf16 (autocast) or fp32."""
    seed: int = 0
    """Seed of the weights, latents, batches and augmentation."""

    def __post_init__(self) -> None:
        for name in ("generator", "discriminator"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        counts = (self.steps, self.batch, self.fakes, self.discriminator_steps)
        if min(counts) < 1 or min(self.generator_rate, self.discriminator_rate) < 0:
            raise InputError(f"Steps and batches are at least 1, rates at least 0; got {self}.")
        if self.precision not in ("bf16", "fp32") or self.hidden not in ("input", "output"):
            raise InputError(f"Precision is bf16 or fp32, hidden input or output; got {self.precision}, {self.hidden}.")
        if not 0 <= self.average < 1 or not 0 <= self.decay_from <= 1:
            raise InputError(f"average lies in [0, 1), decay_from in [0, 1]; got {self.average}, {self.decay_from}.")

    @property
    def resolution(self) -> int:
        """Side of the pictures, in pixels."""
        return self.generator_config(1).resolution

    def generator_config(self, n_classes: int) -> GeneratorConfig:
        """The generator's shape for so many classes."""
        return GeneratorConfig(self.generator, n_classes, self.dim_z)

    def discriminator_config(self, n_classes: int) -> DiscriminatorConfig:
        """The discriminator's shape for so many classes; one class needs no class term."""
        widths = self.discriminator
        hidden = (widths[0], *(widths[:-1] if self.hidden == "input" else widths[1:]))
        known = n_classes if n_classes > 1 else 0
        return DiscriminatorConfig(widths, hidden, self.shrinking, known, self.resolution)

    def rate_factor(self, step: int) -> float:
        """What the learning rates are multiplied by at a step: 1, then falling linearly to 0 at the end."""
        start = self.decay_from * self.steps
        return 1.0 if step < start else (self.steps - step) / max(1.0, self.steps - start)


def _layout(name: str, discriminator: str, ch: int) -> GanSettings:
    """The paper's networks: a layout of the two channel tables at width ch."""
    multiples, hidden, shrinking = DISCRIMINATOR_CHANNELS[discriminator]
    generator = tuple(m * ch for m in GENERATOR_CHANNELS[name])
    return GanSettings(generator, tuple(m * ch for m in multiples), shrinking, hidden)


def _paper(name: str, ch: int, batch: int) -> GanSettings:
    """The paper's settings (original configuration files): no average, no augmentation, full precision."""
    schedule = {"steps": 450_000, "batch": batch, "fakes": 2 * batch, "discriminator_steps": 5}
    rates = {"generator_rate": 2e-4, "discriminator_rate": 2e-4}
    plain = {"average": 0.0, "augment": "none", "flips": False, "precision": "fp32"}
    return replace(_layout(name, name, ch), **schedule, **rates, **plain)


PRESETS: dict[str, GanSettings] = {
    # name: (widths of generator, widths of discriminator, shrinking blocks), and what differs from the defaults
    "tiny-16": GanSettings((16, 16, 8), (8, 16), 2, dim_z=16, steps=1000, batch=8, fakes=8),
    "tiny-64": GanSettings((96, 96, 64, 32, 16), (16, 32, 64, 128, 128), 4),
    "starter-64": GanSettings((192, 192, 128, 64, 32), (32, 64, 128, 256, 256), 4, average=0.9985),
    "small-64": replace(_layout("64", "64-deep", 32), steps=100_000),
    "small-128": replace(_layout("128", "128", 32), steps=200_000),
    "paper-128": _paper("128", ch=64, batch=16),
    "paper-256": _paper("256", ch=48, batch=8),
}
