"""Reading the residual generator of PyTorch's collections of GANs, whatever its modules are called there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from ..errors import InputError
from ..networks.sngan import ResNetConfig
from .torch_weights import TorchWeights, square_side

__all__ = ["ResNetNames", "attention_state", "convolution_state", "generator_config", "generator_state"]

BATCH_NORM = ("weight", "bias", "running_mean", "running_var")
"""The parts of torch's batch norm, and of ours at the end."""


@dataclass(frozen=True)
class ResNetNames:
    """What the modules of a generator are called in a file."""

    first: str
    """The linear layer."""
    blocks: Sequence[str]
    """The residual blocks, in order."""
    inside: Mapping[str, str]
    """The modules of a block: ours -> theirs."""
    attention: Mapping[int, str]
    """Number of a block, from 1 -> the attention behind it."""
    attention_inside: Mapping[str, str]
    """The parts of attention: ours -> theirs."""
    last_norm: str
    """The batch norm at the end."""
    last_conv: str
    """The convolution at the end."""


def generator_config(weights: TorchWeights, names: ResNetNames, n_classes: int, eps: float, up: str) -> ResNetConfig:
    """The sizes of a generator, read off the shapes of its weights; eps and upsampling are no weights.

    Raises:
        CheckpointError: weights are missing, or their shapes contradict one another.
    """
    rows, dim_z = weights.shape(f"{names.first}.weight", 2)
    conv1, conv2 = (names.inside[name] for name in ("conv1", "conv2"))
    first = weights.shape(f"{names.blocks[0]}.{conv1}.weight", 4)[1] if names.blocks else 0
    channels = (first, *(weights.shape(f"{block}.{conv2}.weight", 4)[0] for block in names.blocks))
    bottom = square_side(rows, first)
    if not bottom:
        raise weights.error(f"{names.first} must make a square map of {first} channels; {rows} numbers do not")
    try:
        return ResNetConfig(channels, n_classes, dim_z, bottom, eps, up, tuple(names.attention))
    except InputError as error:
        raise weights.error(f"the shapes are impossible: {error}") from error


def generator_state(
    weights: TorchWeights, names: ResNetNames, norm: Callable[[TorchWeights, str], Mapping[str, Tensor]]
) -> dict[str, Tensor]:
    """All weights of a generator under canonical names; `norm` reads a conditional norm, given what it is called.

    Raises:
        CheckpointError: weights are missing.
    """
    state = _named("first", convolution_state(weights, names.first))
    for number, block in enumerate(names.blocks):
        for ours, theirs in names.inside.items():
            read = norm if ours.startswith("norm") else convolution_state
            state |= _named(f"layers.{number}.{ours}", read(weights, f"{block}.{theirs}"))
    for number, module in names.attention.items():
        attention = attention_state(weights, module, names.attention_inside)
        state |= _named(f"layers.{number - 1}.attention", attention)
    state |= {f"last_norm.{name}": weights.take(f"{names.last_norm}.{name}") for name in BATCH_NORM}
    return state | _named("last_conv", convolution_state(weights, names.last_conv))


def convolution_state(weights: TorchWeights, module: str) -> dict[str, Tensor]:
    """The weight of a convolution or linear layer as it is used, and its offset."""
    return {"weight": weights.folded(module), "bias": weights.take(f"{module}.bias")}


def attention_state(weights: TorchWeights, module: str, inside: Mapping[str, str]) -> dict[str, Tensor]:
    """The weights of `SelfAttention`; `inside` tells what its parts are called."""
    state = {f"{ours}.weight": weights.folded(f"{module}.{inside[ours]}") for ours in ("theta", "phi", "g", "o")}
    gamma = weights.take(f"{module}.{inside['gamma']}")
    return state | {"gamma": gamma.reshape(()) if gamma.numel() == 1 else gamma}


def _named(place: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{place}.{name}": tensor for name, tensor in state.items()}
