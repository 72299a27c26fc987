"""Reading BigGAN's and BigGAN-deep's generators, whatever their modules are called in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import InputError
from ..networks.biggan import BigGANConfig
from ..networks.biggan_deep import BOTTOM, BigGANDeepConfig
from .resnet_generator import attention_state, convolution_state
from .torch_weights import TorchWeights

__all__ = ["Names", "deep_config", "generator_state", "places", "staged_config", "wide_config"]

STATISTICS = (
    # mean and variance of a norm: ajbrock's; torch's, StudioGAN's and cross-replica norms'; by truncation
    ("stored_mean", "stored_var"),
    ("running_mean", "running_var"),
    ("running_means", "running_vars"),
)
COUNTER = "accumulation_counter"
"""ajbrock's own norm (`mybn`) sums statistics up and counts; at 0 they are running averages."""


@dataclass(frozen=True)
class Names:
    """What the modules of a generator are called in a file."""

    first: str
    """The linear layer."""
    shared: str
    """The class embedding; empty where there is none."""
    blocks: Sequence[str]
    """The residual blocks, in order."""
    inside: Mapping[str, str]
    """The convolutions and norms of a block: ours -> theirs."""
    gain: str
    """In a conditional norm, what gives the gain."""
    shift: str
    """And what gives the shift."""
    attention: Mapping[int, str]
    """Number of a block, from 0 -> the attention behind it."""
    attention_inside: Mapping[str, str]
    """The parts of attention: ours -> theirs."""
    last_norm: str
    """The norm at the end."""
    last_norm_inside: tuple[str, str]
    """Its scale and its shift."""
    last_conv: str
    """The convolution at the end."""


def places(weights: TorchWeights, pattern: str, convolution: str, gamma: str) -> tuple[list[str], dict[int, str]]:
    """The blocks, and the attention behind them, where both are entries of one list, numbered by `pattern`.

    Returns:
        Places of the blocks that have `convolution`, and of attention, which has `gamma`, by the block before it.
    """
    blocks: list[str] = []
    attention: dict[int, str] = {}
    number = 0
    while True:
        place = pattern.format(number)
        if f"{place}.{convolution}.weight" in weights:
            blocks.append(place)
        elif blocks and f"{place}.{gamma}" in weights:
            attention[len(blocks) - 1] = place
        else:
            return blocks, attention
        number += 1


def wide_config(weights: TorchWeights, names: Names, eps: float, last_eps: float) -> BigGANConfig:
    """The sizes of a BigGAN generator, read off the shapes of its weights; eps is no weight.

    Raises:
        CheckpointError: weights are missing, or their shapes contradict one another.
    """
    rows, slot = weights.shape(f"{names.first}.weight", 2)
    channels = _channels(weights, names, "conv2")
    rule = weights.shape(f"{names.blocks[0]}.{names.inside['norm1']}.{names.gain}.weight", 2)
    n_classes, shared_dim = weights.shape(f"{names.shared}.weight", 2) if names.shared else (rule[0], 0)
    hierarchical = bool(names.shared) and rule[1] > shared_dim
    dim_z = slot * len(channels) if hierarchical else slot
    try:
        config = BigGANConfig(
            channels=channels,
            n_classes=n_classes,
            dim_z=dim_z,
            shared_dim=shared_dim,
            hierarchical=hierarchical,
            attention=tuple(names.attention),
            eps=eps,
            last_eps=last_eps,
        )
        return replace(config, bottom=_bottom(weights, rows, channels[0]))
    except InputError as error:
        raise weights.error(f"the shapes are impossible: {error}") from error


def deep_config(
    weights: TorchWeights, names: Names, embedding: tuple[int, ...], doubling: Sequence[bool], eps: tuple[float, float]
) -> BigGANDeepConfig:
    """The sizes of a BigGAN-deep generator whose class embedding has the shape `embedding`, (classes, length).

    Which blocks double the size, and eps and that of the last norm, are no weights.

    Raises:
        CheckpointError: weights are missing, or their shapes contradict one another.
    """
    channels = _channels(weights, names, "conv4")
    n_classes, shared_dim = embedding
    rows, length = weights.shape(f"{names.first}.weight", 2)
    if rows != BOTTOM**2 * channels[0] or weights.shape(f"{names.first}.bias", 1) != (rows,):
        raise weights.error(f"the first layer must make {BOTTOM}x{BOTTOM} maps of {channels[0]} channels; it does not")
    try:
        return BigGANDeepConfig(
            channels=channels,
            doubling=tuple(doubling),
            n_classes=n_classes,
            dim_z=length - shared_dim,
            shared_dim=shared_dim,
            attention=tuple(names.attention),
            side="side" in names.inside,
            statistics=1,
            eps=eps[0],
            last_eps=eps[1],
        )
    except InputError as error:
        raise weights.error(f"the shapes are impossible: {error}") from error


