"""When a run is to be stopped: numbers that are not finite, losses beyond reason, pictures that only get worse."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

__all__ = ["Watch", "not_finite"]

MEMORY = 0.98  # of the running means of losses: about the last fifty steps
WORSE = 1.5  # times the best Frechet distance
LEARNED = 0.5  # of the first Frechet distance: until one is below, there is nothing that a run could have unlearned


def not_finite(losses: Mapping[str, float]) -> list[str]:
    """Names of the losses that are NaN or infinite."""
    return [name for name, value in losses.items() if not math.isfinite(value)]


class Watch:
    """Remembers how a run has been going."""

    def __init__(self, limits: Mapping[str, float], patience: int = 3, distances: Sequence[float] = ()) -> None:
        """Watch losses against limits, and Frechet distances, of which these were measured before.

        Args:
            limits: loss -> how large its running mean may get, either way.
            patience: how many measures in a row must be much worse than the best one; 0 not to judge by them.
            distances: those of the run before it was stopped.
        """
        self.limits, self.patience, self.distances = limits, patience, list(distances)
        self.means: dict[str, float] = {}

    def losses(self, losses: Mapping[str, float]) -> str:
        """Take note of a step's losses; returns why the run has diverged, or nothing."""
        for name, limit in self.limits.items():
            mean = self.means.get(name, 0.0)
            self.means[name] = mean = MEMORY * mean + (1 - MEMORY) * losses[name]
            if abs(mean) > limit:
                return f"the running mean of the {name} loss is beyond {limit:g}"
        return ""

    def best(self, distance: float) -> bool:
        """Take note of a Frechet distance; returns whether it is the smallest so far."""
        self.distances.append(distance)
        return distance <= min(self.distances)

    def worse(self) -> str:
        """Why the run has diverged by its Frechet distances, or nothing.

        The first distances are noise: a run whose best is not well below its first is not judged.
        """
        last, best = self.distances[-self.patience :], min(self.distances, default=0.0)
        if not self.patience or len(last) < self.patience or best > LEARNED * self.distances[0]:
            return ""
        if min(last) > WORSE * best:
            return f"the Frechet distance was more than {WORSE:g} times the best in the last {self.patience} measures"
        return ""
