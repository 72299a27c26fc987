"""Small StyleGAN3 and StyleGAN-XL snapshots of random weights, as their training writes them, and the plan behind.

Written from Karras et al. 2021 (section 3 and appendix C) and the description of the files; filters by SciPy.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import old_files
import scipy.signal
import scipy.special
import torch

__all__ = ["DIM_W", "DIM_Z", "Raw", "at", "snapshot", "write", "written"]

DIM_Z, DIM_W, CHANNELS, CLASSES = 5, 6, 4, 3
MARGIN, TAPS, SLOPE_RATE = 4, 6, 2


@dataclass
class Raw:
    """A module of a snapshot: names of classes and attributes as there, numbers in NumPy."""

    kind: str
    parameters: dict[str, np.ndarray] = field(default_factory=dict)
    buffers: dict[str, np.ndarray | None] = field(default_factory=dict)
    parts: dict[str, Raw] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        """A tensor or None, a part, or an attribute."""
        return next(held[name] for held in (self.parameters, self.buffers, self.parts, self.settings) if name in held)


@dataclass
class Plan:
    """What the original derives of a synthesis network from its picture's size (appendix C.1, table 5)."""

    cutoffs: np.ndarray
    half_widths: np.ndarray
    rates: np.ndarray
    sizes: np.ndarray
    channels: list[int]


def at(raw: Raw, place: str) -> Raw:
    """A part by its dotted name."""
    for name in place.split(".") if place else ():
        raw = raw.parts[name]
    return raw


def snapshot(kind: str = "T", *, classes: int = CLASSES, seed: int = 0) -> Raw:
    """An averaged generator of 32 px: "T", "R", "XL" (configuration T at 16 px, and a head for 32 px).

    `classes` 0 makes it unconditional.
    """
    draw = np.random.default_rng(seed)
    radial = kind == "R"
    if kind == "XL":
        stem = _plan(16, 3, 2.0, 2.0**2.1)
        parts = {f"L{n}": _layer(draw, stem, n, 3, False) for n in range(2)}  # the last two make way for the head
        head = _plan(32, 3, stem.cutoffs[1], stem.cutoffs[1] + stem.half_widths[1], first_rate=stem.rates[1])
        parts |= {f"L{2 + n}": _layer(draw, head, n, 3, False) for n in range(4)}
        plan = stem
    else:
        plan = _plan(32, 4, 2.0, 2.0**2.1)
        parts = {f"L{n}": _layer(draw, plan, n, 1 if radial else 3, radial) for n in range(5)}
    named = {f"{n}_{layer['out_size'][0]}_{len(layer['bias'])}": layer for n, layer in parts.items()}
    synthesis = Raw(
        "SynthesisNetwork",
        parts={"input": _input(draw, plan), **named},
        settings={"layer_names": list(named), "output_scale": 0.25, "num_ws": len(named) + 1},
    )
    mapping = _xl_mapping(draw, classes) if kind == "XL" else _mapping(draw, classes)
    name = "SuperresGenerator" if kind == "XL" else "Generator"
    return Raw(name, parts={"synthesis": synthesis, "mapping": mapping}, settings={"z_dim": DIM_Z, "c_dim": classes})


def write(path: Path, generator: Raw, **entries: Any) -> Path:
    """A snapshot file that holds it as `G_ema`, and other entries: modules or plain data."""
    path.write_bytes(written(generator, **entries))
    return path


def written(generator: Raw, protocol: int = 4, **entries: Any) -> bytes:
    """What is in such a file."""
    with old_files.foreign() as known:
        content = {"training_set_kwargs": known.EasyDict(path="a/path"), "G_ema": _foreign(known, generator)}
        content |= {
            name: _foreign(known, entry) if isinstance(entry, Raw) else entry for name, entry in entries.items()
        }
        return pickle.dumps({"augment_pipe": None, **content}, protocol)


def _foreign(known: Any, raw: Raw) -> Any:
    if raw.kind == "Embedding":
        return torch.nn.Embedding.from_pretrained(torch.from_numpy(raw["weight"]))
    parts = {name: _foreign(known, part) for name, part in raw.parts.items()}
    tensors = {name: _tensor(value) for name, value in raw.parameters.items()}
    module = old_files.module(known, raw.kind, tensors, parts, **raw.settings)
    module.meta["state"]["_buffers"] = {n: None if v is None else _tensor(v) for n, v in raw.buffers.items()}
    return module


def _tensor(value: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(value, dtype=np.float32))


def _plan(resolution: int, layers: int, cutoff: float, stopband: float, first_rate: float = 0) -> Plan:
    """Frequencies grow geometrically up to the last two layers; rates are the powers of two that carry them."""
    last = resolution / 2
    way = np.minimum(np.arange(layers + 1) / (layers - 1), 1)
    cutoffs = cutoff * (last / cutoff) ** way
    stopbands = stopband * (last * 2**0.3 / stopband) ** way
    rates = 2 ** np.ceil(np.log2(np.minimum(stopbands * 2, resolution)))
    rates[0] = first_rate or rates[0]
    sizes = rates + 2 * MARGIN
    sizes[-2:] = resolution
    channels = [CHANNELS] * layers + [3]
    return Plan(cutoffs, np.maximum(stopbands, rates / 2) - cutoffs, rates, sizes, channels)