def staged_config(weights: TorchWeights, names: Names, eps: float, last_eps: float) -> BigGANDeepConfig:
    """The same for code that makes two blocks a stage, of which the second doubles the size.

    Raises:
        CheckpointError: weights are missing, or their shapes contradict one another.
    """
    doubling = [number % 2 == 1 for number in range(len(names.blocks))]
    return deep_config(weights, names, weights.shape(f"{names.shared}.weight", 2), doubling, (eps, last_eps))


def _channels(weights: TorchWeights, names: Names, last: str) -> tuple[int, ...]:
    """Widths of the first map and of each block's output, which its convolution `last` makes."""
    if not names.blocks:
        raise weights.error("there are no residual blocks")
    first = weights.shape(f"{names.blocks[0]}.{names.inside['conv1']}.weight", 4)[1]
    return first, *(weights.shape(f"{block}.{names.inside[last]}.weight", 4)[0] for block in names.blocks)


def _bottom(weights: TorchWeights, rows: int, channels: int) -> int:
    side = round((rows / channels) ** 0.5)
    if side * side * channels != rows:
        raise weights.error(f"the first layer must make a square map of {channels} channels; {rows} numbers do not")
    return side


def generator_state(weights: TorchWeights, names: Names) -> dict[str, Tensor]:
    """All weights of a generator under canonical names, spectral norms divided out.

    Raises:
        CheckpointError: weights are missing or unknown.
    """
    state = _named("first", convolution_state(weights, names.first))
    if names.shared:
        state["shared.weight"] = weights.folded(names.shared)
    for number, block in enumerate(names.blocks):
        for ours, theirs in names.inside.items():
            module = f"{block}.{theirs}"
            read = _norm(weights, names, module) if ours.startswith("norm") else convolution_state(weights, module)
            state |= _named(f"layers.{number}.{ours}", read)
    for number, module in names.attention.items():
        attention = attention_state(weights, module, names.attention_inside)
        state |= _named(f"layers.{number}.attention", attention)
    pair = zip(("weight", "bias"), names.last_norm_inside, strict=True)
    last = {ours: weights.take(f"{names.last_norm}.{theirs}") for ours, theirs in pair}
    state |= _named("last_norm", last | _statistics(weights, names.last_norm))
    state |= _named("last_conv", convolution_state(weights, names.last_conv))
    weights.finish()
    return state


def _norm(weights: TorchWeights, names: Names, module: str) -> dict[str, Tensor]:
    """Gain and shift as one map: of a condition, whose rows are channels; or a class table, whose columns are."""
    gain, shift = (f"{module}.{name}" for name in (names.gain, names.shift))
    if weights.shape(f"{gain}.weight", 2) != weights.shape(f"{shift}.weight", 2):
        raise weights.error(f"{gain} and {shift} must be of one size")
    pair = [weights.folded(name) for name in (gain, shift)]
    return {"affine.weight": torch.cat(pair, dim=0 if names.shared else 1), **_statistics(weights, module)}


def _statistics(weights: TorchWeights, module: str) -> dict[str, Tensor]:
    """Mean and variance (rows, C) of a norm, which may keep them in a norm of its own."""
    found = [
        (place, pair) for place in (module, f"{module}.bn") for pair in STATISTICS if f"{place}.{pair[0]}" in weights
    ]
    if not found:
        raise weights.error(f"the statistics of {module} are missing")
    place, pair = found[0]
    count = float(weights.take(f"{place}.{COUNTER}").flatten()[0]) if f"{place}.{COUNTER}" in weights else 0.0
    tables = (weights.take(f"{place}.{name}") / max(count, 1.0) for name in pair)
    return dict(zip(("means", "vars"), (torch.atleast_2d(table) for table in tables), strict=True))


def _named(place: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{place}.{name}": tensor for name, tensor in state.items()}
