"""What the readers of StyleGAN2's layouts share: run-time factors, and files that are flat lists of named weights.

A flat layout says where each weight lies (`FlatLayout.place`). Asked for are, of each block b (from 0, at 4 px):

    conv0, conv1    weight (out, in, 3, 3), bias, affine.weight (in, V), affine.bias, noise (1, 1, r, r), strength ()
    to_picture      weight (3, C, 1, 1), bias (3,), affine.weight (C, V), affine.bias
    side            weight (out, in, 1, 1), of a residual block
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..networks.mapping import Mapping as MappingNetwork
from ..networks.mapping import mean_w
from ..networks.noise import seeded_noise
from ..networks.stylegan2 import StyleGAN2Config
from .flat_weights import FlatWeights, Place

__all__ = ["GENERATOR", "Classes", "FlatLayout", "flat_config", "flat_state", "scaled", "smoothing"]

GAIN = math.sqrt(2)
"""Follows every leaky ReLU. Positive factors go through one, so it is in what comes before."""
GENERATOR = "StyleGAN2 generator"
CONV = ("weight", "bias", "affine.weight", "affine.bias", "strength", "noise")
PICTURE = ("weight", "bias", "affine.weight", "affine.bias")


def scaled(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A synthesis network's weights as stored -> as `StyleGAN2Generator` has them, in place.

    Equalised learning rate (Karras et al. 2018, section 4.1) divides weights by the root of their fan-in when they are
    used. (A 3x3 convolution's cancels in its demodulation, but keeps what lies between small, for float16.)

    Args:
        state: canonical name -> tensor, its own copy; of any type, for a file may say what it likes.

    Returns:
        the same in float32.
    """
    return {name: tensor.float().mul_(_factor(name, tensor)) for name, tensor in state.items()}


def _factor(name: str, tensor: Tensor) -> float:
    if name.endswith(".weight"):
        return 1 / math.sqrt(max(math.prod(tensor.shape[1:]), 1))  # an empty one is refused when it is built in
    if name.endswith((".conv0.bias", ".conv1.bias", ".strength")):
        return GAIN
    return 1.0


def smoothing(taps: tuple[float, ...]) -> Tensor:
    """The filter (T, T) of one axis's taps: it sums to one."""
    row = torch.tensor(taps, dtype=torch.float32)
    return torch.outer(row, row) / row.sum().square()


@dataclass(frozen=True)
class Classes:
    """How a file tells classes apart."""

    table: Callable[[], Tensor]
    """Gives the class vectors (classes, E)."""
    shape: tuple[int, ...]
    """Of the table."""
    joint_norm: bool
    """Whether class vector and z are normalised as one."""
    names: frozenset[str]
    """Of the weights that it is made of."""


@dataclass(frozen=True)
class FlatLayout(FlatWeights):
    """A generator in a file, as one implementation lays its weights out."""

    place: Callable[[int, str, str], Place]
    """Where a leaf of a module of a block lies: `place(1, "conv0", "affine.bias")`."""
    dense: Callable[[int, str], Place]
    """Where the weight (out, in) or bias of dense layer n of the mapping network lies."""
    constant: str
    mean: str
    """Where the mean style lies; it is computed where the file lacks it."""
    taps: Callable[[], Tensor]
    """Gives the smoothing filter (T, T)."""
    clamp: float = 0.0
    rate: float = 0.01
    """The mapping network's learning-rate multiplier."""
    classes: Classes | None = None


def flat_config(layout: FlatLayout) -> StyleGAN2Config:
    """What fixes the generator's shape, read off the lengths of biases.

    Raises:
        CheckpointError: weights that are missing or nobody knows, or shapes that contradict one another.
    """
    depth = layout.count(lambda number: [layout.dense(number, leaf).name for leaf in ("bias", "weight")])
    blocks = layout.count(lambda block: [layout.place(block, "conv1", leaf).name for leaf in CONV])
    widths = [math.prod(layout.shape(layout.dense(number, "bias").name)) for number in range(depth)]
    n_classes, dim_class = layout.classes.shape if layout.classes else (1, 0)
    try:
        config = StyleGAN2Config(
            dim_z=math.prod(layout.shape(layout.dense(0, "weight").name)) // max(widths[0], 1) - dim_class,
            mapping_widths=tuple(widths),
            n_classes=n_classes,
            dim_class=dim_class,
            joint_norm=layout.classes is not None and layout.classes.joint_norm,
            n_means=1,
            truncated_layers=2 * blocks,
            channels=tuple(math.prod(layout.shape(layout.place(b, "conv1", "bias").name)) for b in range(blocks)),
            architecture=_architecture(layout),
            clamp=layout.clamp,
            taps=len(layout.taps()),
        )
    except InputError as error:
        raise layout.error(f"the shapes are not those of a generator ({error})") from error
    _check_names(layout, config)
    return config


