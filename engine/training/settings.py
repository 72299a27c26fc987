"""What a training run can be set to. Each field is a flag of `neural-collage train`."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from ..networks.auxiliary import AuxiliaryConfig
from ..networks.sngan import GeneratorConfig
from ..networks.sngan_discriminator import DiscriminatorConfig
from ..networks.sngan_encoder import ENCODER_CHANNELS, EncoderConfig

__all__ = ["AuxiliarySettings", "EncoderSettings", "GanSettings", "RunSettings"]


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What every kind of training has."""

    steps: int = 20_000
    """Steps in all."""
    decay_from: float = 8 / 9
    """Share of the steps after which the learning rates fall linearly to zero (paper: 400 000 of 450 000)."""
    batch: int = 32
    """Real pictures a step."""
    beta1: float = 0.0
    """Adam's first beta."""
    beta2: float = 0.9
    """Adam's second beta."""
    flips: bool = True
    """Whether real pictures are mirrored at random."""
    precision: str = "bf16"
    """bf16 (autocast) or fp32."""
    seed: int = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        _require(self.steps >= 1 and self.batch >= 1, f"steps and batch are at least 1; got {self.steps}, {self.batch}")
        _require(self.precision in ("bf16", "fp32"), f"precision is bf16 or fp32; got {self.precision!r}")
        _require(0 <= self.decay_from <= 1, f"decay_from lies in [0, 1]; got {self.decay_from}")
        _require(0 <= self.beta1 < 1 and 0 <= self.beta2 < 1, f"betas lie in [0, 1); got {self.beta1}, {self.beta2}")

    def rate_factor(self, step: int) -> float:
        """What the learning rates are multiplied by at a step: 1, then falling linearly to 0 at the end."""
        start = self.decay_from * self.steps
        return 1.0 if step < start else (self.steps - step) / max(1.0, self.steps - start)


@dataclass(frozen=True, kw_only=True)
class GanSettings(RunSettings):
    """Settings of adversarial training. The defaults are for small models."""

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
    fakes: int = 32
    """Made pictures in each generator step."""
    discriminator_steps: int = 1
    """Discriminator steps after each generator step."""
    generator_rate: float = 2e-4
    """Adam's learning rate of the generator."""
    discriminator_rate: float = 4e-4
    """Adam's learning rate of the discriminator: higher, since it makes one step to the generator's one."""
    average: float = 0.999
    """Decay of the moving average of the generator's weights; 0 keeps the last weights, as the paper does."""
    augment: str = "colour:0.3,translation,cutout:0.5"
    """Differentiable augmentation, as `augment.parse_augmentations` reads it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "generator", tuple(self.generator))
        object.__setattr__(self, "discriminator", tuple(self.discriminator))
        counts, rates = (self.fakes, self.discriminator_steps), (self.generator_rate, self.discriminator_rate)
        _require(min(counts) >= 1, f"fakes and discriminator_steps are at least 1; got {counts}")
        _require(min(rates) >= 0, f"learning rates are at least 0; got {rates}")
        _require(self.hidden in ("input", "output"), f"hidden is input or output; got {self.hidden!r}")
        _require(0 <= self.average < 1, f"average lies in [0, 1); got {self.average}")

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


@dataclass(frozen=True, kw_only=True)
class EncoderSettings(RunSettings):
    """Settings of encoder training (eq. 4). The paper: 450 000 steps of 16 at rate 5e-5, no pixel term, fp32."""

    channels: tuple[int, ...] = ()
    """Width of the first convolution and of each block's output; empty for the paper's layout at this size and ch."""
    ch: int = 24
    """Width that the paper's layout is a multiple of (paper: 64)."""
    rate: float = 4e-4
    """Adam's learning rate."""
    pixel_weight: float = 0.2
    """Weight of the mean squared pixel difference beside eq. 4, as in projection; the paper has 0 here."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "channels", tuple(self.channels))
        _require(self.rate >= 0 and self.pixel_weight >= 0, "rate and pixel_weight are at least 0")

    def config(self, resolution: int, n_classes: int, dim_z: int) -> EncoderConfig:
        """The encoder's shape for a generator of this size."""
        layout = ENCODER_CHANNELS.get(str(resolution), ())
        _require(bool(self.channels or layout), f"there is no layout for {resolution} px; give channels, one a halving")
        return EncoderConfig(self.channels or tuple(m * self.ch for m in layout), n_classes, dim_z)


@dataclass(frozen=True, kw_only=True)
class AuxiliarySettings(RunSettings):
    """Settings of auxiliary training (eq. 6). The paper: A, B of 1000, 10 000, 1000 units, batch 8, rate 5e-5, fp32."""

    batch: int = 16
    dim_a: int = 256
    """Width of A's hidden layer."""
    dim_zeta: int = 2000
    """Length of zeta."""
    dim_b: int = 256
    """Width of B's hidden layer."""
    rate: float = 2e-4
    """Adam's learning rate of A and B."""
    step_rate: float = 1e-5
    """Adam's learning rate of the inner step sizes, which themselves start at 2e-4."""
    code_steps: int = 0
    """Steps at the start that learn B(A(z)) = z alone: without the generator, forty times as fast (paper: 0)."""
    weight_decay: float = 1e-4
    """Added to each gradient, times the weight."""
    clip: float = 100.0
    """Largest norm of the gradients of A, B and the step sizes together."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(min(self.rate, self.step_rate, self.weight_decay) >= 0, "rates and weight_decay are at least 0")
        _require(self.clip > 0 and self.code_steps >= 0, "clip is above 0, code_steps at least 0")

    def config(self, dim_z: int) -> AuxiliaryConfig:
        """The pair's shape for a generator with latents of this length."""
        return AuxiliaryConfig(dim_z, self.dim_a, self.dim_zeta, self.dim_b)


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise InputError(f"Training settings: {rule}.")
