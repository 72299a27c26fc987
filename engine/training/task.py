"""What the training loop asks of a kind of training: make a step, say what you carry, show pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from ..networks.batch_statistics import share_statistics
from .data import ImageSet
from .draws import Draws
from .precision import fastest
from .processes import ALONE, Processes
from .settings import RunSettings

__all__ = ["Task", "held_size", "shown_classes"]

MOST_CLASSES = 16
"""Rows of a sheet of samples."""

Settings = TypeVar("Settings", bound=RunSettings)
Network = TypeVar("Network", bound=nn.Module)


class Task(ABC, Generic[Settings]):
    """Base of the kinds of training: everything that a run carries from step to step, and one step of it.

    All randomness comes from `random`, on the CPU, so that a run that went on from a snapshot ends bit for bit as one
    that was never stopped. Losses are divided such that gradients, summed over the parts of a batch and over the
    processes, are those of the whole batch; batch norms measure one part at a time, over all processes.
    """

    kind: ClassVar[str]
    """Name of the kind on the command line and in snapshots."""
    parts: tuple[str, ...]
    """Attributes with a state: the networks that learn and their optimisers."""
    limits: ClassVar[dict[str, float]] = {}
    """Losses whose running mean beyond this, either way, means that the run has diverged."""

    def __init__(
        self, settings: Settings, data: ImageSet, device: str = "cpu", processes: Processes = ALONE, resolution: int = 0
    ) -> None:
        self.data, self.device = data, torch.device(device)
        chosen = fastest(self.device) if settings.precision == "auto" else settings.precision
        self.settings = replace(settings, precision=chosen)
        self.processes, self.resolution = processes, resolution
        self.dtype = torch.float64 if settings.precision == "fp64" else torch.float32
        self.done = 0
        """Steps made so far."""
        self.seen = data.digests.unique()
        """Digests of the pictures that the run was ever trained on, each once: (N,) int64."""
        self.random = torch.Generator().manual_seed(settings.seed)
        self.draws = Draws(self.random, processes.rank, processes.count)
        self.batch = self.share(settings.batch, "batch")

    def prepare(self) -> None:
        """Do what comes once, before the first step. A step sees to it by itself."""

    @abstractmethod
    def step(self) -> dict[str, float]:
        """Make one step; returns its losses by name."""

    @abstractmethod
    def samples(self) -> Tensor:
        """Pictures to look at: (rows, columns, 3, R, R) in [-1, 1]."""

    def draw(self) -> tuple[Tensor, Tensor]:
        """This process's real pictures of a batch, (N, 3, R, R) in [-1, 1], and their labels (N,), on the device."""
        own = self.settings
        images, labels = self.data.draw(
            self.batch, self.draws, flips=own.flips, balance=own.balance, noise=own.noise, size=self.resolution
        )
        return images.to(self.device, self.dtype), labels.to(self.device)

    def share(self, count: int, name: str) -> int:
        """How many of `count` pictures belong to this process; see `Processes.share`."""
        return self.processes.share(count, self.settings.accumulate, name)

    def pieces(self, *rows: Tensor) -> Iterator[tuple[Tensor, ...]]:
        """The parts of a batch whose gradients are accumulated, one after the other."""
        return zip(*(tensor.chunk(self.settings.accumulate) for tensor in rows), strict=True)

    @property
    def weight(self) -> float:
        """What the mean over one part of the batch counts in the mean over all parts of all processes."""
        return 1 / (self.settings.accumulate * self.processes.count)

    def adam(self, parameters: Any, rate: float) -> torch.optim.Adam:
        """Adam with the settings' betas and epsilon."""
        own = self.settings
        return torch.optim.Adam(parameters, rate, (own.beta1, own.beta2), own.adam_eps)

    def gather(self, network: nn.Module) -> None:
        """Sum a network's gradients over the processes."""
        self.processes.sum_gradients(network.parameters())

    def descend(self, optimiser: torch.optim.Optimizer, rate: float) -> None:
        """One step along the gradients at hand, at this rate times the schedule's factor."""
        for group in optimiser.param_groups:
            group["lr"] = group.get("share", 1.0) * rate * self.settings.rate_factor(self.done)
        optimiser.step()

    def place(self, network: Network) -> Network:
        """The network on the device. Channels-last is what bf16 is fast in, on a CPU as on a GPU."""
        if self.processes.count > 1:
            share_statistics(network)
        return network.to(self.device, self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def autocast(self) -> torch.autocast:
        """bf16 where the settings say so."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bf16")

    def faults(self) -> list[str]:
        """Names of weights that are not finite: a step may spoil them and still have had a finite loss."""
        networks = {name: getattr(self, name) for name in self.parts}
        return [
            f"{name}.{key}"
            for name, network in networks.items()
            if isinstance(network, nn.Module)
            for key, value in network.state_dict().items()
            if value.is_floating_point() and not torch.isfinite(value).all()
        ]

    def state(self) -> dict[str, Any]:
        """Everything needed to go on as if never stopped: plain values and tensors."""
        return {
            "kind": self.kind,
            "done": self.done,
            "settings": asdict(self.settings),
            "class_names": list(self.data.class_names),
            "hold_out": self.data.hold_out,
            "trained_on": self.seen,
            "random": self.random.get_state(),
            **{name: getattr(self, name).state_dict() for name in self.parts},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state()` returned; the networks must have the same shapes.

        Older snapshots do not say what they were trained on.
        """
        self.seen = torch.cat([self.seen, state.get("trained_on", self.seen)]).unique()
        for name in self.parts:
            getattr(self, name).load_state_dict(state[name])
        self.random.set_state(state["random"])
        self.done = state["done"]


def shown_classes(count: int) -> Tensor:
    """Which of `count` classes a sheet shows: all, or `MOST_CLASSES` spread evenly over them."""
    return torch.linspace(0, count - 1, min(count, MOST_CLASSES)).long()


def held_size(resolution: int, settings: RunSettings) -> int:
    """Side of the pictures to keep, so that the settings' crop of them has this resolution, in pixels."""
    return round(resolution / settings.crop)