def flat_state(layout: FlatLayout, config: StyleGAN2Config) -> dict[str, Tensor]:
    """The generator's weights under canonical names.

    Raises:
        CheckpointError: weights that are missing, or damaged data.
    """
    places = _places(layout, config)
    silent = {name for name, place in places.items() if name.endswith(".noise") and place.name not in layout.values}
    state = scaled({name: layout.read(place) for name, place in places.items() if name not in silent})
    state["constant"] = layout.read(Place(layout.constant))
    for name in _filters(config):
        state[name] = layout.taps().clone()
    if silent:  # files of the first months: their noise was drawn anew for every picture
        sizes = [torch.zeros(1, 1, side, side) for side in (4 << int(name.split(".")[1]) for name in sorted(silent))]
        drawn = seeded_noise(torch.tensor([0]), sizes, shared=False)
        state |= dict(zip(sorted(silent), drawn, strict=True))
    return state | _mapping(layout, config)


def _mapping(layout: FlatLayout, config: StyleGAN2Config) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for number in range(len(config.mapping_widths)):
        weight = layout.read(layout.dense(number, "weight"))
        state[f"dense.{number}.weight"] = weight.mul_(GAIN * layout.rate / math.sqrt(max(weight.shape[-1], 1)))
        state[f"dense.{number}.bias"] = layout.read(layout.dense(number, "bias")).mul_(GAIN * layout.rate)
    if layout.classes:
        state["classes.weight"] = layout.classes.table()
    if layout.mean in layout.values:
        state["w_avg"] = layout.read(Place(layout.mean)).reshape(1, -1)
    else:
        state["w_avg"] = _mean(layout, config, state)
    return {f"mapping.{name}": tensor for name, tensor in state.items()}


def _mean(layout: FlatLayout, config: StyleGAN2Config, state: Mapping[str, Tensor]) -> Tensor:
    """The mean style, where the file lacks it."""
    mapping = MappingNetwork(config)
    try:
        mapping.load_state_dict({**state, "w_avg": mapping.w_avg})
    except RuntimeError as error:
        raise layout.error(f"the shapes of the mapping network contradict one another ({error})") from error
    return mean_w(mapping)


def _architecture(layout: FlatLayout) -> str:
    if layout.place(0, "to_picture", "bias").name in layout.values:
        return "skip"
    return "resnet" if layout.place(1, "side", "weight").name in layout.values else "orig"


def _modules(config: StyleGAN2Config) -> list[tuple[int, str, tuple[str, ...]]]:
    """(block, module, its leaves) for everything with weights that a layout is asked for."""
    found: list[tuple[int, str, tuple[str, ...]]] = []
    for block in range(len(config.channels)):
        found += [(block, "conv0", CONV)] if block else []
        found += [(block, "conv1", CONV)]
        found += [(block, "side", ("weight",))] if block and config.architecture == "resnet" else []
        if config.architecture == "skip" or block + 1 == len(config.channels):
            found.append((block, "to_picture", PICTURE))
    return found


def _places(layout: FlatLayout, config: StyleGAN2Config) -> dict[str, Place]:
    return {
        f"layers.{block}.{module}.{leaf}": layout.place(block, module, leaf)
        for block, module, leaves in _modules(config)
        for leaf in leaves
    }


def _filters(config: StyleGAN2Config) -> list[str]:
    """Canonical names of the smoothing filters."""
    blocks = range(1, len(config.channels))
    owners = [f"layers.{block}.conv0" for block in blocks]
    owners += [f"layers.{block}" for block in blocks if config.architecture == "skip"]
    owners += [f"layers.{block}.side" for block in blocks if config.architecture == "resnet"]
    return [f"{owner}.taps" for owner in owners]


def _check_names(layout: FlatLayout, config: StyleGAN2Config) -> None:
    known = {place.name for place in _places(layout, config).values()} | {layout.constant, layout.mean}
    known |= layout.classes.names if layout.classes else set()
    known |= {layout.dense(n, leaf).name for n in range(len(config.mapping_widths)) for leaf in ("weight", "bias")}
    layout.check_known(known)
