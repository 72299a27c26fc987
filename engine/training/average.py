"""The moving average of a generator's weights, which draws better pictures than the weights of any one step."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["update_average"]


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, step: int, decay: float, start: int = 0) -> None:
    """Move `average` towards `model`: average <- d average + (1 - d) model, for parameters and buffers alike.

    d warms up as (1 + step) / (10 + step) until it reaches `decay`, so that the random start is soon forgotten; with a
    start, it is 0 before that step and `decay` from then on (BigGAN's code). Running statistics are averaged with the
    weights, since they belong to them; counters are copied.
    """
    warm = float(step >= start) if start else (1 + step) / (10 + step)
    weight = 1 - min(decay, warm)
    old, new = average.state_dict(), model.state_dict()
    for name, value in old.items():
        if value.is_floating_point():
            value.lerp_(new[name], weight)
        else:
            value.copy_(new[name])
