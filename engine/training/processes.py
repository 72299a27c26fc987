"""The processes that share a run, by Hugging Face Accelerate; one alone needs it not.

Started by `torchrun`, every process builds the same networks and draws the same batches, and works on its own rows of
each. After the backward pass the gradients are summed, so all take the same step and stay equal to the bit. (No network
is wrapped: eq. 6 differentiates twice, which the hooks of torch's wrapper do not survive.) The first process alone
writes files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError, TrainingError

__all__ = ["ALONE", "Processes", "join_processes", "processes_here"]


@dataclass(frozen=True)
class Processes:
    """Which of the processes this is, and what they tell one another."""

    rank: int = 0
    """Number of this process, from 0."""
    count: int = 1
    """How many there are."""
    accelerator: Any = None
    """Accelerate's own; None for a process alone."""

    @property
    def first(self) -> bool:
        """Whether this is the one that writes files."""
        return self.rank == 0

    def share(self, count: int, parts: int, name: str) -> int:
        """How many of a batch of `count` pictures, which is cut into so many parts, belong to each process.

        Raises:
            InputError: they cannot be shared evenly.
        """
        pieces = self.count * parts
        if count % pieces:
            raise InputError(
                f"The processes times accumulate must divide the {name}; got {self.count} x {parts} for {count}. Make "
                f"the {name} a multiple of {pieces}."
            )
        return count // self.count

    def sum(self, values: Tensor) -> Tensor:
        """The sum of a tensor over all processes."""
        return values if self.count == 1 else self.accelerator.reduce(values, reduction="sum")

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Put the sum of all processes' gradients in the place of each one's own."""
        found = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if self.count == 1 or not found:
            return
        total = self.sum(torch.cat([gradient.reshape(-1) for gradient in found]))  # one message, not hundreds
        for gradient, part in zip(found, total.split([gradient.numel() for gradient in found]), strict=True):
            gradient.copy_(part.view(gradient.shape))

    def mean(self, losses: Mapping[str, float]) -> dict[str, float]:
        """The means of all processes' losses: the same everywhere, so that all stop at the same step."""
        if self.count == 1:
            return dict(losses)
        device = self.accelerator.device
        kind = torch.float32 if device.type == "mps" else torch.float64
        total = self.sum(torch.tensor(list(losses.values()), dtype=kind, device=device))
        return dict(zip(losses, (total / self.count).tolist(), strict=True))

    def any(self, here: bool) -> bool:
        """Whether it holds in any process."""
        return here if self.count == 1 else self.mean({"here": float(here)})["here"] > 0

    def agree(self, value: int) -> bool:
        """Whether all processes have the same value: then, and only then, it is everywhere the mean of all."""
        return not self.any(self.mean({"value": float(value)})["value"] != value)

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.count > 1:
            self.accelerator.wait_for_everyone()


ALONE = Processes()


def join_processes(device: str) -> tuple[Processes, str]:
    """Find the other processes of this run, if `torchrun` started several.

    Args:
        device: cpu, or another for each process to have its own of.

    Returns:
        The processes, and this one's device.

    Raises:
        TrainingError: there are several, and Accelerate is not installed.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE, device
    try:
        from accelerate import Accelerator  # pyright: ignore[reportMissingImports]  # an extra
    except ImportError as error:
        raise TrainingError(
            "A run on several processes needs Hugging Face Accelerate, which is not installed. Run "
            "`pip install neural-collage[accelerate]`, or start one process."
        ) from error
    accelerator = Accelerator(cpu=device == "cpu", mixed_precision="no")  # the task's own autocast is used
    return Processes(accelerator.process_index, accelerator.num_processes, accelerator), str(accelerator.device)


def processes_here() -> int:
    """How many processes of this run share this machine.

    Launchers set LOCAL_WORLD_SIZE; where there is none, all may be here.
    """
    return int(os.environ.get("LOCAL_WORLD_SIZE") or os.environ.get("WORLD_SIZE") or "1")
