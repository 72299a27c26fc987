"""Small StyleGAN2 snapshots of random weights, as NVIDIA's PyTorch code writes them.

Written from Karras et al. 2020 (section 2 and appendix B) and the description of the files. The smoothing filters are
lopsided, which real ones are not, so that a mirrored one shows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import toy_stylegan3
from toy_stylegan3 import Raw

__all__ = ["CHANNELS", "CLASSES", "DIM_W", "DIM_Z", "at", "discriminator", "snapshot", "write"]

DIM_Z, DIM_W, CLASSES, CLAMP = 5, 6, 3, 4
CHANNELS = (5, 4, 3)
"""Of the blocks at 4, 8 and 16 px."""

USUAL = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
"""The smoothing filter of all published models."""

at = toy_stylegan3.at


def write(path: Path, generator: Raw, judge: Raw | None = None) -> Path:
    """A snapshot file that holds a generator as `G_ema` and, where given, a discriminator as `D`."""
    return toy_stylegan3.write(path, generator, **({"D": judge} if judge else {}))


def snapshot(architecture: str = "skip", *, classes: int = CLASSES, noisy: bool = True, usual: bool = False) -> Raw:
    """An averaged generator of 16 px; `classes` 0 makes it unconditional; if not `noisy` it was made without noise.

    `usual`: with the smoothing filter and without the bound, as the layouts have it that do not say.
    """
    draw = np.random.default_rng(0)
    taps = USUAL if usual else lopsided(draw)
    blocks = {f"b{4 << n}": _block(draw, n, architecture, taps, noisy) for n in range(len(CHANNELS))}
    synthesis = Raw("SynthesisNetwork", parts=blocks, settings={"num_ws": 2 * len(CHANNELS)})
    parts = {"embed": _dense(draw, classes, DIM_W)} if classes else {}
    for number, width in enumerate((DIM_Z + (DIM_W if classes else 0), DIM_W)):
        parts[f"fc{number}"] = _dense(draw, width, DIM_W, "lrelu", 0.01)
    mapping = Raw("MappingNetwork", buffers={"w_avg": draw.normal(size=DIM_W)}, parts=parts)
    settings = {"z_dim": DIM_Z, "c_dim": classes, "img_resolution": 4 << len(CHANNELS) - 1}
    return Raw("Generator", parts={"synthesis": synthesis, "mapping": mapping}, settings=settings)


def discriminator(architecture: str = "resnet", *, classes: int = CLASSES, usual: bool = False) -> Raw:
    """A discriminator of 16 px; `usual` as for `snapshot`."""
    draw, widths = np.random.default_rng(100), CHANNELS[::-1]
    taps = USUAL if usual else lopsided(draw)
    parts = {}
    for number, width in enumerate(widths):
        last = number + 1 == len(widths)
        inner = {"conv": _conv(draw, width + 1, width, 3)} if last else {"conv0": _conv(draw, width, width, 3)}
        if not last:
            inner["conv1"] = _conv(draw, width, widths[number + 1], 3, taps)
        if not last and architecture == "resnet":
            inner["skip"] = _conv(draw, width, widths[number + 1], 1, activation="linear")
        if number == 0 or architecture == "skip":
            inner["fromrgb"] = _conv(draw, 3, width, 1)
        if last:
            inner |= {
                "fc": _dense(draw, 16 * width, width, "lrelu"),
                "out": _dense(draw, width, width if classes else 1),
            }
        parts[f"b{4 << len(widths) - 1 - number}"] = Raw("Block", {}, {}, inner, {"architecture": architecture})
    if classes:
        width = widths[-1]
        inner = {"embed": _dense(draw, classes, width), "fc0": _dense(draw, width, width, "lrelu", 0.01)}
        parts["mapping"] = Raw("MappingNetwork", parts=inner)
    return Raw("Discriminator", parts=parts)


def lopsided(draw: np.random.Generator) -> np.ndarray:
    """A smoothing filter (4, 4), not symmetric; sums to one."""
    taps = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) * draw.uniform(0.5, 1.5, size=(4, 4))
    return taps / taps.sum()


def _block(draw: np.random.Generator, number: int, architecture: str, taps: np.ndarray, noisy: bool) -> Raw:
    width, size, before = CHANNELS[number], 4 << number, CHANNELS[number - 1]
    parts = {"conv0": _modulated(draw, before, width, size, taps, noisy)} if number else {}
    parts["conv1"] = _modulated(draw, width, width, size, taps, noisy)
    if architecture == "skip" or number + 1 == len(CHANNELS):
        parts["torgb"] = Raw(
            "ToRGBLayer",
            {"weight": draw.normal(size=(3, width, 1, 1)), "bias": draw.normal(scale=0.3, size=3)},
            parts={"affine": _affine(draw, width)},
            settings={"conv_clamp": CLAMP, "weight_gain": 1 / np.sqrt(width)},
        )
    if number and architecture == "resnet":
        parts["skip"] = _conv(draw, before, width, 1, taps, "linear")
    own = {} if number else {"const": draw.normal(size=(width, 4, 4))}
    return Raw("SynthesisBlock", own, {"resample_filter": taps}, parts, {"architecture": architecture})


def _modulated(draw: np.random.Generator, width_in: int, width: int, size: int, taps: np.ndarray, noisy: bool) -> Raw:
    tensors = {"weight": draw.normal(size=(width, width_in, 3, 3)), "bias": draw.normal(scale=0.3, size=width)}
    buffers: dict[str, np.ndarray | None] = {"resample_filter": taps}
    if noisy:
        tensors["noise_strength"] = draw.normal(scale=0.3, size=())
        buffers["noise_const"] = draw.normal(size=(size, size))
    settings = {"conv_clamp": CLAMP, "activation": "lrelu", "use_noise": noisy}
    return Raw("SynthesisLayer", tensors, buffers, {"affine": _affine(draw, width_in)}, settings)


def _affine(draw: np.random.Generator, width: int) -> Raw:
    return _dense(draw, DIM_W, width, bias=draw.uniform(0.5, 1.5, size=width))


def _dense(
    draw: np.random.Generator, width_in: int, width: int, activation: str = "linear", rate: float = 1, bias: Any = None
) -> Raw:
    bias = draw.normal(scale=0.5, size=width) if bias is None else bias
    settings = {"activation": activation, "weight_gain": rate / np.sqrt(width_in), "bias_gain": rate}
    return Raw(
        "FullyConnectedLayer",
        {"weight": draw.normal(size=(width, width_in)) / rate, "bias": bias / rate},
        settings=settings,
    )


def _conv(
    draw: np.random.Generator, width_in: int, width: int, kernel: int, taps: Any = None, activation: str = "lrelu"
) -> Raw:
    tensors = {"weight": draw.normal(size=(width, width_in, kernel, kernel))}
    if activation == "lrelu":
        tensors["bias"] = draw.normal(scale=0.3, size=width)
    settings = {
        "activation": activation,
        "weight_gain": 1 / np.sqrt(width_in * kernel**2),
        "conv_clamp": CLAMP if activation == "lrelu" else None,
    }
    return Raw("Conv2dLayer", tensors, {} if taps is None else {"resample_filter": taps}, settings=settings)
