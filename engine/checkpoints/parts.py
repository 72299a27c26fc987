"""From canonical tensors to networks, strictly, and back.

Canonical names are the networks' own (`layers.0.conv1.weight`). Every tensor that a network has must arrive, in its
shape, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..errors import CheckpointError
from .contents import some
from .outline import FAMILIES, Config

__all__ = ["build", "family_of", "weights"]

COUNTERS = "num_batches_tracked"
"""Batch norms of torch count their updates; nothing reads the count, so no file holds it."""
SLACK = 2**16
"""Numbers that a network may ask for beyond twice those in the file, before it is refused unseen."""


def weights(network: nn.Module) -> dict[str, Tensor]:
    """What a file holds of a network: its state under canonical names, without counters."""
    return {name: tensor for name, tensor in network.state_dict().items() if not name.endswith(COUNTERS)}


def build(config: Config, state: Mapping[str, Tensor], where: str) -> nn.Module:
    """The network of `config` that takes over the tensors of `state`, in evaluation mode, its parameters frozen.

    It can be differentiated through even when built under `torch.inference_mode()`, as ComfyUI's nodes run.

    Args:
        config: what fixes its shape.
        state: canonical name -> tensor.
        where: for messages: which part of which file.

    Raises:
        CheckpointError: missing or unknown names, other shapes, or numbers that are not finite.
    """
    budget = 2 * sum(tensor.numel() for tensor in state.values()) + SLACK
    with torch.inference_mode(False), torch.no_grad():
        with _Frugal(budget, where):
            network = _network(config)
        _check(weights(network), state, where)
        counters = {name: old for name, old in network.state_dict().items() if name.endswith(COUNTERS)}
        # The tensors are taken over, not copied: a model of half the memory would not hold both.
        network.load_state_dict({**state, **counters}, strict=True, assign=True)
    return network.eval().requires_grad_(False)


class _Frugal(TorchFunctionMode):
    """Makes a network that is about to be filled from a file: without random numbers, and within a budget of memory.

    The budget stops a header that describes a huge network over a small file. (The meta device would do it too, but
    draws in torch's compiler, whose import takes longer than all of the loading.)
    """

    DRAWS = ("normal_", "uniform_", "kaiming_uniform_")
    CREATES = (torch.empty, torch.zeros, torch.ones, torch.full, torch.randn)

    def __init__(self, budget: int, where: str) -> None:
        super().__init__()
        self.left, self.where = budget, where

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in self.DRAWS:
            return args[0] if args else kwargs["tensor"]
        if func in self.CREATES:
            self.left -= math.prod(args if isinstance(args[0], int) else args[0])
            if self.left < 0:
                raise CheckpointError(
                    f"The weights must fill the network; {self.where} describes one far larger than its weights. "
                    "Do not trust this file."
                )
        return func(*args, **kwargs)


def family_of(config: Config) -> str:
    """The family that a configuration belongs to.

    Raises:
        CheckpointError: to none.
    """
    for family, parts in FAMILIES.items():
        if any(type(config) is known for known, _ in parts.values()):
            return family
    raise CheckpointError(
        f"A network must be of a known family ({', '.join(FAMILIES)}) to be saved; got "
        f"{type(config).__name__}. Enter its family in FAMILIES (engine/checkpoints/outline.py)."
    )


def _network(config: Config) -> nn.Module:
    networks = {known: network for parts in FAMILIES.values() for known, network in parts.values()}
    return networks[type(config)](config)


def _check(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor], where: str) -> None:
    if missing := wanted.keys() - state.keys():
        raise CheckpointError(
            f"Every weight must be there; {where} lacks {some(missing)}. Download or convert it again."
        )
    if unknown := state.keys() - wanted.keys():
        raise CheckpointError(
            f"Every weight must be known; {where} also has {some(unknown)}. Is it another network's file?"
        )
    for name, tensor in state.items():
        if tensor.shape != wanted[name].shape:
            raise CheckpointError(
                f"The weights must fit one another; in {where}, {name} should have shape {tuple(wanted[name].shape)} "
                f"and has {tuple(tensor.shape)}. It is another layout, or was put together from several models."
            )
        # The extremes are finite where all are; asking each number would take as much memory again as the tensor.
        if not all(extreme.isfinite() for extreme in torch.aminmax(tensor)):
            raise CheckpointError(
                f"Weights must be finite numbers; in {where}, {name} holds NaN or infinity. "
                "The training diverged or the file is damaged: use an earlier snapshot."
            )