def _input(draw: np.random.Generator, plan: Plan) -> Raw:
    channels, size = plan.channels[0], int(plan.sizes[0])
    return Raw(
        "SynthesisInput",
        {"weight": draw.normal(size=(channels, channels))},
        {
            "transform": np.eye(3),
            "freqs": draw.normal(size=(channels, 2)),
            "phases": draw.uniform(-0.5, 0.5, size=channels),
        },
        {"affine": _dense(draw, DIM_W, 4, "linear", bias=np.array([1.0, 0.2, 0.1, -0.2]))},
        {"size": np.array([size, size]), "sampling_rate": np.float64(plan.rates[0]), "bandwidth": plan.cutoffs[0]},
    )


def _layer(draw: np.random.Generator, plan: Plan, number: int, kernel: int, radial: bool) -> Raw:
    layers, before = len(plan.rates) - 1, max(number - 1, 0)
    colours, kernel = number == layers, 1 if number == layers else kernel
    fine = max(plan.rates[before], plan.rates[number]) * (1 if colours else SLOPE_RATE)
    up, down = int(fine / plan.rates[before]), int(fine / plan.rates[number])
    radial = radial and number < layers - 1
    up_filter = None if up == 1 else lowpass(TAPS * up, plan.cutoffs[before], plan.half_widths[before], fine, False)
    down_filter = (
        None if down == 1 else lowpass(TAPS * down, plan.cutoffs[number], plan.half_widths[number], fine, radial)
    )
    size_in, size_out = int(plan.sizes[before]), int(plan.sizes[number])
    # Real filters are symmetric; these are not, so that a mirrored one shows.
    up_filter, down_filter = (f if f is None else f * draw.uniform(0.8, 1.2, f.shape) for f in (up_filter, down_filter))
    lengths = sum(len(each) - 1 for each in (up_filter, down_filter) if each is not None)
    missing = (size_out - 1) * down + 1 + lengths - (size_in + kernel - 1) * up
    low = (missing + up) // 2
    width = plan.channels[before]
    return Raw(
        "SynthesisLayer",
        {
            "weight": draw.normal(size=(plan.channels[number], width, kernel, kernel)),
            "bias": draw.normal(scale=0.3, size=plan.channels[number]),
        },
        {"magnitude_ema": draw.uniform(0.5, 2, size=()), "up_filter": up_filter, "down_filter": down_filter},
        {"affine": _dense(draw, DIM_W, width, "linear", bias=np.ones(width))},
        {
            "is_torgb": colours,
            "in_size": np.array([size_in, size_in]),
            "out_size": np.array([size_out, size_out]),
            "in_sampling_rate": int(plan.rates[before]),
            "out_sampling_rate": int(plan.rates[number]),
            "up_factor": up,
            "down_factor": down,
            "padding": [low, missing - low] * 2,
            "conv_clamp": 2,
        },
    )


def lowpass(taps: int, cutoff: float, half_width: float, rate: float, radial: bool) -> np.ndarray:
    """A Kaiser low-pass filter: for each axis, or one disc (section 3.2, equation 6)."""
    if not radial:
        return np.asarray(scipy.signal.firwin(taps, cutoff, width=2 * half_width, fs=rate))
    places = (np.arange(taps) - (taps - 1) / 2) / rate
    radius = np.hypot(places[:, None], places[None])
    disc = scipy.special.j1(2 * np.pi * cutoff * radius) / radius
    window = np.kaiser(taps, scipy.signal.kaiser_beta(scipy.signal.kaiser_atten(taps, 4 * half_width / rate)))
    disc *= np.outer(window, window)
    return disc / disc.sum()


def _dense(
    draw: np.random.Generator, width_in: int, width_out: int, activation: str, rate: float = 1, bias: Any = None
) -> Raw:
    bias = draw.normal(scale=0.5, size=width_out) if bias is None else bias
    return Raw(
        "FullyConnectedLayer",
        {"weight": draw.normal(size=(width_out, width_in)) / rate, "bias": bias / rate},
        settings={"activation": activation, "weight_gain": rate / np.sqrt(width_in), "bias_gain": rate},
    )


def _mapping(draw: np.random.Generator, classes: int) -> Raw:
    parts = {"embed": _dense(draw, classes, DIM_W, "linear")} if classes else {}
    widths = (DIM_Z + (DIM_W if classes else 0), DIM_W)
    parts |= {f"fc{n}": _dense(draw, width, DIM_W, "lrelu", 0.01) for n, width in enumerate(widths)}
    return Raw("MappingNetwork", buffers={"w_avg": draw.normal(size=DIM_W)}, parts=parts)


def _xl_mapping(draw: np.random.Generator, classes: int) -> Raw:
    """Its table has a row more than there are classes, as CIFAR's has 990 more."""
    table = draw.normal(size=(classes + 1, 7)).astype(np.float32)
    parts = {"embed": Raw("Embedding", {"weight": table})}
    parts |= {"embed_proj": _dense(draw, 7, DIM_Z, "lrelu")} if classes else {}
    widths = (DIM_Z * (2 if classes else 1), DIM_W)
    parts |= {f"fc{n}": _dense(draw, width, DIM_W, "lrelu", 0.01) for n, width in enumerate(widths)}
    means = draw.normal(size=(classes, DIM_W) if classes else DIM_W)
    return Raw("MappingNetwork", buffers={"w_avg": means}, parts=parts)
