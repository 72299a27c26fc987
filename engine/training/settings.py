"""What a training run can be set to. Each field is a flag of `neural-collage train`, with its text as the help."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError
from ..networks.auxiliary import AuxiliaryConfig
from ..networks.sngan_encoder import ENCODER_CHANNELS, EncoderConfig
from .families import FAMILIES
from .losses import LOSSES

__all__ = ["AuxiliarySettings", "EncoderSettings", "GanSettings", "RunSettings"]

PRECISIONS = ("auto", "bf16", "fp32", "fp64")


def told(text: str, default: Any = None, paper: Any = None) -> Any:
    """A field with its help, its default, if it has one, and what the paper or the original's configuration has."""
    metadata = {"help": text, "paper": paper}
    return field(metadata=metadata) if default is None else field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What every kind of training has."""

    steps: int = told("steps in all", 20_000, paper=450_000)
    decay_from: float = told("share of the steps after which the rates fall linearly to zero", 8 / 9, paper="8/9")
    batch: int = told("real pictures a step, over all processes", 32, paper="16; 8 at 256 px, and for A and B")
    accumulate: int = told("parts that a batch is cut into, one after the other, to save memory", 1, paper=1)
    beta1: float = told("Adam's first beta", 0.0, paper=0.0)
    beta2: float = told("Adam's second beta", 0.9, paper="0.9; BigGAN: 0.999")
    adam_eps: float = told("added to the denominator of Adam's steps", 1e-8, paper="1e-8; BigGAN: 1e-6")
    flips: bool = told("mirror real pictures at random", True, paper="no for the GAN of dogs and cats, else yes")
    crop: float = told("side of the square cut at a random place out of the middle square", 1.0, paper=0.9)
    noise: float = told("uniform noise up to this much on real pictures in [-1, 1]", 0.0, paper="1/128")
    balance: bool = told("draw every class equally often, however many pictures it has", False, paper=False)
    precision: str = told(
        f"{', '.join(PRECISIONS)}: auto is bf16, which is mixed, where the device has it, else fp32",
        "auto",
        paper="fp32",
    )
    seed: int = told("seed of everything random", 0, paper=0)

    def __post_init__(self) -> None:
        counts = (self.steps, self.batch, self.accumulate)
        _require(min(counts) >= 1, f"steps, batch and accumulate are at least 1; got {counts}")
        _require(self.precision in PRECISIONS, f"precision is one of {', '.join(PRECISIONS)}; got {self.precision!r}")
        _require(0 <= self.decay_from <= 1, f"decay_from lies in [0, 1]; got {self.decay_from}")
        _require(0 <= self.beta1 < 1 and 0 <= self.beta2 < 1, f"betas lie in [0, 1); got {self.beta1}, {self.beta2}")
        _require(0 < self.adam_eps <= 1, f"adam_eps lies above 0, up to 1; got {self.adam_eps}")
        _require(0.1 <= self.crop <= 1, f"crop lies in [0.1, 1]; got {self.crop}")
        _require(0 <= self.noise <= 1, f"noise lies in [0, 1]; got {self.noise}")

    def rate_factor(self, step: int) -> float:
        """What the learning rates are multiplied by at a step: 1, then falling linearly to 0 at the end."""
        start = self.decay_from * self.steps
        return 1.0 if step < start else (self.steps - step) / max(1.0, self.steps - start)


@dataclass(frozen=True, kw_only=True)
class GanSettings(RunSettings):
    """Settings of adversarial training. The defaults are for small models."""

    family: str = told(f"kind of the networks: {' or '.join(FAMILIES)}", "sngan", paper="sngan")
    generator: tuple[int, ...] = told("widths of the first 4x4 map and of each block's output", paper="its presets")
    discriminator: tuple[int, ...] = told("widths of each block's output", paper="its presets")
    shrinking: int = told("how many blocks of the discriminator halve the size", paper="5; 6 at 256 px")
    hidden: str = told("width of a discriminator block's first convolution: input or output", "input", "output at 256")
    dim_z: int = told("length of the latent", 128, paper="128; BigGAN: 120")
    shared_dim: int = told(
        "length of the class embedding that all norms share, which goes with a latent cut into slots; 0: class tables",
        0,
        paper="0; BigGAN: 128",
    )
    attention: tuple[int, ...] = told(
        "sides of the maps, in pixels, that go through self-attention; 0: none", (), paper="none; BigGAN: 64"
    )
    fakes: int = told("made pictures in each generator step", 32, paper="twice the batch; BigGAN: the batch")
    discriminator_steps: int = told("discriminator steps after each generator step", 1, paper="5; BigGAN: 1")
    generator_rate: float = told("Adam's rate of the generator", 2e-4, paper="2e-4; BigGAN: 1e-4")
    discriminator_rate: float = told("Adam's rate of the discriminator", 4e-4, paper="2e-4; BigGAN: 4e-4")
    loss: str = told(f"{' or '.join(LOSSES)} (non-saturating)", "hinge", paper="hinge")
    r1: float = told("weight of the gradient penalty R1 on real pictures; 0 for none", 0.0, paper=0.0)
    r1_every: int = told("steps between penalties, each counted so many times", 16)
    orthogonal: float = told(
        "weight of orthogonal regularisation of the generator", 0.0, paper="0; BigGAN: 1e-4, but 0 in its script"
    )
    average: float = told(
        "decay of the generator's moving average; 0 keeps the last weights", 0.999, paper="0; BigGAN: 0.9999"
    )
    average_from: int = told("step before which the average is the last weights", 0, paper="0; BigGAN: 20000")
    augment: str = told(
        "differentiable augmentation: none, or colour, translation, cutout, each with :STRENGTH",
        "colour:0.3,translation,cutout:0.5",
        paper="none",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "generator", tuple(self.generator))
        object.__setattr__(self, "discriminator", tuple(self.discriminator))
        object.__setattr__(self, "attention", tuple(side for side in self.attention if side))
        counts = (self.fakes, self.discriminator_steps, self.r1_every)
        rates = (self.generator_rate, self.discriminator_rate, self.r1, self.orthogonal)
        _require(self.family in FAMILIES, f"family is {' or '.join(FAMILIES)}; got {self.family!r}")
        _require(min(counts) >= 1, f"fakes, discriminator_steps and r1_every are at least 1; got {counts}")
        _require(_amounts(*rates), f"learning rates, r1 and orthogonal are finite and at least 0; got {rates}")
        _require(min(self.shared_dim, self.average_from) >= 0, "shared_dim and average_from are at least 0")
        _require(self.hidden in ("input", "output"), f"hidden is input or output; got {self.hidden!r}")
        _require(self.loss in LOSSES, f"loss is {' or '.join(LOSSES)}; got {self.loss!r}")
        _require(0 <= self.average < 1, f"average lies in [0, 1); got {self.average}")
        _require(
            not self.average or self.average_from < self.steps,
            f"the average begins before the run ends, or what is released are the last weights: average_from is below "
            f"the {self.steps} steps, or average 0; got average_from {self.average_from}",
        )

    @property
    def resolution(self) -> int:
        """Side of the pictures, in pixels."""
        return self.configs(1)[0].resolution

    def configs(self, n_classes: int) -> tuple[Any, Any]:
        """The shapes of generator and discriminator for so many classes; one class needs no class term.

        Raises:
            InputError: widths and numbers that make no network of the family.
        """
        return FAMILIES[self.family].shapes(self, n_classes)


@dataclass(frozen=True, kw_only=True)
class EncoderSettings(RunSettings):
    """Settings of encoder training (eq. 4)."""

    channels: tuple[int, ...] = told("widths of the first convolution and of each block; or see ch", ())
    ch: int = told("width that the paper's layout is a multiple of", 24, paper=64)
    input_size: int = told("side that pictures are brought to before the encoder; 0: the model's", 0, paper=128)
    rate: float = told("Adam's rate", 4e-4, paper="5e-5; 2e-4 for birds")
    pixel_weight: float = told("weight of the mean squared pixel difference beside eq. 4", 0.2, paper=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "channels", tuple(self.channels))
        least = (self.rate, self.pixel_weight)
        _require(_amounts(*least), f"rate and pixel_weight are finite and at least 0; got {least}")

    def config(self, resolution: int, n_classes: int, dim_z: int) -> EncoderConfig:
        """The encoder's shape for a generator of this size."""
        size = self.input_size or resolution
        layout = ENCODER_CHANNELS.get(str(size), ())
        _require(bool(self.channels or layout), f"there is no layout for {size} px; give channels, one a halving")
        return EncoderConfig(self.channels or tuple(m * self.ch for m in layout), n_classes, dim_z)


