"""95 % intervals of figures in which some tasks are about the same photograph, and so are no independent trials.

What varies from one sample of photographs to another is found by drawing photographs again, with all of their tasks
(the bootstrap of Efron 1979, over clusters, by percentiles).

Shapes: T tasks, P photographs, B resamples.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

CONFIDENCE = 1.959964  # standard deviations of a normal distribution that hold 95 %
BOUNDS = (0.025, 0.975)
RESAMPLES = 2000


def resampled(count: int, times: int, seed: int = 0) -> Tensor:
    """How often each of `count` photographs was drawn when as many were drawn again: (B, P) float64, rows sum to P."""
    drawn = torch.randint(count, (times, count), generator=torch.Generator().manual_seed(seed))
    return torch.zeros(times, count, dtype=torch.float64).scatter_add_(1, drawn, torch.ones_like(drawn).double())


def share_by_photograph(wrong: Tensor, photos: Tensor, seed: int = 0) -> tuple[float, float]:
    """The interval of the share of tasks (T,) that are true, whose photographs are `photos` (T,): low and high, 0 to 1.

    Where all photographs have one share, no resample differs: then it is Wilson's, with photographs for trials.
    """
    _, own = photos.unique(return_inverse=True)
    tasks = own.bincount().double()  # of each photograph
    misses = own.bincount(wrong.double())
    shares = misses / tasks
    if (shares == shares[0]).all():
        return wilson(len(shares) * shares[0].item(), len(shares))
    weights = resampled(len(shares), RESAMPLES, seed)
    found = (weights @ misses) / (weights @ tasks)
    low, high = found.quantile(found.new_tensor(BOUNDS)).tolist()
    return low, high


def wilson(count: float, total: int) -> tuple[float, float]:
    """The interval of a share, `count` of `total` independent trials (Wilson 1927): low and high, 0 to 1."""
    share, weight = count / total, CONFIDENCE**2 / total
    centre = (share + weight / 2) / (1 + weight)
    reach = CONFIDENCE * math.sqrt(share * (1 - share) / total + weight / total / 4) / (1 + weight)
    return max(0.0, centre - reach), min(1.0, centre + reach)