@dataclass(frozen=True, kw_only=True)
class AuxiliarySettings(RunSettings):
    """Settings of auxiliary training (eq. 6)."""

    steps: int = told("steps in all", 40, paper=450_000)
    batch: int = told("real pictures a step, over all processes", 8, paper=8)
    dim_a: int = told("width of A's hidden layer; 0: twice the latent", 0, paper=1000)
    dim_zeta: int = told("length of zeta; 0: the latent's, as on axes", 0, paper=10_000)
    dim_b: int = told("width of B's hidden layer; 0: twice the latent", 0, paper=1000)
    axes: int = told("slopes of eq. 4 on whose principal axes zeta starts; 0: random weights", 512, paper=0)
    rate: float = told("Adam's rate of A and B", 5e-5, paper=5e-5)
    step_rate: float = told("Adam's rate of the inner step sizes", 1e-4, paper="5e-5; 0 in the original's code")
    inner_rate: float = told("where the inner step sizes start", 0.015, paper=2e-4)
    loss_weights: tuple[float, ...] = told(
        "weights of the inner loss before, between and after the fast steps", (1.0, 2.0, 20.0), paper="20,2,1"
    )
    code_weight: float = told("weight of the reconstruction of z by B(A(z))", 100.0, paper=100)
    inner_pixel_weight: float = told("weight of the pixel term in the inner loss", 0.05, paper=0.05)
    code_steps: int = told("steps at the start that learn B(A(z)) = z alone, forty times as fast", 0, paper=0)
    weight_decay: float = told("added to each gradient, times the weight", 1e-4, paper=1e-4)
    clip: float = told("largest norm of the gradients of A, B and the step sizes together", 100.0, paper=100)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "loss_weights", tuple(self.loss_weights))
        least = (self.rate, self.step_rate, self.inner_rate, self.weight_decay, self.code_weight)
        least += (self.inner_pixel_weight, *self.loss_weights)
        _require(_amounts(*least), f"rates, weights and weight_decay are finite and at least 0; got {least}")
        _require(self.clip > 0, "clip is above 0")
        _require(min(self.code_steps, self.axes) >= 0, "code_steps and axes are at least 0")
        _require(
            not (self.code_steps and self.axes),
            "code_steps and axes exclude one another: on axes B(A(z)) = z from the start, and steps that learn it only "
            f"spoil it. Give axes 0, or no code_steps; got code_steps {self.code_steps}, axes {self.axes}",
        )
        _require(
            self.axes > 0 or self.dim_zeta > 0,
            "a pair from random weights (axes 0) needs a length of zeta, many times the latent's. Give dim_zeta; the "
            "paper's is 10000",
        )
        _require(len(self.loss_weights) >= 1, "loss_weights has one weight, and one more for each fast step")

    def config(self, dim_z: int) -> AuxiliaryConfig:
        """The pair's shape for a generator with latents of this length."""
        return AuxiliaryConfig(dim_z, self.dim_a or 2 * dim_z, self.dim_zeta or dim_z, self.dim_b or 2 * dim_z)

    def check_start(self, dim_z: int) -> None:
        """Find out at once that a new pair cannot start as it is to.

        Raises:
            InputError: it is to start on axes, and its widths are not those of axes.
        """
        own = self.config(dim_z)
        _require(
            not self.axes or own.fits_axes,
            f"to start on axes, dim_a and dim_b are at least {2 * dim_z}, twice the latent, and dim_zeta is {dim_z}, "
            f"as the latent; got {own}. Leave all three at 0, or start from random weights (axes 0)",
        )


def _amounts(*values: float) -> bool:
    """Whether all are finite and at least 0."""
    return all(math.isfinite(value) and value >= 0 for value in values)


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise InputError(f"Training settings: {rule}.")
